"""The fixed part of numba's kernels, as text: loops over instructions, runs, blocks, passes.

v and adjoints hold a slot per row and a lane per column; one sample is one lane.
"""

HEAD = '''\
"""Replay kernels, generated from the op table."""
import math

from numba import njit

fast = njit(cache=True, nogil=True, error_model="python")
'''

# As CPython's math: no number out of numbers is a domain error, infinity out of finite ones an overflow.
CHECKED = '''
@fast
def math_{name}(x):
    y = math.{name}(x)
    if y != y and x == x:
        raise ValueError("math domain error")
    if math.isinf(y) and not math.isinf(x):
        raise OverflowError("math range error")
    return y
'''
CHECKED_POW = '''
@fast
def checked_pow(x, y):
    z = math.pow(x, y)
    if z != z and x == x and y == y:
        raise ValueError("not a real number")
    if math.isinf(z) and not math.isinf(x) and not math.isinf(y):
        raise OverflowError("no finite result")
    return z
'''


BLOCKS = '''
# Arrays are cut to size before the inner loops, and inner loops count from 0: what is indexed by anything
# else may be negative for all that the compiler knows, and is not vectorised.


@fast
def add_products(z, w, a):
    # z[l, u] += w[k, u] × a[l, k], k ascending: vectorised over u
    L, U = z.shape
    K = len(w)
    for k in range(0, K - 7, 8):
        for l in range(L):
            a0, a1, a2, a3 = a[l, k], a[l, k + 1], a[l, k + 2], a[l, k + 3]
            a4, a5, a6, a7 = a[l, k + 4], a[l, k + 5], a[l, k + 6], a[l, k + 7]
            for u in range(U):
                t = z[l, u] + w[k, u] * a0
                t = t + w[k + 1, u] * a1
                t = t + w[k + 2, u] * a2
                t = t + w[k + 3, u] * a3
                t = t + w[k + 4, u] * a4
                t = t + w[k + 5, u] * a5
                t = t + w[k + 6, u] * a6
                z[l, u] = t + w[k + 7, u] * a7
    for k in range(K - K % 8, K):
        for l in range(L):
            for u in range(U):
                z[l, u] += w[k, u] * a[l, k]


@fast
def copy_turned(p, first, stride, U, target):
    # target[k, u] = the parameter k of row u, four rows at a time
    K = len(target)
    for u in range(0, U - 3, 4):
        w = first + u * stride
        p0, p1 = p[w : w + K], p[w + stride : w + stride + K]
        p2, p3 = p[w + 2 * stride : w + 2 * stride + K], p[w + 3 * stride : w + 3 * stride + K]
        for k in range(K):
            target[k, u] = p0[k]
            target[k, u + 1] = p1[k]
            target[k, u + 2] = p2[k]
            target[k, u + 3] = p3[k]
    for u in range(U - U % 4, U):
        p0 = p[first + u * stride : first + u * stride + K]
        for k in range(K):
            target[k, u] = p0[k]


@fast
def run_forward(start, w, read, v, out):
    # out[l] = start[l] + w[k] × v[read[k], l], k ascending: vectorised over lanes, eight totals in registers
    L = len(out)
    for first in range(0, L if L >= 8 else 0, 8):
        l = min(first, L - 8)  # tiles overlap at the edge: what is made twice has the same bits
        z = start[l : l + 8]
        z0, z1, z2, z3, z4, z5, z6, z7 = z[0], z[1], z[2], z[3], z[4], z[5], z[6], z[7]
        for k in range(len(w)):
            a = v[read[k], l : l + 8]
            z0 += w[k] * a[0]
            z1 += w[k] * a[1]
            z2 += w[k] * a[2]
            z3 += w[k] * a[3]
            z4 += w[k] * a[4]
            z5 += w[k] * a[5]
            z6 += w[k] * a[6]
            z7 += w[k] * a[7]
        z = out[l : l + 8]
        z[0], z[1], z[2], z[3], z[4], z[5], z[6], z[7] = z0, z1, z2, z3, z4, z5, z6, z7
    if L < 8:
        for l in range(L):
            total = start[l]
            for k in range(len(w)):
                total += w[k] * v[read[k], l]
            out[l] = total


@fast
def block_forward(blocks, at, read, rows, v, p, copies, work, tile):
    U, K, first, stride, r, s, offset, fresh, wanted = blocks[at]
    L = v.shape[1]
    a = copies[offset * L : (offset + K) * L].reshape(L, K)
    for k in range(K if fresh else 0):
        from_slot = v[read[r + k]]
        for l in range(L):
            a[l, k] = from_slot[l]
    if U == 1:
        run_forward(v[rows[s, 0]], p[first : first + K], read[r : r + K], v, v[rows[s, 1]])
        return
    w = work[: K * U].reshape(K, U)
    copy_turned(p, first, stride, U, w)
    z = tile[: L * U].reshape(L, U)
    for u in range(U):
        for l in range(L):
            z[l, u] = v[rows[s + u, 0], l]
    add_products(z, w, a)
    for u in range(U):
        for l in range(L):
            v[rows[s + u, 1], l] = z[l, u]


@fast
def add_rows(total, rows, g):
    # total[k] += g[i] × rows[i, k], i ascending: vectorised over k
    if len(g) == 5:
        g0, g1, g2, g3, g4 = g[0], g[1], g[2], g[3], g[4]
        for k in range(len(total)):
            t = total[k] + g0 * rows[0, k]
            t = t + g1 * rows[1, k]
            t = t + g2 * rows[2, k]
            t = t + g3 * rows[3, k]
            total[k] = t + g4 * rows[4, k]
    else:
        for i in range(len(g)):
            for k in range(len(total)):
                total[k] += g[i] * rows[i, k]


@fast
def add_four(total, p0, p1, p2, p3, g0, g1, g2, g3):
    for k in range(len(total)):
        t = total[k] + g0 * p0[k]
        t = t + g1 * p1[k]
        t = t + g2 * p2[k]
        total[k] = t + g3 * p3[k]


@fast
def add_one(total, p0, g0):
    for k in range(len(total)):
        total[k] += g0 * p0[k]


@fast
def block_totals(blocks, at, rows, copies, adjoints, totals, part, parts):
    U, K, first, stride, r, s, offset, fresh, wanted = blocks[at]
    L = adjoints.shape[1]
    a = copies[offset * L : (offset + K) * L].reshape(L, K)
    for u in range(U * part // parts, U * (part + 1) // parts):
        total = totals[first + u * stride : first + u * stride + K]
        g = adjoints[rows[s + u, 1]]
        for l in range(0, L, 5):
            add_rows(total, a[l : l + 5], g[l : l + 5])


@fast
def block_backward(blocks, at, read, rows, v, p, adjoints, inputs, tile):
    U, K, first, stride, r, s, offset, fresh, wanted = blocks[at]
    L = v.shape[1]
    g = tile[: U * L].reshape(U, L)
    for u in range(U):
        for l in range(L):
            g[u, l] = adjoints[rows[s + u, 1], l]
    if inputs or wanted:
        d = tile[U * L : (U + K) * L].reshape(L, K)
        for k in range(K):
            for l in range(L):
                d[l, k] = adjoints[read[r + k], l]
        u = U - 1  # from the last run to the first
        while u >= 0:
            w = first + u * stride
            p0 = p[w : w + K]
            if u >= 3:
                p1, p2 = p[w - stride : w - stride + K], p[w - 2 * stride : w - 2 * stride + K]
                p3 = p[w - 3 * stride : w - 3 * stride + K]
                for l in range(L):
                    add_four(d[l], p0, p1, p2, p3, g[u, l], g[u - 1, l], g[u - 2, l], g[u - 3, l])
                u -= 4
            else:
                for l in range(L):
                    add_one(d[l], p0, g[u, l])
                u -= 1
        for k in range(K):
            for l in range(L):
                adjoints[read[r + k], l] = d[l, k]
    for u in range(U - 1, -1, -1):
        for l in range(L):
            adjoints[rows[s + u, 0], l] += g[u, l]
'''

