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


_OPPOSITE: dict[Any, Any] = {
    operator.lt: operator.ge, operator.le: operator.gt, operator.gt: operator.le, operator.ge: operator.lt,
}  # fmt: skip


def _function(name: str) -> Callable[["Ball"], "Ball"]:
    return lambda self: Ball(getattr(self.x, name)())


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

    def _ordered(self, holds: Callable[[Any, Any], bool], other: Any) -> Any:
        y = _arb(other)
        if y is None:
            return NotImplemented
        if holds(self.x, y):
            return True
        if _OPPOSITE[holds](self.x, y):
            return False
        raise Undecided(
            f"is {self} {holds.__name__} {Ball(y)}? The enclosures overlap; a higher precision may decide"
        )

    def sigmoid(self) -> "Ball":
        """1/(1 + e⁻ᶻ)."""
        return Ball(1 / (1 + (-self.x).exp()))

    def softplus(self) -> "Ball":
        """ln(1 + eᶻ)."""
        return Ball(self.x.exp().log1p())

    exp = _function("exp")
    expm1 = _function("expm1")
    log = _function("log")
    log1p = _function("log1p")
    sqrt = _function("sqrt")
    sin = _function("sin")
    cos = _function("cos")
    sinh = _function("sinh")
    cosh = _function("cosh")
    tanh = _function("tanh")


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
