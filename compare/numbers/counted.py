"""Numbers that count what is done to them, and dual numbers."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compare.numbers.operators import Operators


@dataclass
class Tally:
    """How many × (÷ included), + (− included) and evaluations of σ or σ′."""

    multiplications: int = 0
    additions: int = 0
    evaluations: int = 0

    def taken(self) -> "Tally":
        """The counts so far; counting starts again at 0."""
        now = Tally(self.multiplications, self.additions, self.evaluations)
        self.multiplications = self.additions = self.evaluations = 0
        return now

    def times(self, n: int) -> "Tally":
        """The counts of n such passes."""
        return Tally(self.multiplications * n, self.additions * n, self.evaluations * n)


class Counted(Operators):
    """A float that counts what is done to it; σ is x/2 and σ′ is 1/2, since only the counts matter.

    >>> tally = Tally()
    >>> x = Counted(3.0, tally)
    >>> (x * x + 1).x, tally.multiplications, tally.additions
    (10.0, 1, 1)
    """

    __slots__ = ("tally", "x")
    x: float

    def __init__(self, x: Any, tally: Tally) -> None:
        self.x, self.tally = _float(x), tally

    def lift(self, constant: Any) -> "Counted":
        """A constant as a number of this kind (the scalar protocol)."""
        return Counted(constant, self.tally)

    def _apply(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> "Counted":
        if operation in (operator.add, operator.sub):
            self.tally.additions += 1
        else:
            self.tally.multiplications += 1
        return Counted(operation(_float(left), _float(right)), self.tally)

    def __neg__(self) -> "Counted":
        return Counted(-self.x, self.tally)

    def sigma(self, layer: int) -> "Counted":
        """σ: one evaluation."""
        self.tally.evaluations += 1
        return Counted(self.x / 2, self.tally)

    def sigma_prime(self, layer: int) -> "Counted":
        """σ′: one evaluation."""
        self.tally.evaluations += 1
        return Counted(0.5, self.tally)


def _float(x: Any) -> float:
    return x.x if isinstance(x, Counted) else float(x)


class Dual:
    """x + ẋε with ε² = 0: forward mode carries the tangent ẋ = ∂x/∂(one parameter) along.

    Source: Griewank & Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, §3.1.
    """

    __slots__ = ("dx", "x")

    def __init__(self, x: Any, dx: Any) -> None:
        self.x, self.dx = x, dx

    def __mul__(self, other: "Dual") -> "Dual":
        return Dual(self.x * other.x, self.dx * other.x + self.x * other.dx)

    def __truediv__(self, constant: Any) -> "Dual":
        return Dual(self.x / constant, self.dx / constant)

    def __add__(self, other: "Dual") -> "Dual":
        return Dual(self.x + other.x, self.dx + other.dx)

    def __sub__(self, other: "Dual") -> "Dual":
        return Dual(self.x - other.x, self.dx - other.dx)

    def sigma(self, layer: int) -> "Dual":
        """σ(x) + σ′(x)·ẋ ε."""
        return Dual(self.x.sigma(layer), self.x.sigma_prime(layer) * self.dx)
