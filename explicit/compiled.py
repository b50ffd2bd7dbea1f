"""The contract's sums and BP1–BP4, written for numba (extra ``fast``); without it, slow Python.

Inside, samples stand in rows: a (B, n), so that a layer's units are neighbours, and the inner loops are
vectorised over outputs (or over inputs, in BP2 and BP4).  That changes no sum: every number of the result
still adds its own terms in the order of `explicit.sums`.  numba is not given ``fastmath``: each product and each
sum is rounded, and nothing is fused.  −0.0 is where a sum starts whose first term is to be taken as it is.
"""

import math
from typing import Any

import numpy as np

from explicit.elementwise import SLOPE

try:
    from numba import njit  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError:  # the module can still be read, and its doctest run

    def fast(function: Any) -> Any:
        """Leave the function as it is."""
        return function

else:
    fast = njit(cache=True, nogil=True, error_model="numpy")

KINDS = ("sigmoid", "tanh", "relu", "leaky_relu", "softplus", "identity", "softsign")
SIGMOID, TANH, RELU, LEAKY_RELU, SOFTPLUS, IDENTITY, SOFTSIGN = range(len(KINDS))


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
def affine(W, b, a, z, turned):  # type: ignore[no-untyped-def]
    """z = ((b + w₁a₁) + w₂a₂) + …; W (n, m), b (n,), a (B, m) → z (B, n); turned (m, n) gets Wᵀ."""
    n, m = W.shape
    for j in range(0, n - 3, 4):
        for k in range(m):
            turned[k, j] = W[j, k]
            turned[k, j + 1] = W[j + 1, k]
            turned[k, j + 2] = W[j + 2, k]
            turned[k, j + 3] = W[j + 3, k]
    for j in range(n - n % 4, n):
        for k in range(m):
            turned[k, j] = W[j, k]
    for s in range(len(a)):
        for j in range(n):
            z[s, j] = b[j]
    for k in range(0, m - 7, 8):
        for s in range(len(a)):
            a0, a1, a2, a3 = a[s, k], a[s, k + 1], a[s, k + 2], a[s, k + 3]
            a4, a5, a6, a7 = a[s, k + 4], a[s, k + 5], a[s, k + 6], a[s, k + 7]
            for j in range(n):
                t = z[s, j] + turned[k, j] * a0
                t = t + turned[k + 1, j] * a1
                t = t + turned[k + 2, j] * a2
                t = t + turned[k + 3, j] * a3
                t = t + turned[k + 4, j] * a4
                t = t + turned[k + 5, j] * a5
                t = t + turned[k + 6, j] * a6
                z[s, j] = t + turned[k + 7, j] * a7
    for k in range(m - m % 8, m):
        for s in range(len(a)):
            for j in range(n):
                z[s, j] += turned[k, j] * a[s, k]


@fast
def pull_back(W, delta, total):  # type: ignore[no-untyped-def]
    """Wᵀδ, from the last unit to the first; W (n, m), delta (B, n) → total (B, m)."""
    n, m = W.shape
    total[:] = -0.0
    for s in range(len(delta)):
        for i in range(n):
            d = delta[s, n - 1 - i]
            row = W[n - 1 - i]
            for k in range(m):
                total[s, k] += d * row[k]


@fast
def sum_of_products(delta, a, total):  # type: ignore[no-untyped-def]
    """Σₛ δⱼaₖ, samples ascending; delta (B, n), a (B, m) → total (n, m)."""
    count, n = delta.shape
    m = a.shape[1]
    for j in range(n):
        row = total[j]
        if count < 5:
            row[:] = -0.0
        else:
            d0, d1, d2, d3, d4 = delta[0, j], delta[1, j], delta[2, j], delta[3, j], delta[4, j]
            for k in range(m):
                t = d0 * a[0, k] + d1 * a[1, k]
                t = t + d2 * a[2, k]
                t = t + d3 * a[3, k]
                row[k] = t + d4 * a[4, k]
        for s in range(5, count - 4, 5):
            d0, d1, d2 = delta[s, j], delta[s + 1, j], delta[s + 2, j]
            d3, d4 = delta[s + 3, j], delta[s + 4, j]
            for k in range(m):
                t = row[k] + d0 * a[s, k]
                t = t + d1 * a[s + 1, k]
                t = t + d2 * a[s + 2, k]
                t = t + d3 * a[s + 3, k]
                row[k] = t + d4 * a[s + 4, k]
        for s in range(count - count % 5, count):
            d0 = delta[s, j]
            for k in range(m):
                row[k] += d0 * a[s, k]


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
            exists = quadratic(ai, y, di, costs) if cost == 0 else cross_entropy(ai, y, di, costs)
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


def indices(names: Any) -> Any:
    """The kinds of activations by name; ValueError for one that is not here.

    >>> indices(["tanh"]).tolist()
    [1]
    """
    return np.array([KINDS.index(name) for name in names], dtype=np.int64)
