"""Costs as layers: C of each sample, and BP1.  What they read must have been made; the targets are data.

C is the end of every path, with δ = 1.  Where several costs stand in a model (one a step) they are added.
Sequences (T, n, B) are read position by position: every position is a term of the sum.
"""

from typing import Any

import numpy as np

from explicit.costs import cross_entropy_cost, quadratic_cost
from explicit.elementwise import Array, apply, ge, held_max, minimum
from explicit.layers.layer import At, Layer, down, equation, expected, unit
from explicit.sums import add_up


class _Cost(Layer):
    reads = ("a", "y")
    makes: tuple[str, ...] = ("C",)
    data = ("y",)
    is_cost = True
    name = ""

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """One number a sample."""
        if shapes[0] != shapes[1]:
            raise expected(f"targets of shape {shapes[0]}", shapes[1])
        return ()


def _terms(array: Array) -> Array:
    """All numbers of a sample in one column, (n, B)."""
    return array.reshape(-1, array.shape[-1])


class Quadratic(_Cost):
    """C = ½ Σ (a − y)²."""

    name = "quadratic"

    def forward(self, at: At) -> None:
        """Numbers in reading order, halved at the end."""
        at.C = quadratic_cost(_terms(at.a), _terms(at.y))

    @equation("a", "∇ₐC = a − y")
    def bp1(self, at: At) -> None:
        """The product d·d has two edges to d, and each brings d/2."""
        half = (at.a - at.y) / 2
        at.d.a += half
        at.d.a += half


class MeanSquares(_Cost):
    """C = Σ (a − y)²/n over the n numbers of a sample."""

    name = "mean_squares"

    def forward(self, at: At) -> None:
        """Numbers in reading order, divided at the end."""
        d = _terms(at.a - at.y)
        at.C = add_up(d * d) / len(d)

    @equation("a", "∇ₐC = 2(a − y)/n")
    def bp1(self, at: At) -> None:
        """Twice (1/n)(a − y)."""
        d = at.a - at.y
        share = d / len(_terms(d)) if d.dtype.hasobject else (1 / len(_terms(d))) * d
        at.d.a += share
        at.d.a += share


class CrossEntropy(_Cost):
    """C = −Σ [y ln a + (1 − y) ln(1 − a)], for outputs between 0 and 1."""

    name = "cross_entropy"

    def forward(self, at: At) -> None:
        """Numbers in reading order, negated at the end."""
        at.C = cross_entropy_cost(_terms(at.a), _terms(at.y))

    @equation("a", "∇ₐC = (1 − y)/(1 − a) − y/a")
    def bp1(self, at: At) -> None:
        """The second product is met first."""
        at.d.a += (-1 * (1 - at.y)) * (1 / (1 - at.a)) * -1
        at.d.a += (-1 * at.y) * (1 / at.a)


class LogLikelihood(_Cost):
    """C = −Σ y ln p, for probabilities."""

    name = "log_likelihood"

    def forward(self, at: At) -> None:
        """Numbers in reading order, negated at the end."""
        at.C = -add_up(_terms(at.y) * apply("log", _terms(at.a)))

    @equation("a", "∇ₚC = −y/p")
    def bp1(self, at: At) -> None:
        """(−y)(1/p)."""
        at.d.a += (-1 * at.y) * (1 / at.a)


class SoftmaxCrossEntropy(_Cost):
    """C = Σ −y ((z − m) − ln S), S = Σ e^(z − m), m the largest z, held constant: softmax and log-likelihood in one.

    BP1 is literally p − y, with p = e · (1/S), where the targets of a position add up to 1.
    Shapes: z and y (…, n, B), S (…, 1, B).
    """

    name = "softmax_cross_entropy"
    reads = ("z", "y")
    makes = ("S", "C")

    def forward(self, at: At) -> None:
        """S from the first unit to the last, then the terms in reading order."""
        shifted = at.z - held_max(at.z, -2)
        at.e = apply("exp", shifted)
        at.S = add_up(unit(at.e, j) for j in range(at.e.shape[-2]))
        at.C = add_up(_terms(-at.y * (shifted - apply("log", at.S))))

    @equation("S", "δˢ = Σ y/S")
    def total(self, at: At) -> None:
        """Units from the last to the first, each a share of ln S; then the derivative of ln."""
        shares = add_up(-1 * -unit(at.y, j) for j in down(at.y.shape[-2]))
        at.d.S += shares * (1 / at.S)

    @equation("z", "δ = e/S − y = p − y")
    def bp1(self, at: At) -> None:
        """δˢ e is p where Σ y = 1."""
        at.d.z += at.d.S * at.e + -at.y


