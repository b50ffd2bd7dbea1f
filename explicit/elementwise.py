"""The elementary functions, one definition each, on arrays of floats and on arrays of other numbers.

numpy's own exp and tanh differ from Python's `math` in the last bit on some inputs, and differ from machine
to machine. Here every float goes through `math`, one element at a time, so that a result is a property of its
input.

An object array may hold any numbers: each element is asked for its own method (`.exp()`, `.sigmoid()`, …).
Where only order and + − × ÷ are needed (relu, leaky_relu, step, sign, softsign), the formula itself is used.
"""

import math
import numbers
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SLOPE = 0.01  # of leaky_relu where z ≤ 0


def exp(z: float) -> float:
    """eᶻ of a float, by `math`; raises OverflowError above about 709.78, as `math` does."""
    return math.exp(z)


def log(z: float) -> float:
    """ln z of a float, by `math`; raises ValueError where z ≤ 0, as `math` does."""
    return math.log(z)


def tanh(z: float) -> float:
    """tanh z of a float, by `math`."""
    return math.tanh(z)


def sqrt(z: float) -> float:
    """√z of a float, by `math`; raises ValueError where z < 0, as `math` does."""
    return math.sqrt(z)


def sigmoid(z: float) -> float:
    """σ(z) = 1/(1 + e⁻ᶻ), and for z < 0 the same number as eᶻ/(1 + eᶻ), so that nothing overflows.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


def softplus(z: float) -> float:
    """ln(1 + eᶻ), computed as max(z, 0) + ln(1 + e^−|z|), so that nothing overflows.

    >>> softplus(1000.0), softplus(-1000.0)
    (1000.0, 0.0)
    """
    return max(0.0, z) + math.log1p(math.exp(-abs(z)))


def is_nan(z: Any) -> Any:
    """Whether z is NaN, the one number that differs from itself; for an array, of each element."""
    return z != z


def relu(z: Any) -> Any:
    """max(z, 0): z where z > 0, else the 0 of z's type; NaN stays NaN.

    >>> relu(-2.0), relu(-0.0), relu(Fraction(1, 3))
    (0.0, 0.0, Fraction(1, 3))
    """
    return z if z > 0 or is_nan(z) else _constant(0, z)


def leaky_relu(z: Any, slope: float = SLOPE) -> Any:
    """z where z > 0, else slope × z; NaN stays NaN.

    >>> leaky_relu(2.0), leaky_relu(-2.0)
    (2.0, -0.02)
    """
    return z if z > 0 or is_nan(z) else _times(slope, z)


def step(z: Any) -> Any:
    """1 where z > 0, else 0, in z's type; NaN stays NaN. This is relu′, so relu′(0) = 0.

    >>> step(2.0), step(0.0), step(Fraction(1, 3))
    (1.0, 0.0, Fraction(1, 1))
    """
    return z if is_nan(z) else _constant(1 if z > 0 else 0, z)


def sign(z: Any) -> Any:
    """1, −1 or 0 with the sign of z, in z's type; NaN stays NaN.

    >>> sign(2.0), sign(-2.0), sign(0.0)
    (1.0, -1.0, 0.0)
    """
    return z if is_nan(z) else _constant((z > 0) - (z < 0), z)


def softsign(z: Any) -> Any:
    """z/(1 + |z|).

    >>> softsign(-1.0), softsign(Fraction(1, 2))
    (-0.5, Fraction(1, 3))
    """
    return z / (1 + abs(z))


ORDERED: dict[str, Callable[..., Any]] = {f.__name__: f for f in (relu, leaky_relu, step, sign, softsign)}
FUNCTIONS: dict[str, Callable[..., Any]] = {f.__name__: f for f in (exp, log, sqrt, tanh, sigmoid, softplus)} | ORDERED


def apply(function: str | Callable[..., Any], z: Array, *constants: float) -> Array:
    """function(zᵢ, *constants) for every element, in an array of z's shape.

    `function` is a name in FUNCTIONS, or any function of one element. A float array gives a float64 array. In
    an object array a float or an int goes through the same float function; another number through its own
    method of that name if it has one, else through the formula if order and + − × ÷ are enough.

    Errors: ValueError for an unknown name; TypeError for an element that has no answer, or for an array that
    holds no real numbers; whatever `math` raises (ValueError from log, OverflowError from exp).

    >>> apply("relu", np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    >>> apply("softsign", np.array([Fraction(1), Fraction(-1, 2)]))
    array([Fraction(1, 2), Fraction(-1, 3)], dtype=object)
    """
    if isinstance(function, str):
        if function not in FUNCTIONS:
            raise ValueError(f"unknown function {function!r}; known: {', '.join(sorted(FUNCTIONS))}")
        float_rule, element_rule = FUNCTIONS[function], _element_rule(function)
    else:
        float_rule = element_rule = function
    if z.dtype.hasobject:
        return objects((element_rule(element, *constants) for element in z.flat), z.shape)
    if z.dtype.kind not in "fiub":
        raise TypeError(f"expected an array of real numbers or of objects, got dtype {z.dtype}")
    values = z.astype(np.float64).ravel().tolist()
    return np.array([float_rule(value, *constants) for value in values], dtype=np.float64).reshape(z.shape)


def maximum(x: Array, y: Array) -> Array:
    """The larger of xᵢ and yᵢ, x on a tie; where one is NaN, x if that is it, else y.

    >>> maximum(np.array([1.0, -0.0]), np.array([2.0, 0.0]))
    array([ 2., -0.])
    """
    return np.where((x >= y) | is_nan(x), x, y) if _are_floats(x, y) else _pairwise("maximum", x, y)


def minimum(x: Array, y: Any) -> Array:
    """The smaller of xᵢ and y, x on a tie; NaN as in `maximum`.

    >>> minimum(np.array([1.0, 3.0]), 2)
    array([1., 2.])
    """
    return np.where((x <= y) | is_nan(x), x, y) if _are_floats(x, y) else _pairwise("minimum", x, y)


def ge(x: Any, y: Array) -> Array:
    """1 where xᵢ ≥ yᵢ, else 0; NaN beside a NaN.  It says which operand of `maximum` has won.

    >>> ge(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    array([0., 1.])
    """
    if _are_floats(x, y):
        return np.where(is_nan(x) | is_nan(y), x + y, np.where(x >= y, 1.0, 0.0))
    return _pairwise("ge", x, y)


_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "maximum": lambda x, y: x if x >= y or is_nan(x) else y,
    "minimum": lambda x, y: x if x <= y or is_nan(x) else y,
    "ge": lambda x, y: x + y if is_nan(x) or is_nan(y) else _constant(1 if x >= y else 0, x),
}


def _are_floats(x: Any, y: Any) -> bool:
    return not (np.asarray(x).dtype.hasobject or np.asarray(y).dtype.hasobject)


def _pairwise(name: str, x: Any, y: Any) -> Array:
    """Each number is asked for its own method; where it has none, order is enough."""
    xs, ys = np.broadcast_arrays(np.asarray(x, dtype=object), np.asarray(y, dtype=object))
    pairs = zip(xs.flat, ys.flat, strict=True)
    return objects((_pair(name, a, b) for a, b in pairs), xs.shape)


def _pair(name: str, x: Any, y: Any) -> Any:
    if not hasattr(x, name) and hasattr(y, name) and hasattr(y, "lift"):
        x = y.lift(x)
    return getattr(x, name)(y) if hasattr(x, name) else _PAIRS[name](x, y)


def held_max(z: Array, axis: int) -> Array:
    """The largest number along an axis, held constant: nothing is differentiated by it.  The axis stays, with size 1.

    An element that has a graph is asked for `held_max(others)`; of other numbers the first of the largest is taken.

    >>> held_max(np.array([[1.0], [3.0]]), 0)
    array([[3.]])
    """
    rows = np.moveaxis(z, axis, -1)
    found = [_held_max(list(rows[place])) for place in np.ndindex(rows.shape[:-1])]
    held = np.fromiter(found, dtype=z.dtype, count=len(found)).reshape(rows.shape[:-1])
    return np.expand_dims(held, axis)


def _held_max(row: list[Any]) -> Any:
    first, *others = row
    if hasattr(first, "held_max"):
        return first.held_max(others)
    for other in others:
        if other > first:
            first = other
    return first


def method_or(name: str, function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """z ↦ the elements' own method `name` where they have one (a graph has those of its op table), else function(z).

    >>> swish = method_or("swish", lambda z: z * apply("sigmoid", z))
    >>> swish(np.array([0.0]))
    array([0.])
    """

    def chosen(z: Array) -> Array:
        if z.dtype.hasobject and all(hasattr(element, name) for element in z.flat):
            return objects((getattr(element, name)() for element in z.flat), z.shape)
        return function(z)

    return chosen


def scaled(constant: float, z: Array) -> Array:
    """constant × zᵢ for every element; beside a Fraction the constant is the dyadic rational that it is.

    >>> scaled(0.5, np.array([Fraction(1, 3)]))
    array([Fraction(1, 6)], dtype=object)
    """
    if z.dtype.hasobject:
        return objects((_times(constant, element) for element in z.flat), z.shape)
    return constant * z


def _element_rule(name: str) -> Callable[..., Any]:
    """The rule `name` for one element of an object array."""

    def rule(element: Any, *constants: float) -> Any:
        if isinstance(element, (int, float, np.integer, np.floating)):
            return FUNCTIONS[name](float(element), *constants)
        method = getattr(element, name, None)
        if callable(method):
            return method(*constants)
        kind = type(element).__name__
        if name not in ORDERED:
            raise TypeError(f"{name}: a {kind} has no method .{name}()")
        try:
            return ORDERED[name](element, *constants)
        except TypeError as error:
            raise TypeError(f"{name}: a {kind} has no method .{name}(), and its formula fails: {error}") from error

    return rule


def objects(elements: Iterable[Any], shape: tuple[int, ...]) -> Array:
    """An object array of the elements, in reading order. (np.array(list) looks inside elements.)"""
    return np.fromiter(elements, dtype=object, count=math.prod(shape)).reshape(shape)


def _constant(c: int, z: Any) -> Any:
    """The small int c as a number of z's type. (0 × a negative float would be −0.0.)"""
    return float(c) if isinstance(z, float) else z * 0 + c


def _times(constant: float, z: Any) -> Any:
    """constant × z. (Python makes float × Fraction a float; exact numbers must stay exact.)"""
    return Fraction(constant) * z if isinstance(z, numbers.Rational) else constant * z
