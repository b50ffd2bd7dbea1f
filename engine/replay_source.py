"""The source of the replay kernels, made from the op table's text.

A kernel walks a program of instructions (kind, out, a, b, c): an op reads the slots a and b and the
constant number c; a run (`engine.schedule`) starts from slot c and adds the products of the pairs
a … b−1, a sum their first slots; a block has number a.  The two languages, plain Python and numba,
get the same formulas: in plain Python the row's text as it is, for numba the same text with ints as
floats and with functions that raise where Python's raise.

Adjoints start as −0.0, the one number that x + (−0.0) = x for every x, −0.0 included: so "the first
contribution is assigned" needs no case of its own.
"""

from __future__ import annotations

import math

from engine import scalars
from engine.ops import compile_function
from engine.schedule import BLOCK, RUN, SUM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from engine.ops import Op

# -- plain Python -------------------------------------------------------------------------------

_FORWARD = """
def forward(program, pairs, blocks, constants, v, p):
    done = 0
    try:
        for kind, o, a, b, k in program:
{cases}
            done += 1
    except (ArithmeticError, ValueError) as error:
        raise Stopped(done, error) from error
"""
_BACKWARD = """
def backward(program, pairs, blocks, constants, v, p, adjoints, totals):
    done = 0
    try:
        for kind, o, a, b, k in program:
{cases}
            done += 1
    except (ArithmeticError, ValueError) as error:
        raise Stopped(done, error) from error
"""
_RUN_FORWARD = """
total = v[k]
for i, j in pairs[a:b]:
    total = total + v[i] * v[j]
v[o] = total
"""
_RUN_BACKWARD = """
g = adjoints[o]
for i, j in reversed(pairs[a:b]):
    adjoints[i] += g * v[j]
    adjoints[j] += g * v[i]
adjoints[k] += g
"""
_SUM_FORWARD = """
total = v[k]
for i, _ in pairs[a:b]:
    total = total + v[i]
v[o] = total
"""
_SUM_BACKWARD = """
g = adjoints[o]
for i, _ in reversed(pairs[a:b]):
    adjoints[i] += g
adjoints[k] += g
"""
_BLOCK_FORWARD = """
read, rows = blocks[a]
for first, start, o in rows:
    total = v[start]
    for i in read:
        total = total + p[first] * v[i]
        first += 1
    v[o] = total
"""
_BLOCK_BACKWARD = """
read, rows = blocks[a]
for first, start, o in reversed(rows):
    g = adjoints[o]
    for w, i in enumerate(read, first):
        totals[w] += g * v[i]
        adjoints[i] += g * p[w]
for first, start, o in reversed(rows):
    adjoints[start] += adjoints[o]
"""


_FIXED_FORWARD = {RUN: _RUN_FORWARD, SUM: _SUM_FORWARD, BLOCK: _BLOCK_FORWARD}
_FIXED_BACKWARD = {RUN: _RUN_BACKWARD, SUM: _SUM_BACKWARD, BLOCK: _BLOCK_BACKWARD}


class Stopped(Exception):
    """A formula raised at instruction number `at`."""

    def __init__(self, at: int, error: Exception) -> None:
        super().__init__(str(error))
        self.at, self.error = at, error


def plain(rows: Sequence[Op], kinds: Sequence[int]) -> tuple[Callable[..., None], Callable[..., None]]:
    """(forward, backward) in plain Python; kinds: the instruction kinds that occur, the commonest first.

    forward(program, pairs, blocks, constants, v, p) fills the slots v of one sample;
    backward(…, adjoints, totals) adds to the slots' adjoints and to the totals of block parameters.
    """
    scope = {"Stopped": Stopped, "one": lambda x: 1.0, "reversed": reversed, "enumerate": enumerate}
    for name in dir(math):
        scope[name] = getattr(math, name)
    scope |= scalars.FLOATS | scalars.ORDERED
    functions = []
    for source, title, fixed, op_case in (
        (_FORWARD, "replay forward", _FIXED_FORWARD, _plain_forward),
        (_BACKWARD, "replay backward", _FIXED_BACKWARD, _plain_backward),
    ):
        cases, word = [], "if"
        for kind in kinds:
            body = fixed[kind] if kind < 0 else op_case(rows[kind])
            cases += [f"{word} kind == {kind}:", *(f"    {line}" for line in body.strip().splitlines())]
            word = "elif"
        text = "\n".join(" " * 12 + line for line in cases or ["pass"])
        functions.append(compile_function(source.format(cases=text).lstrip(), title, dict(scope)))
    return functions[0], functions[1]