class BinaryCrossEntropy(_Cost):
    """C = Σ softplus(z) − y z, on logits: the cross-entropy of σ(z), without its overflow."""

    name = "binary_cross_entropy"
    reads = ("z", "y")

    def forward(self, at: At) -> None:
        """Numbers in reading order."""
        at.C = add_up(_terms(apply("softplus", at.z) - at.y * at.z))

    @equation("z", "δ = σ(z) − y")
    def bp1(self, at: At) -> None:
        """softplus′ = σ."""
        at.d.z += apply("sigmoid", at.z) + -at.y


class Huber(_Cost):
    """C = Σ m(│d│ − m/2), d = a − y, m = min(│d│, 1): d²/2 near 0, │d│ − ½ beyond 1.

    Source: Huber, Annals of Mathematical Statistics 35 (1964).
    """

    name = "huber"

    def forward(self, at: At) -> None:
        """Numbers in reading order."""
        size = abs(_terms(at.a - at.y))
        near = minimum(size, 1)
        at.C = add_up(near * (size - near / 2))

    @equation("a", "∇ₐC = d where │d│ ≤ 1, else sign d")
    def bp1(self, at: At) -> None:
        """m from its factor, and through m, where m is │d│, what is left there: │d│ − m."""
        d = at.a - at.y
        size = abs(d)
        near = minimum(size, 1)
        at.d.a += (near + ((size - near / 2) - near / 2) * ge(1, size)) * apply("sign", d)


class Hinge(_Cost):
    """C = Σ_{j≠t} max(0, zⱼ − zₜ + 1), t the class: y (1, B) holds class numbers.

    Source: Weston & Watkins, ESANN 1999; "SVM loss" in Stanford's CS231n.
    """

    name = "hinge"
    reads = ("z", "y")
    whole = ("y",)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """z (n,) and one class number."""
        if len(shapes[0]) != 1 or shapes[0][0] < 2 or shapes[1] != (1,):
            raise expected("at least two scores (n,) and one class number a sample, (1,)", shapes[0] + shapes[1])
        return ()

    def _others(self, at: At, s: int) -> tuple[int, list[int]]:
        t, n = int(at.y[0, s]), len(at.z)
        if t != at.y[0, s] or not 0 <= t < n:
            raise ValueError(f"y: expected class numbers from 0 to {n - 1}, got {at.y[0, s]} in sample {s}")
        return t, [j for j in range(n) if j != t]

    def _margins(self, at: At, s: int) -> Array:
        t, others = self._others(at, s)
        return at.z[others, s] - at.z[t, s] + 1

    def forward(self, at: At) -> None:
        """Units ascending."""
        costs: list[Any] = [add_up(apply("relu", self._margins(at, s))) for s in range(at.z.shape[-1])]
        at.C = np.fromiter(costs, dtype=at.z.dtype, count=len(costs))

    @equation("z", "δⱼ = 1 where the margin is broken, δₜ = −their number")
    def bp1(self, at: At) -> None:
        """Units from the last to the first; each brings its share to j, then to t."""
        for s in range(at.z.shape[-1]):
            t, others = self._others(at, s)
            for j, broken in zip(reversed(others), reversed(apply("step", self._margins(at, s))), strict=True):
                at.d.z[j, s] += broken
                at.d.z[t, s] += -broken


COST_LAYERS: dict[str, type[_Cost]] = {
    cost.name: cost
    for cost in (
        Quadratic,
        MeanSquares,
        CrossEntropy,
        SoftmaxCrossEntropy,
        BinaryCrossEntropy,
        LogLikelihood,
        Huber,
        Hinge,
    )
}
"""By name."""
