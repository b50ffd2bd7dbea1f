"""What an operation means for a type of number.

A `Value` carries a float, an int, a numpy array of *lanes* (one lane per sample), a sympy
expression, or any number that keeps the scalar protocol:

- ``+ − × ÷`` and ``**`` with its own kind and with ints; a float beside an exact number is taken
  as the dyadic rational that it is, or refused; a float never comes out of exact numbers;
- ``number.lift(c)`` turns a constant into a number of its type (this method marks the protocol);
- ``<`` and ``>`` answer, or raise where the type has no order or cannot decide;
- the elementary functions are methods (``.exp()``, ``.tanh()``, …), numpy's own convention for
  object arrays.  A function that needs only order and arithmetic (relu, step, maximum, …)
  works without a method.

This module is the only place that answers for the other types: a float goes to `math`, lanes go
element by element through the float's function (numpy's exp and tanh round differently), a sympy
expression goes to sympy, which is never imported from here unless it is loaded already.
No answer is a `TypeError` that names the function and the type.
"""

from __future__ import annotations

import math
import sys

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Callable[..., Any]


def one(x: Any) -> Any:
    """The number 1 of x's type.

    >>> one(2.5), one(7)
    (1.0, 1)
    """
    return lift(1, x)


def zero(x: Any) -> Any:
    """The number 0 of x's type.

    >>> zero(2.5), zero(7)
    (0.0, 0)
    """
    return lift(0, x)


def lift(constant: int, x: Any) -> Any:
    """An int as a number of x's type; lanes are lifted to lanes of the same shape.

    >>> lift(3, 0.5)
    3.0
    """
    kind = x.__class__
    if kind is float:
        return float(constant)
    if kind is int:
        return constant
    own = getattr(kind, "lift", None)
    if own is not None:
        return own(x, constant)
    if is_lanes(x):
        return x * 0 + constant if constant == 0 else _numpy().full_like(x, constant)
    if is_symbolic(x):
        return sys.modules["sympy"].Integer(constant)
    raise TypeError(f"no constant {constant} of type {kind.__name__}: it lacks the method lift()")


def is_lanes(x: Any) -> bool:
    """Whether x is a numpy array (of lanes).  numpy is not imported for the question."""
    numpy = _numpy()
    return numpy is not None and isinstance(x, numpy.ndarray)


