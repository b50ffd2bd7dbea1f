"""The contract's sums and BP1–BP4, written for numba (extra ``fast``); without it, slow Python.

Inside, samples stand in rows: a (B, n), so that a layer's units are neighbours.  The three matrix products are one
function, `products`: a tile of totals is held in vector registers while the terms are added to each of
them, one after the other.  A vector has numbers of different totals, so that no sum is changed: every number of
the result still adds its own terms in the order of `explicit.sums`.  numba is not given ``fastmath``: each
product and each sum is rounded, and nothing is fused.  −0.0 is where a sum starts whose first term is to be taken as
it is.
"""

import math
import os
from typing import Any

import numpy as np

from explicit import activations, costs
from explicit.elementwise import SLOPE

try:
    from numba import config, njit  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from platformdirs import user_cache_dir

    from explicit.fast.vectors import NARROW, SINGLE, WIDE, load, plus, store, turn_tile
except ImportError:  # the module can still be read, and its doctest run

    def fast(function: Any) -> Any:
        """Leave the function as it is."""
        return function

else:

    def fast(function: Any) -> Any:
        """Compile the function when it is called, and keep that in the folder of this project's caches."""
        before = config.CACHE_DIR
        config.CACHE_DIR = os.environ.get("DELTA_ADJOINT_CACHE") or before or user_cache_dir("delta-adjoint")
        try:
            return njit(cache=True, nogil=True, error_model="numpy")(function)
        finally:
            config.CACHE_DIR = before


# What has a kernel: these rows, whatever others bear their names.
KINDS = (
    activations.sigmoid, activations.tanh, activations.relu, activations.leaky_relu, activations.softplus,
    activations.identity, activations.softsign,
)  # fmt: skip
SIGMOID, TANH, RELU, LEAKY_RELU, SOFTPLUS, IDENTITY, SOFTSIGN = range(len(KINDS))
COSTS = (costs.quadratic, costs.cross_entropy)
QUADRATIC, CROSS_ENTROPY = range(len(COSTS))


@fast
def sigmoid(z):  # type: ignore[no-untyped-def]
    """As `explicit.elementwise.sigmoid`."""
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


@fast
def activation(kind, z):  # type: ignore[no-untyped-def]
    """σ(z), as in `explicit.elementwise`; NaN stays NaN."""
    if kind == SIGMOID:
        return sigmoid(z)
    if kind == TANH:
        return math.tanh(z)
    if kind == RELU:
        return z if z > 0.0 or math.isnan(z) else 0.0
    if kind == LEAKY_RELU:
        return z if z > 0.0 or math.isnan(z) else SLOPE * z
    if kind == SOFTPLUS:
        return (z if z > 0.0 else 0.0) + math.log1p(math.exp(-abs(z)))
    if kind == SOFTSIGN:
        return z / (1.0 + abs(z))
    return z


@fast
def derivative(kind, z, a):  # type: ignore[no-untyped-def]
    """σ′(z) with a = σ(z), as in `explicit.activations`."""
    if kind == SIGMOID:
        return a * (1.0 - a)
    if kind == TANH:
        return 1.0 - a * a
    if kind in (RELU, LEAKY_RELU):
        step = z if math.isnan(z) else 1.0 if z > 0.0 else 0.0
        return step if kind == RELU else step + SLOPE * (1.0 - step)
    if kind == SOFTPLUS:
        return sigmoid(z)
    if kind == SOFTSIGN:
        return 1.0 / ((1.0 + abs(z)) * (1.0 + abs(z)))
    return 1.0


@fast
def columns(start, c, rows, total, v, like):  # type: ignore[no-untyped-def]
    """`products` of len(like) neighbouring columns, from v on."""
    last = len(total) - 1
    first = load(start, 0, v, like)
    for r in range(0, last + 1, 5):
        # Tiles overlap at the edges: a number that is made twice has the same bits.
        r1, r2, r3, r4 = min(r + 1, last), min(r + 2, last), min(r + 3, last), min(r + 4, last)
        t0 = t1 = t2 = t3 = t4 = first
        for i in range(len(rows)):
            row = load(rows, i, v, like)
            t0 = plus(t0, row, c, r, i)
            t1 = plus(t1, row, c, r1, i)
            t2 = plus(t2, row, c, r2, i)
            t3 = plus(t3, row, c, r3, i)
            t4 = plus(t4, row, c, r4, i)
        store(total, r, v, t0)
        store(total, r1, v, t1)
        store(total, r2, v, t2)
        store(total, r3, v, t3)
        store(total, r4, v, t4)


@fast
def products(start, c, rows, total):  # type: ignore[no-untyped-def]
    """total[r] = ((start[0] + c[r, 0] rows[0]) + c[r, 1] rows[1]) + …, a product and a sum at a time.

    start (1, n), c (R, I), rows (I, n), total (R, n), which is none of the others; each row of start, rows and
    total is contiguous.
    """
    n = total.shape[1]
    if n >= len(WIDE):
        for v in range(0, n, len(WIDE)):
            columns(start, c, rows, total, min(v, n - len(WIDE)), WIDE)
    elif n >= len(NARROW):
        for v in range(0, n, len(NARROW)):
            columns(start, c, rows, total, min(v, n - len(NARROW)), NARROW)
    else:
        for v in range(n):
            columns(start, c, rows, total, v, SINGLE)


