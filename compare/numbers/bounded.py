"""Floats that know how far from the true number they may be: a running error bound.

Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (SIAM 2002), section 3.3.  Each
operation adds its own rounding, u·|result|, to what the errors of its operands become.  Sums are charged
u·(|x| + |y|), which bounds them in any order of addition, since the code that is compared may have another.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from compare.numbers.operators import Operators
from compare.rounding.rules import U
from explicit.elementwise import Array, objects

DOUBLE = U
SINGLE = 2.0**-24
SLACK = 64.0  # times the bound: exp and tanh of other makers, 1 − a beside a sum in another order, …


class Near(Operators):
    """A float, a bound of its absolute error, and the unit roundoff u of the arithmetic that made it.

    >>> third = Near(1.0) / 3
    >>> third.value, third.error <= 2.0**-53
    (0.3333333333333333, True)
    """

    __slots__ = ("error", "u", "value")

    def __init__(self, value: float, error: float = 0.0, u: float = DOUBLE) -> None:
        self.value, self.error, self.u = float(value), error, u

    def _inner(self, other: Any) -> Any:
        if isinstance(other, Near):
            return other
        return Near(other, 0.0, self.u) if isinstance(other, (int, float)) else None

    def _apply(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        x, y = self._inner(left), self._inner(right)
        return NotImplemented if x is None or y is None else _RULES[operation.__name__](x, y)

    def lift(self, constant: Any) -> "Near":
        """A constant (the scalar protocol)."""
        return Near(constant, 0.0, self.u)

    def __neg__(self) -> "Near":
        return Near(-self.value, self.error, self.u)

    def __abs__(self) -> "Near":
        return Near(abs(self.value), self.error, self.u)

    def __pow__(self, exponent: Any) -> "Near":
        """A whole power, by multiplications; for others there is no rule."""
        if not float(exponent).is_integer():
            raise TypeError(f"Near ** {exponent!r}: expected a whole exponent")
        k = int(exponent)
        if k < 2:
            return self if k == 1 else 1 / self**-k if k else self.lift(1.0)
        half = self ** (k // 2)
        return half * half * self if k % 2 else half * half

    def _ordered(self, holds: Callable[[Any, Any], bool], other: Any) -> bool:
        return holds(self.value, _value(other))

    def __eq__(self, other: Any) -> bool:
        return self.value == _value(other)

    __hash__ = None  # type: ignore[assignment]  # equality is of the floats, and no error is looked at

    def __repr__(self) -> str:
        return f"Near({self.value!r}, {self.error:.2g})"

    def _function(self, value: float, slope: float) -> "Near":
        """f(z), where |f′| ≤ slope nearby; a library's f is taken to be within 4 u."""
        return Near(value, slope * self.error + 4 * self.u * abs(value), self.u)

    def exp(self) -> "Near":
        """eᶻ."""
        value = math.exp(self.value)
        return self._function(value, value * math.exp(min(self.error, 1.0)))

    def log(self) -> "Near":
        """ln z."""
        return self._function(math.log(self.value), 1 / max(self.value - self.error, 5e-324))

    def tanh(self) -> "Near":
        """tanh z; its slope is at most 1."""
        return self._function(math.tanh(self.value), 1.0)

    def sigmoid(self) -> "Near":
        """1/(1 + e⁻ᶻ); its slope is at most ¼."""
        return self._function(1 / (1 + math.exp(-self.value)) if self.value > -700 else 0.0, 0.25)

    def softplus(self) -> "Near":
        """ln(1 + eᶻ); its slope is at most 1."""
        return self._function(max(0.0, self.value) + math.log1p(math.exp(-abs(self.value))), 1.0)


def _value(x: Any) -> float:
    return x.value if isinstance(x, Near) else float(x)


def _add(x: Near, y: Near) -> Near:
    return Near(x.value + y.value, x.error + y.error + x.u * (abs(x.value) + abs(y.value)), x.u)


def _mul(x: Near, y: Near) -> Near:
    value = x.value * y.value
    error = abs(x.value) * y.error + abs(y.value) * x.error + x.error * y.error
    return Near(value, error + x.u * abs(value), x.u)


def _div(x: Near, y: Near) -> Near:
    if y.value == 0:
        raise ZeroDivisionError("division by 0")
    value, least = x.value / y.value, max(abs(y.value) - y.error, 5e-324)
    return Near(value, (x.error + abs(value) * y.error) / least + x.u * abs(value), x.u)


_RULES: dict[str, Callable[[Near, Near], Near]] = {
    "add": _add,
    "sub": lambda x, y: _add(x, -y),
    "mul": _mul,
    "truediv": _div,
}


def near(array: Array, u: float = DOUBLE) -> Array:
    """An array of floats as `Near` numbers, each rounded once: its error is u·|value|."""
    return objects((Near(v, u * abs(v), u) for v in array.ravel().tolist()), array.shape)


def values(array: Array) -> Array:
    """The floats of an array of `Near` numbers (of floats: themselves)."""
    return np.array([_value(v) for v in array.flat], dtype=np.float64).reshape(array.shape)


def within(found: Array, expected: Array, more: float = 0.0) -> bool:
    """Whether two arrays of `Near` numbers may be roundings of the same numbers; `more` is added to the bound."""
    for a, b in zip(found.flat, expected.flat, strict=True):
        apart = abs(_value(a) - _value(b))
        bound = SLACK * (getattr(a, "error", 0.0) + getattr(b, "error", 0.0) + more)
        if not apart <= bound < math.inf:  # NaN is within nothing, and a bound that overflowed bounds nothing
            return False
    return True


def equal(a: Array, b: Array) -> bool:
    """Whether two arrays have one shape and, number by number, are the same."""
    return a.shape == b.shape and all(bool(p == r) for p, r in zip(a.flat, b.flat, strict=True))
