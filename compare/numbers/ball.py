"""Balls: intervals that enclose the true number, at any precision (FLINT's arb).

Source: Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE
Transactions on Computers 66 (2017) 1281.
"""

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from compare.extras import need
from compare.numbers.operators import Operators
from compare.numbers.rational import Rational

flint = need("flint", "exact", "balls")


class Undecided(ArithmeticError):
    """A question that the balls are too wide to answer."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work with midpoints of so many bits."""
    before, flint.ctx.prec = flint.ctx.prec, bits
    try:
        yield
    finally:
        flint.ctx.prec = before


class Ball(Operators):
    """A midpoint and a radius; the true number is inside.

    Parameters
    ----------
    value : an int, a finite float (exactly), a Rational (enclosed), or a flint.arb

    ``==`` asks whether two enclosures overlap: whether the true numbers may be equal. ``<`` and the
    like answer only where the balls decide.

    Raises
    ------
    Undecided
        A comparison that the balls do not decide.
    """

    __slots__ = ("x",)

    def __init__(self, value: Any) -> None:
        x = _arb(value)
        if x is None:
            raise TypeError(f"Ball(value): expected a number, got {type(value).__name__} {value!r:.60}")
        self.x = x

    def lift(self, constant: Any) -> "Ball":
        """A constant as a ball (the scalar protocol)."""
        return Ball(constant)

    def to_float(self) -> float:
        """The midpoint, rounded to a float."""
        return float(self.x.mid())

    def __repr__(self) -> str:
        return f"Ball({self.x})"

    def __str__(self) -> str:
        return str(self.x.str(20))

    def __bool__(self) -> bool:
        return self != 0

    def __neg__(self) -> "Ball":
        return Ball(-self.x)

    def __abs__(self) -> "Ball":
        return Ball(abs(self.x))

    def __pow__(self, exponent: Any) -> Any:
        y = _arb(exponent)
        return NotImplemented if y is None else Ball(self.x**y)

    def __eq__(self, other: Any) -> Any:
        y = _arb(other)
        return NotImplemented if y is None else bool(self.x.overlaps(y))

    __hash__ = None  # type: ignore[assignment]  # overlapping is not transitive

    def _inner(self, other: Any) -> Any:
        return _arb(other)

    def _outer(self, inner: Any) -> "Ball":
        return Ball(inner)

    __lt__: Callable[..., Any]
    __le__: Callable[..., Any]
    __gt__: Callable[..., Any]
    __ge__: Callable[..., Any]

    def sigmoid(self) -> "Ball":
        """1/(1 + e⁻ᶻ)."""
        return Ball(1 / (1 + (-self.x).exp()))

    def softplus(self) -> "Ball":
        """ln(1 + eᶻ)."""
        return Ball(self.x.exp().log1p())

    def log1p(self) -> "Ball":
        """ln(1 + z)."""
        return Ball(self.x.log1p())

    exp: Callable[[], "Ball"]
    expm1: Callable[[], "Ball"]
    sinh: Callable[[], "Ball"]
    cosh: Callable[[], "Ball"]
    log: Callable[[], "Ball"]
    sqrt: Callable[[], "Ball"]
    sin: Callable[[], "Ball"]
    cos: Callable[[], "Ball"]
    tanh: Callable[[], "Ball"]


def _arb(value: Any) -> Any:
    if isinstance(value, Ball):
        return value.x
    if isinstance(value, flint.arb):
        return value
    if isinstance(value, Rational):
        return flint.arb(flint.fmpq(value.numerator, value.denominator))
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError(f"{value} is in no ball")
        return flint.arb(value)
    try:
        return flint.arb(operator.index(value))
    except TypeError:  # an array has __index__ too, and int(array([0.5])) would be 0
        return None


def _order(name: str, opposite: str) -> None:
    holds, fails = getattr(operator, name), getattr(operator, opposite)

    def method(self: Ball, other: Any) -> Any:
        y = _arb(other)
        if y is None:
            return NotImplemented
        if holds(self.x, y):
            return True
        if fails(self.x, y):
            return False
        raise Undecided(f"is {self} {name} {Ball(y)}? The enclosures overlap; a higher precision may decide")

    setattr(Ball, f"__{name}__", method)


def _function(name: str) -> None:
    setattr(Ball, name, lambda self: Ball(getattr(self.x, name)()))


for _name, _opposite in (("lt", "ge"), ("le", "gt"), ("gt", "le"), ("ge", "lt")):
    _order(_name, _opposite)
for _name in ("exp", "expm1", "log", "sqrt", "sin", "cos", "sinh", "cosh", "tanh"):
    _function(_name)