@fast
def turn(W, turned):  # type: ignore[no-untyped-def]
    """turned = Wᵀ; rows of both are contiguous."""
    n, m = W.shape
    if n < 8 or m < 8:
        for j in range(n):
            for k in range(m):
                turned[k, j] = W[j, k]
    else:
        for j in range(0, n, 8):
            for k in range(0, m, 8):
                turn_tile(W, min(j, n - 8), min(k, m - 8), turned)


@fast
def affine(W, b, a, z, turned):  # type: ignore[no-untyped-def]
    """z = ((b + w₁a₁) + w₂a₂) + …; W (n, m), b (n,), a (B, m) → z (B, n); turned (m, n) gets Wᵀ."""
    turn(W, turned)
    products(b.reshape(1, len(b)), a, turned, z)


@fast
def pull_back(W, delta, total):  # type: ignore[no-untyped-def]
    """Wᵀδ, from the last unit to the first; W (n, m), delta (B, n) → total (B, m)."""
    products(np.full((1, W.shape[1]), -0.0), delta[:, ::-1], W[::-1], total)


@fast
def sum_of_products(delta, a, total):  # type: ignore[no-untyped-def]
    """Σₛ δⱼaₖ, samples ascending; delta (B, n), a (B, m) → total (n, m)."""
    products(np.full((1, a.shape[1]), -0.0), delta.T, a, total)


@fast
def quadratic(a, y, gradient, costs):  # type: ignore[no-untyped-def]
    """C and ∇ₐC, as in `explicit.costs`; samples in rows.  True: a cost exists everywhere."""
    for s in range(len(a)):
        total = -0.0
        for j in range(a.shape[1]):
            d = a[s, j] - y[s, j]
            total += d * d
            gradient[s, j] = d / 2.0 + d / 2.0
        costs[s] = total / 2.0
    return True


@fast
def cross_entropy(a, y, gradient, costs):  # type: ignore[no-untyped-def]
    """C and ∇ₐC, as in `explicit.costs`; samples in rows.  False: an output is outside 0 < a < 1."""
    for s in range(len(a)):
        total = -0.0
        for j in range(a.shape[1]):
            aj, yj = a[s, j], y[s, j]
            if aj <= 0.0 or aj >= 1.0:
                return False
            total += yj * math.log(aj) + (1.0 - yj) * math.log(1.0 - aj)
            gradient[s, j] = (-1.0 * (1.0 - yj)) * (1.0 / (1.0 - aj)) * -1.0 + (-1.0 * yj) * (1.0 / aj)
        costs[s] = -total
    return True


@fast
def forward(sizes, kinds, p, x, z, a, turned):  # type: ignore[no-untyped-def]
    """z and a of all layers, one after the other in z and a; p holds W and b layer by layer."""
    count = len(x)
    at = place = 0
    before = x
    for i in range(len(kinds)):
        m, n = sizes[i], sizes[i + 1]
        W, b = p[at : at + n * m].reshape(n, m), p[at + n * m : at + n * m + n]
        zi = z[place * count : (place + n) * count].reshape(count, n)
        ai = a[place * count : (place + n) * count].reshape(count, n)
        affine(W, b, before, zi, turned[: n * m].reshape(m, n))
        for s in range(count):
            for j in range(n):
                ai[s, j] = activation(kinds[i], zi[s, j])
        before = ai
        at += n * m + n
        place += n


@fast
def backward(sizes, kinds, cost, shortcut, p, x, y, z, a, delta, nabla, costs):  # type: ignore[no-untyped-def]
    """δ of all layers (BP1, BP2) and nabla (BP3, BP4), laid out as z and p are.  False: no cost."""
    count = len(x)
    at, place, n = len(p), len(z) // count, sizes[-1]
    for i in range(len(kinds) - 1, -1, -1):
        n, m = sizes[i + 1], sizes[i]
        place -= n
        zi = z[place * count : (place + n) * count].reshape(count, n)
        ai = a[place * count : (place + n) * count].reshape(count, n)
        di = delta[place * count : (place + n) * count].reshape(count, n)
        if i == len(kinds) - 1:
            exists = quadratic(ai, y, di, costs) if cost == QUADRATIC else cross_entropy(ai, y, di, costs)
            if not exists:
                return False
            if shortcut:
                for s in range(count):
                    for j in range(n):
                        di[s, j] = ai[s, j] - y[s, j]
        if not (shortcut and i == len(kinds) - 1):
            for s in range(count):
                for j in range(n):
                    di[s, j] = di[s, j] * derivative(kinds[i], zi[s, j], ai[s, j])
        at -= n * m + n
        for j in range(n):
            total = -0.0
            for s in range(count):
                total += di[s, j]
            nabla[at + n * m + j] = total
        if i == 0:
            sum_of_products(di, x, nabla[at : at + n * m].reshape(n, m))
        else:
            below = place - m
            previous = a[below * count : place * count].reshape(count, m)
            sum_of_products(di, previous, nabla[at : at + n * m].reshape(n, m))
            W = p[at : at + n * m].reshape(n, m)
            pull_back(W, di, delta[below * count : place * count].reshape(count, m))
    return True


@fast
def descend(p, nabla, rate):  # type: ignore[no-untyped-def]
    """p ← p − rate × nabla."""
    for i in range(len(p)):
        p[i] = p[i] - rate * nabla[i]