def is_symbolic(x: Any) -> bool:
    """Whether x is a sympy expression.  sympy is not imported for the question."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(x, sympy.Expr)


def to_data(x: Any) -> Any:
    """What a Value may carry: x itself, numpy scalars as Python numbers, arrays as float64 lanes.

    Lanes are copied and made read-only, so that a later ``data += …`` in place cannot change
    the partials of a graph that was built from them.

    Raises
    ------
    TypeError
        x is not a number, or a number that would lose exactness silently (Fraction, Decimal).

    >>> to_data(True), to_data(0.5)
    (1, 0.5)
    >>> to_data("0.5")
    Traceback (most recent call last):
    ...
    TypeError: Value(data): expected a number, got str '0.5'
    """
    kind = x.__class__
    if kind is float or kind is int:
        return x
    if hasattr(kind, "lift") and not isinstance(x, type):
        return x
    if isinstance(x, int):
        return int(x)
    if isinstance(x, float):
        return float(x)
    numpy = _numpy()
    if numpy is not None:
        if isinstance(x, numpy.generic) and x.dtype.kind in "fiub":
            return to_data(x.item()) if x.dtype.itemsize <= 8 else _refuse(x, "has more digits than a float")
        if isinstance(x, numpy.ndarray):
            return _lanes(x, numpy)
    if is_symbolic(x):
        return x
    if kind.__name__ in ("Fraction", "Decimal"):
        return _refuse(x, "turns into a float beside a float; use compare.Rational")
    return _refuse(x)


def _lanes(x: Any, numpy: Any) -> Any:
    if x.ndim == 0:
        return to_data(x[()])
    if x.ndim != 1 or x.dtype.kind not in "fiub" or x.dtype.itemsize > 8:
        raise TypeError(
            f"Value(data): lanes are a 1-d array of real numbers, one per sample; got shape {x.shape}, dtype {x.dtype}"
        )
    lanes = numpy.array(x, dtype=numpy.float64)
    lanes.flags.writeable = False
    return lanes


def _refuse(x: Any, why: str = "") -> Any:
    raise TypeError(
        f"Value(data): expected a number, got {type(x).__name__} {x!r:.60}" + (f": it {why}" if why else "")
    )


def to_float(x: Any) -> float:
    """x as one float, or a refusal: lanes are many numbers, symbols are none.

    >>> to_float(3)
    3.0
    """
    if is_lanes(x):
        raise TypeError(f"float() needs one number, this Value carries {x.size} lanes")
    return float(x)


def finite(x: Any) -> bool:
    """Whether x has neither an infinity nor a NaN in it; exact numbers are finite.

    >>> finite(1e308), finite(1e308 * 10)
    (True, False)
    """
    if x.__class__ is float:
        return math.isfinite(x)
    if is_lanes(x):
        return bool(_numpy().isfinite(x).all())
    own = getattr(x.__class__, "is_finite", None)
    return bool(x.is_finite()) if callable(own) else True


def same_bits(x: Any, y: Any) -> bool:
    """Whether two numbers are one number: same type and same bits (−0.0 is not 0.0, NaN is NaN).

    >>> same_bits(0.0, -0.0), same_bits(float("nan"), float("nan"))
    (False, True)
    """
    if x.__class__ is not y.__class__:
        return False
    if x.__class__ is float:
        return x.hex() == y.hex() if x == x else y != y
    if is_lanes(x):
        return len(x) == len(y) and all(map(same_bits, x.tolist(), y.tolist()))
    return bool(x == y)


def errors_ignored() -> Any:
    """A context in which numpy says nothing of what lanes divide by or overflow to."""
    from contextlib import nullcontext

    return nullcontext() if _numpy() is None else _numpy().errstate(all="ignore")


# ---------------------------------------------------------------------------------------------
# The elementary functions.  Those for floats come from `math`; the others are written here, once.


def _sigmoid(x: float) -> float:
    # Two branches: exp of a large positive number never occurs, so nothing overflows.
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def _softplus(x: float) -> float:
    return (x if x > 0.0 else 0.0) + math.log1p(math.exp(-abs(x)))


def _base_log(x: float) -> float:
    if x > 0:
        return math.log(x)
    return 0.0 if x == 0 else math.nan


def _pow(x: Any, y: Any) -> Any:
    power = x**y
    if power.__class__ is complex:
        raise ValueError(f"pow({x!r}, {y!r}) is not a real number")
    return power


# The next ones need order and arithmetic only.  `x != x` lets a NaN through: it must not vanish.


def _relu(x: Any) -> Any:
    return x if x > 0 or x != x else zero(x)


def _leaky_relu(x: Any, slope: Any) -> Any:
    return x if x > 0 else slope * x


def _step(x: Any) -> Any:
    return x if x != x else lift(1 if x > 0 else 0, x)


def _sign(x: Any) -> Any:
    return x if x != x else lift(1 if x > 0 else -1 if x < 0 else 0, x)


def _softsign(x: Any) -> Any:
    return x / (1 + abs(x))


def _maximum(x: Any, y: Any) -> Any:
    return x if x >= y or x != x else y


def _minimum(x: Any, y: Any) -> Any:
    return x if x <= y or x != x else y


def _ge(x: Any, y: Any) -> Any:
    return x + y if x != x or y != y else lift(1 if x >= y else 0, x)


ORDERED: dict[str, Function] = {
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "step": _step,
    "sign": _sign,
    "softsign": _softsign,
    "maximum": _maximum,
    "minimum": _minimum,
    "ge": _ge,
    "pow": _pow,
}
FLOATS: dict[str, Function] = {"sigmoid": _sigmoid, "softplus": _softplus, "base_log": _base_log}

# For sympy: the same function in its vocabulary, as text over x and y (c is a constant).
SYMPY: dict[str, str] = {
    "sigmoid": "1 / (1 + exp(-x))",
    "softplus": "log(1 + exp(x))",
    "base_log": "log(x)",
    "relu": "Max(x, 0)",
    "leaky_relu": "Piecewise((x, x > 0), (y * x, True))",
    "step": "Heaviside(x, 0)",
    "sign": "sign(x)",
    "softsign": "x / (1 + Abs(x))",
    "maximum": "Max(x, y)",
    "minimum": "Min(x, y)",
    "ge": "Heaviside(x - y, 1)",
    "pow": "x ** y",
}


def elementary(name: str) -> Function:
    """The function `name` for every type of number, as the op table's texts call it.

    A name that is not listed here is looked up in `math` for floats, so that a row of the table
    may use ``erf(x)`` without further code.

    Raises
    ------
    TypeError
        When called on a type that has no such function (GF(p) has no order, rationals no exp).

    >>> elementary("erf")(0.0)
    0.0
    >>> elementary("exp")("1")
    Traceback (most recent call last):
    ...
    TypeError: exp() has no meaning for str
    """
    ordered = ORDERED.get(name)
    on_float: Function | None = ordered or FLOATS.get(name) or getattr(math, name, None)

    def function(x: Any, y: Any = None) -> Any:
        kind = x.__class__
        rest = () if y is None else (y,)
        if (kind is float or kind is int) and (y is None or y.__class__ is float or y.__class__ is int):
            if on_float is None:
                raise TypeError(f"{name}() has no meaning for {kind.__name__}")
            return on_float(x, *rest)
        for number in (x, *rest):
            if is_lanes(number):
                return _over_lanes(function, x, *rest)
            if is_symbolic(number):
                return _in_sympy(name, x, y)
        own = getattr(kind, name, None)
        if own is not None:
            return own(x, *rest)
        if y is not None and hasattr(y.__class__, name) and hasattr(y, "lift"):
            return getattr(y.lift(x), name)(y)
        if ordered is not None and (hasattr(kind, "lift") or hasattr(y.__class__, "lift")):
            return ordered(x, *rest)
        raise TypeError(f"{name}() has no meaning for {kind.__name__}")

    function.__name__ = name
    return function


def _over_lanes(function: Function, *arguments: Any) -> Any:
    numpy = _numpy()
    columns = [a.tolist() for a in numpy.broadcast_arrays(*arguments)]
    return numpy.array([function(*numbers) for numbers in zip(*columns, strict=True)], dtype=numpy.float64)


def _in_sympy(name: str, x: Any, y: Any) -> Any:
    sympy = sys.modules["sympy"]
    names = {"x": x, "y": _exact(y, sympy)}
    return eval(SYMPY.get(name, f"{name}(x)"), vars(sympy), names)


def _exact(c: Any, sympy: Any) -> Any:
    return sympy.Rational(c) if c.__class__ is float else c


def _numpy() -> Any:
    return sys.modules.get("numpy")