def _reads(op: Op, texts: Sequence[str]) -> list[str]:
    """Lines that give x, y, out and c their values, those that the texts name."""
    named = {name for text in texts for name in compile(text, op.name, "eval").co_names}
    places = {"x": "x = v[a]", "y": "y = v[b]", "out": "out = v[o]", "c": "c = constants[k]"}
    return [line for name, line in places.items() if name in named]


def _plain_forward(op: Op) -> str:
    return "\n".join([*_reads(op, [op.forward]), f"v[o] = {op.forward}"])


def _plain_backward(op: Op) -> str:
    texts = [op.dx] if op.dy is None else [op.dx, op.dy]
    lines = [*_reads(op, texts), "g = adjoints[o]"]
    for slot, text in zip("ab", texts, strict=False):
        lines.append(f"adjoints[{slot}] += g" if text == "1" else f"adjoints[{slot}] += g * ({text})")
    return "\n".join(lines)


# -- numba ------------------------------------------------------------------------------------
#
# One text for one sample and for lanes: `@` is the index of a lane (", l", or nothing), and lines after
# `for each lane` are within a loop over lanes.

_NUMBA_HEAD = '''\
"""Replay kernels, generated from the op table."""
import math

from numba import njit

fast = njit(cache=True, nogil=True, error_model="python")
'''

# As CPython's math: no number out of numbers is a domain error, infinity out of finite ones an overflow.
_CHECKED = '''
@fast
def math_{name}(x):
    y = math.{name}(x)
    if y != y and x == x:
        raise ValueError("math domain error")
    if math.isinf(y) and not math.isinf(x):
        raise OverflowError("math range error")
    return y
'''
_CHECKED_POW = '''
@fast
def checked_pow(x, y):
    z = math.pow(x, y)
    if z != z and x == x and y == y:
        raise ValueError("not a real number")
    if math.isinf(z) and not math.isinf(x) and not math.isinf(y):
        raise OverflowError("no finite result")
    return z
'''

_NUMBA_BLOCKS_ONE = '''
@fast
def block_forward(blocks, at, read, rows, v, p, copies, work, tile):
    U, K, first, stride, r, s, offset, fresh, wanted = blocks[at]
    if fresh:
        for k in range(K):
            copies[offset + k] = v[read[r + k]]
    u = 0
    while u < U:  # four runs at a time: they wait for nothing of each other
        w0 = first + u * stride
        if u + 4 <= U:
            w1, w2, w3 = w0 + stride, w0 + 2 * stride, w0 + 3 * stride
            z0, z1, z2, z3 = v[rows[s + u, 0]], v[rows[s + u + 1, 0]], v[rows[s + u + 2, 0]], v[rows[s + u + 3, 0]]
            for k in range(K):
                a = copies[offset + k]
                z0 += p[w0 + k] * a
                z1 += p[w1 + k] * a
                z2 += p[w2 + k] * a
                z3 += p[w3 + k] * a
            v[rows[s + u, 1]], v[rows[s + u + 1, 1]], v[rows[s + u + 2, 1]], v[rows[s + u + 3, 1]] = z0, z1, z2, z3
            u += 4
        else:
            z0 = v[rows[s + u, 0]]
            for k in range(K):
                z0 += p[w0 + k] * copies[offset + k]
            v[rows[s + u, 1]] = z0
            u += 1


@fast
def add_scaled(total, first, g, row, offset, n):
    for k in range(n):
        total[first + k] += g * row[offset + k]


@fast
def block_totals(blocks, at, rows, copies, adjoints, totals, part, parts):
    U, K, first, stride, r, s, offset, fresh, wanted = blocks[at]
    for u in range(U * part // parts, U * (part + 1) // parts):
        add_scaled(totals, first + u * stride, adjoints[rows[s + u, 1]], copies, offset, K)


@fast
def block_backward(blocks, at, read, rows, v, p, adjoints, inputs, tile):
    U, K, first, stride, r, s, offset, fresh, wanted = blocks[at]
    if inputs or wanted:
        for k in range(K):
            tile[k] = adjoints[read[r + k]]
        for u in range(U - 1, -1, -1):
            add_scaled(tile, 0, adjoints[rows[s + u, 1]], p, first + u * stride, K)
        for k in range(K):
            adjoints[read[r + k]] = tile[k]
    for u in range(U - 1, -1, -1):
        adjoints[rows[s + u, 0]] += adjoints[rows[s + u, 1]]
'''