FORWARD = '''
@fast
def forward(code, pairs, constants, blocks, read, rows, loose, v, p, copies, work, tile):
    L = v.shape[1]
    one = v.reshape(-1)
    for i in range(loose.shape[0]):
        for l in range(L):
            v[loose[i, 1], l] = p[loose[i, 0]]
    for i in range(code.shape[0]):
        kind, o, a, b, k = code[i, 0], code[i, 1], code[i, 2], code[i, 3], code[i, 4]
        if kind == -1 and L == 1:  # without a loop over lanes within the loop
            total = one[k]
            for j in range(a, b):
                total += one[pairs[j, 0]] * one[pairs[j, 1]]
            one[o] = total
        elif kind == -1:
            for l in range(L):
                v[o, l] = v[k, l]
            j = a
            while j + 4 <= b:
                x0, y0, x1, y1 = pairs[j, 0], pairs[j, 1], pairs[j + 1, 0], pairs[j + 1, 1]
                x2, y2, x3, y3 = pairs[j + 2, 0], pairs[j + 2, 1], pairs[j + 3, 0], pairs[j + 3, 1]
                for l in range(L):
                    t = v[o, l] + v[x0, l] * v[y0, l]
                    t = t + v[x1, l] * v[y1, l]
                    t = t + v[x2, l] * v[y2, l]
                    v[o, l] = t + v[x3, l] * v[y3, l]
                j += 4
            while j < b:
                x0, y0 = pairs[j, 0], pairs[j, 1]
                for l in range(L):
                    v[o, l] += v[x0, l] * v[y0, l]
                j += 1
        elif kind == -2:
            block_forward(blocks, a, read, rows, v, p, copies, work, tile)
        elif kind == -3:
            for l in range(L):
                total = v[k, l]
                for j in range(a, b):
                    total += v[pairs[j, 0], l]
                v[o, l] = total
'''
BACKWARD = '''
# What parameters get, when no adjoint changes any more: in `parts` shares, which have no parameter in common.
@fast
def add_totals(summed, blocks, rows, loose, copies, adjoints, totals, part, parts):
    L = adjoints.shape[1]
    for i in range(summed.shape[0]):
        block_totals(blocks, summed[i], rows, copies, adjoints, totals, part, parts)
    for i in range(loose.shape[0] * part // parts, loose.shape[0] * (part + 1) // parts):
        for l in range(L):
            totals[loose[i, 0]] += adjoints[loose[i, 1], l]


@fast
def backward(code, pairs, constants, blocks, read, rows, v, p, adjoints, inputs, tile):
    L = adjoints.shape[1]
    one, its = v.reshape(-1), adjoints.reshape(-1)
    for i in range(code.shape[0] - 1, -1, -1):
        kind, o, a, b, k = code[i, 0], code[i, 1], code[i, 2], code[i, 3], code[i, 4]
        if kind == -1 and L == 1:
            g = its[o]
            for j in range(b - 1, a - 1, -1):
                x, y = pairs[j, 0], pairs[j, 1]
                its[x] += g * one[y]
                its[y] += g * one[x]
            its[k] += g
        elif kind == -1:
            for j in range(b - 1, a - 1, -1):
                x, y = pairs[j, 0], pairs[j, 1]
                for l in range(L):
                    g = adjoints[o, l]
                    adjoints[x, l] += g * v[y, l]
                    adjoints[y, l] += g * v[x, l]
            for l in range(L):
                adjoints[k, l] += adjoints[o, l]
        elif kind == -2:
            block_backward(blocks, a, read, rows, v, p, adjoints, inputs, tile)
        elif kind == -3:
            for l in range(L):
                g = adjoints[o, l]
                x = pairs[b - 1, 0]
                total = adjoints[x, l]
                for j in range(b - 1, a - 1, -1):
                    y = pairs[j, 0]
                    if y != x:
                        adjoints[x, l] = total
                        x = y
                        total = adjoints[x, l]
                    total += g
                adjoints[x, l] = total
                adjoints[k, l] += g
'''
# What the caller calls, a part at a time: of the chunks of lanes (chunk i is lanes edges[i] … edges[i + 1] − 1), and in
# `sum_up` of the parameters, each through all chunks in ascending order. If there is one part, `go_back` sums up.
PASSES = '''
@fast
def chunk(edges, i, buffer):
    n = len(buffer) // edges[-1]
    return buffer[n * edges[i] : n * edges[i + 1]].reshape(n, edges[i + 1] - edges[i])


@fast
def replay(part, parts, edges, x, out, root, code, pairs, constants, blocks, read, rows, loose, v, p, copies, work, t):
    for i in range(part, len(edges) - 1, parts):
        lanes, mine = chunk(edges, i, v), chunk(edges, i, copies).reshape(-1)
        lanes[: len(x)] = x[:, edges[i] : edges[i + 1]]
        forward(code, pairs, constants, blocks, read, rows, loose, lanes, p, mine, work, t)
        out[edges[i] : edges[i + 1]] = lanes[root]


@fast
def sum_up(part, parts, edges, summed, blocks, rows, loose, copies, adjoints, totals):
    for i in range(len(edges) - 1):
        mine = chunk(edges, i, copies).reshape(-1)
        add_totals(summed, blocks, rows, loose, mine, chunk(edges, i, adjoints), totals, part, parts)


@fast
def go_back(
    part, parts, edges, seeds, root, code, pairs, constants, blocks, read, rows, v, p, adjoints, inputs, tile,
    summed, loose, copies, totals,
):
    for i in range(part, len(edges) - 1, parts):
        g = chunk(edges, i, adjoints)
        g[:] = -0.0
        g[root] = seeds[edges[i] : edges[i + 1]]
        backward(code, pairs, constants, blocks, read, rows, chunk(edges, i, v), p, g, inputs, tile)
        if parts == 1:
            mine = chunk(edges, i, copies).reshape(-1)
            add_totals(summed, blocks, rows, loose, mine, g, totals, 0, 1)
'''
