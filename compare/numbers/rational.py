"""Exact rational numbers that keep the scalar protocol of the engine.

`fractions.Fraction` alone does not: ``Fraction(1, 3) * 0.5`` is a float, silently.  Here a float
beside a rational enters as the dyadic rational that it is, and no float ever comes out, except by
the method that says so, `to_float`.
"""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from compare.numbers.operators import Operators

try:  # the extra `exact`: the same numbers, computed by FLINT
    from flint import fmpq
except ImportError:
    fmpq = None
_number: Any = fmpq or Fraction


class Rational(Operators):
    """The exact number numerator/denominator.

    Parameters
    ----------
    value : an int, a finite float (the dyadic rational that it is), a Fraction, a string such as
        "1/3" or "0.1", or a Rational
    denominator : an int, if value is an int

    Raises
    ------
    TypeError, ValueError
        value is not one of these, or is not finite.
    ZeroDivisionError
        The denominator is 0.

    >>> Rational(1, 3) + 0.5
    Rational(5, 6)
    >>> Rational(0.1) == Rational("0.1")
    False
    """

    __slots__ = ("q",)

    def __init__(self, value: Any, denominator: int = 1) -> None:
        q = _exact(value.strip() if isinstance(value, str) else value)
        if q is None and isinstance(value, str):
            q = _from_fraction(Fraction(value))
        if q is None:
            raise TypeError(f"Rational(value): expected a number, got {type(value).__name__} {value!r:.60}")
        self.q = q if denominator == 1 else q / _exact(denominator)

    def _outer(self, q: Any) -> "Rational":
        made = object.__new__(Rational)
        made.q = q
        return made

    def lift(self, constant: Any) -> "Rational":
        """A constant as a Rational (the scalar protocol)."""
        return Rational(constant)

    @property
    def numerator(self) -> int:
        """The numerator in lowest terms."""
        return int(self.q.p if fmpq else self.q.numerator)

    @property
    def denominator(self) -> int:
        """The denominator in lowest terms, positive."""
        return int(self.q.q if fmpq else self.q.denominator)

    def to_float(self) -> float:
        """The nearest float.

        >>> Rational(1, 3).to_float()
        0.3333333333333333
        """
        return float(Fraction(self.numerator, self.denominator))

    def __repr__(self) -> str:
        return f"Rational({_decimal(self.numerator)}, {_decimal(self.denominator)})"

    def __str__(self) -> str:
        below = "" if self.denominator == 1 else f"/{_decimal(self.denominator)}"
        return _decimal(self.numerator) + below

    def __reduce__(self) -> Any:
        return Rational, (self.numerator, self.denominator)

    def __hash__(self) -> int:
        return hash(Fraction(self.numerator, self.denominator))

    def __bool__(self) -> bool:
        return bool(self.q != 0)

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, float) and not math.isfinite(other):
            return False  # a question that has an answer; in arithmetic and order they are refused
        q = _exact(other)
        return NotImplemented if q is None else bool(self.q == q)

    def __neg__(self) -> "Rational":
        return self._outer(-self.q)

    def __abs__(self) -> "Rational":
        return self._outer(abs(self.q))

    def __pow__(self, exponent: Any) -> Any:
        n = _exact(exponent)
        if n is None:
            return NotImplemented
        whole = Rational(exponent)
        if whole.denominator != 1:
            raise TypeError(f"a rational to the power {exponent} is not rational; use a whole exponent")
        return self._outer(self.q**whole.numerator)

    def _inner(self, other: Any) -> Any:
        return _exact(other)

    def _ordered(self, holds: Callable[[Any, Any], bool], other: Any) -> Any:
        q = _exact(other)
        return NotImplemented if q is None else bool(holds(self.q, q))


def _exact(value: Any) -> Any:
    """The exact number behind value, for arithmetic with `q`; None if it is no number."""
    if isinstance(value, Rational):
        return value.q
    if type(value) is int:
        return _number(value)
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError(f"{value} is not a rational number")
        return _from_fraction(Fraction(value))
    if isinstance(value, Fraction):
        return _from_fraction(value)
    try:
        return _from_fraction(Fraction(operator.index(value)))
    except TypeError:  # an array has __index__ too, and may have none
        return None


def _decimal(n: int) -> str:
    """The digits of an int of any length, in blocks: Python's str() refuses more than 4,300."""
    blocks, rest = [], abs(n)
    while rest >= _BLOCK:
        rest, block = divmod(rest, _BLOCK)
        blocks.append(f"{block:0500}")
    return ("-" if n < 0 else "") + str(rest) + "".join(reversed(blocks))


_BLOCK = 10**500


def _from_fraction(fraction: Fraction) -> Any:
    return fmpq(fraction.numerator, fraction.denominator) if fmpq else fraction