_NUMBA_BLOCKS_LANES = '''
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

_NUMBA_FORWARD = '''
@fast
def forward(code, pairs, constants, blocks, read, rows, loose, v, p, copies, work, tile):
{lanes}
    for i in range(loose.shape[0]):
        for each lane
            v[loose[i, 1]@] = p[loose[i, 0]]
    for i in range(code.shape[0]):
        kind, o, a, b, k = code[i, 0], code[i, 1], code[i, 2], code[i, 3], code[i, 4]
        if kind == -1:
{run}
        elif kind == -2:
            block_forward(blocks, a, read, rows, v, p, copies, work, tile)
        elif kind == -3:
            for each lane
                total = v[k@]
                for j in range(a, b):
                    total += v[pairs[j, 0]@]
                v[o@] = total
{cases}
'''
_NUMBA_BACKWARD = '''
# What parameters get, when no adjoint changes any more: in `parts` shares, which have no parameter in common.
@fast
def add_totals(summed, blocks, rows, loose, copies, adjoints, totals, part, parts):
{lanes}
    for i in range(summed.shape[0]):
        block_totals(blocks, summed[i], rows, copies, adjoints, totals, part, parts)
    for i in range(loose.shape[0] * part // parts, loose.shape[0] * (part + 1) // parts):
        for each lane
            totals[loose[i, 0]] += adjoints[loose[i, 1]@]


@fast
def backward(code, pairs, constants, blocks, read, rows, v, p, adjoints, inputs, tile):
{lanes}
    for i in range(code.shape[0] - 1, -1, -1):
        kind, o, a, b, k = code[i, 0], code[i, 1], code[i, 2], code[i, 3], code[i, 4]
        if kind == -1:
            for j in range(b - 1, a - 1, -1):
                x, y = pairs[j, 0], pairs[j, 1]
                for each lane
                    g = adjoints[o@]
                    adjoints[x@] += g * v[y@]
                    adjoints[y@] += g * v[x@]
            for each lane
                adjoints[k@] += adjoints[o@]
        elif kind == -2:
            block_backward(blocks, a, read, rows, v, p, adjoints, inputs, tile)
        elif kind == -3:
            for each lane
                g = adjoints[o@]
                x = pairs[b - 1, 0]
                total = adjoints[x@]
                for j in range(b - 1, a - 1, -1):
                    y = pairs[j, 0]
                    if y != x:
                        adjoints[x@] = total
                        x = y
                        total = adjoints[x@]
                    total += g
                adjoints[x@] = total
                adjoints[k@] += g
{cases}
'''
# What the caller calls, a part at a time: of the chunks of lanes (chunk i is lanes edges[i] … edges[i + 1] − 1), and in
# `sum_up` of the parameters, each through all chunks in ascending order. If there is one part, `go_back` sums up.
_NUMBA_PASSES_ONE = '''
@fast
def replay(part, parts, edges, x, out, root, code, pairs, constants, blocks, read, rows, loose, v, p, copies, work, t):
    v[: len(x)] = x
    forward(code, pairs, constants, blocks, read, rows, loose, v, p, copies, work, t)
    out[0] = v[root]


@fast
def sum_up(part, parts, edges, summed, blocks, rows, loose, copies, g, totals):
    add_totals(summed, blocks, rows, loose, copies, g, totals, part, parts)


@fast
def go_back(
    part, parts, edges, seeds, root, code, pairs, constants, blocks, read, rows, v, p, g, inputs, tile,
    summed, loose, copies, totals,
):
    g[:] = -0.0
    g[root] = seeds[0]
    backward(code, pairs, constants, blocks, read, rows, v, p, g, inputs, tile)
    if parts == 1:
        add_totals(summed, blocks, rows, loose, copies, g, totals, 0, 1)
'''
_NUMBA_PASSES_LANES = '''
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
_RUN_ONE = '''
            total = v[k]
            for j in range(a, b):
                total += v[pairs[j, 0]] * v[pairs[j, 1]]
            v[o] = total
'''
_RUN_LANES = '''
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
'''


def row_key(op: Op) -> str:
    """What the kernels depend on in a row."""
    return f"{op.name}: {op.forward} | {op.dx} | {op.dy}"


def python_function(name: str) -> Callable[..., float]:
    """The function that `name` is for floats in plain Python.

    >>> python_function("sigmoid")(0.0)
    0.5
    """
    found = scalars.ORDERED.get(name) or scalars.FLOATS.get(name) or getattr(math, name, None)
    if found is None:
        raise ValueError(f"{name}() is no function of floats")
    return found


def numba_source(rows: Sequence[Op], lanes: bool) -> str:
    """A module with `replay`, `go_back` and `sum_up` over the rows, kind i being rows[i], and the tables
    UNARY and BINARY of the elementary functions that they use.

    Raises
    ------
    ValueError
        A row calls what is no function of floats.
    """
    functions = _Functions()
    forward, backward = [], []
    for kind, op in enumerate(rows):
        texts = [op.dx] if op.dy is None else [op.dx, op.dy]
        head = [f"        elif kind == {kind}:", "            for each lane"]
        reads = [line.replace("]", "@]") if "v[" in line else line for line in _reads(op, [op.forward])]
        body = [*reads, f"v[o@] = {functions.translate(op.forward)}"]
        forward += [*head, *(f"                {line}" for line in body)]
        reads = [line.replace("]", "@]") if "v[" in line else line for line in _reads(op, texts)]
        body = [*reads, "g = adjoints[o@]"]
        for slot, text in zip("ab", texts, strict=False):
            part = "g" if text == "1" else f"g * ({functions.translate(text)})"
            body.append(f"adjoints[{slot}@] += {part}")
        backward += [*head, *(f"                {line}" for line in body)]
    parts = [_NUMBA_HEAD, *functions.sources, _NUMBA_BLOCKS_LANES if lanes else _NUMBA_BLOCKS_ONE]
    length = "    L = v.shape[1]" if lanes else ""
    run = _RUN_LANES if lanes else _RUN_ONE
    parts.append(_NUMBA_FORWARD.format(lanes=length, run=run.strip("\n"), cases="\n".join(forward)))
    length = length.replace("v.", "adjoints.")
    parts.append(_NUMBA_BACKWARD.format(lanes=length, cases="\n".join(backward)))
    parts.append(_NUMBA_PASSES_LANES if lanes else _NUMBA_PASSES_ONE)
    for title, names in (("UNARY", functions.unary), ("BINARY", functions.binary)):
        parts.append(f"{title} = {{{', '.join(f'{name!r}: {called}' for name, called in sorted(names.items()))}}}")
    text = "\n".join(parts) + "\n"
    each, index = ("for l in range(L):", ", l") if lanes else ("if True:", "")
    prelude, mark, kernels_text = text.partition("\n@fast\ndef forward(")
    return prelude + mark + kernels_text.replace("for each lane", each).replace("@]", f"{index}]")


class _Functions:
    """The elementary functions that rows call, as numba source: derived from `engine.scalars`."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.unary: dict[str, str] = {}
        self.binary: dict[str, str] = {}

    def translate(self, text: str) -> str:
        """A formula with ints as floats, and calls of checked functions."""
        import ast

        return ast.unparse(self._changed(ast.parse(text, mode="eval")))

    def _changed(self, tree: Any) -> Any:
        import ast

        functions = self

        class Change(ast.NodeTransformer):
            def visit_Constant(self, node: ast.Constant) -> ast.AST:
                number = isinstance(node.value, int) and not isinstance(node.value, bool)
                return ast.Constant(float(node.value)) if number else node  # type: ignore[arg-type]

            def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
                self.generic_visit(node)
                if isinstance(node.op, ast.Pow):
                    return self._call(functions.called("pow", 2), [node.left, node.right])
                return node

            def visit_Call(self, node: ast.Call) -> ast.AST:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                arguments = [self.visit(argument) for argument in node.args]
                if name in ("one", "zero"):
                    return ast.Constant(1.0 if name == "one" else 0.0)
                if name == "lift":
                    return arguments[0]
                if name in ("abs", "isinf", "isnan"):
                    called = name if name == "abs" else f"math.{name}"
                else:
                    called = functions.called(name, len(arguments))
                return self._call(called, arguments)

            def _call(self, called: str, arguments: list[Any]) -> ast.AST:
                return ast.Call(ast.Name(called, ast.Load()), arguments, [])

        return ast.fix_missing_locations(Change().visit(tree))

    def called(self, name: str, arity: int) -> str:
        """The name in the kernel's module of a function, whose source is added when first asked for."""
        known = self.unary if arity == 1 else self.binary
        if name in known:
            return known[name]
        if name == "pow":
            known[name] = "checked_pow"
            self.sources.append(_CHECKED_POW)
            return known[name]
        own = scalars.ORDERED.get(name) or scalars.FLOATS.get(name)
        if own is None:
            python_function(name)  # or a refusal
            known[name] = f"math_{name}"
            if arity != 1:
                raise ValueError(f"{name}() with {arity} arguments is not known to the compiled kernels")
            self.sources.append(_CHECKED.format(name=name))
            return known[name]
        known[name] = f"own_{name}"
        import ast
        import inspect

        tree = ast.parse(inspect.getsource(own))
        (function,) = tree.body
        if not isinstance(function, ast.FunctionDef):
            raise ValueError(f"{name}(): no source")
        function.name, function.returns = known[name], None
        for argument in function.args.args:
            argument.annotation = None
        self.sources.append(f"\n@fast\n{ast.unparse(self._changed(tree))}\n")
        return known[name]
