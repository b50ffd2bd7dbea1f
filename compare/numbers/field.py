"""The finite field GF(p), p = 2⁶¹ − 1, in which identities are proved at random points.

An identity of rational functions that holds at a random point of a large field holds, up to a tiny
probability, everywhere (Schwartz, J. ACM 27 (1980) 701; Zippel, EUROSAM 1979, LNCS 72, 216).  What is
no rational function is replaced by a random one: σ and σ′ of our networks by two independent random
functions of the argument, so that what is shown holds for every differentiable σ; exp, for code
that computes it itself, by a random E with E(−z) = 1/E(z), and sigmoid and tanh by what they are in E.
"""

import operator
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

P = 2**61 - 1


class Functions:
    """Random functions GF(p) → GF(p), memoised: the same argument gives the same value.

    One seed gives one set of functions, given the order of first uses (Python's
    ``random.Random(seed).getrandbits``, whose stream is frozen).

    Attributes
    ----------
    calls : how many distinct (function, argument) pairs were drawn: the q of the bound
    n, d : the largest degrees of numerator and denominator of an argument
    lost : the sum of the degrees of all divisors: of p values of a variable, at most so many make one 0
    """

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)
        self._known: dict[tuple[Any, int], int] = {}
        self.n = self.d = self.lost = 0

    @property
    def calls(self) -> int:
        """The number of values drawn so far."""
        return len(self._known)

    def uniform(self) -> int:
        """A uniform element of the field."""
        while True:
            v = self._random.getrandbits(61)
            if v < P:
                return v

    def variable(self, inputs: int = 1) -> "Residue":
        """A random input, of degree 1; `inputs`, those of its layer, change nothing (for `draw`)."""
        return Residue(self.uniform(), self, n=1)

    def element(self, value: Any) -> "Residue":
        """A constant as an element; an element is left as it is."""
        return value if isinstance(value, Residue) else Residue(value, self)

    def at(self, name: Any, argument: int) -> int:
        """The value of the function `name` at the argument."""
        key = (name, argument)
        if key not in self._known:
            self._known[key] = self.uniform()
        return self._known[key]

    def exp(self, argument: int) -> int:
        """E(z): E(0) = 1, E(−z) = 1/E(z), else random and not 0."""
        if argument == 0:
            return 1
        if self.is_reciprocal(argument):
            return pow(self.exp(P - argument), -1, P)
        return self.at("exp", argument) or 1

    def is_reciprocal(self, argument: int) -> bool:
        """Whether E(z) is 1/E(−z), because −z was asked first.

        The order of the questions decides, and not the size of z, so that a program has the same
        degrees at every point.
        """
        return ("exp", P - argument) in self._known


class NoOrder(TypeError):
    """An order was asked for among numbers that have none."""


class Residue:
    """An element of GF(2⁶¹ − 1), with the degrees of the rational function that it is the value of.

    Parameters
    ----------
    value : an int, or a finite float or Fraction, taken as the exact ratio that it is
    functions : the random functions that stand for σ, exp and log
    n, d : degrees of numerator and denominator: 1, 0 for a random input, 0, 0 for a constant; they
        are carried through ``+ − × ÷`` as upper bounds, and a value of a random function is a new
        variable of degree 1

    Ordering is refused: a finite field has none.

    >>> f = Functions(0)
    >>> x = Residue(3, f)
    >>> x / 2 * 2 == x, (x * x / (x + 1)).n, (x * x / (x + 1)).d
    (True, 0, 0)
    """

    __slots__ = ("d", "functions", "n", "v")

    def __init__(self, value: Any, functions: Functions, n: int = 0, d: int = 0) -> None:
        self.v, self.functions, self.n, self.d = _residue(value), functions, n, d

    def lift(self, constant: Any) -> "Residue":
        """A constant as an element (the scalar protocol)."""
        return self.__class__(constant, self.functions)

    def _new(self, v: int, n: int, d: int) -> "Residue":
        made = object.__new__(self.__class__)
        made.v, made.functions, made.n, made.d = v, self.functions, n, d
        return made

    def __repr__(self) -> str:
        return f"Residue({self.v})"

    def __str__(self) -> str:
        return str(self.v)

    def __add__(self, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            other = _operand(other, self)
            if other is None:
                return NotImplemented
        d1, d2 = self.d, other.d
        if d1 == d2 == 0:
            n = self.n if self.n >= other.n else other.n
            return self._new((self.v + other.v) % P, n, 0)
        return self._new((self.v + other.v) % P, max(self.n + d2, other.n + d1), d1 + d2)

    __radd__ = __add__

    def __neg__(self) -> "Residue":
        return self._new(-self.v % P, self.n, self.d)

    def __sub__(self, other: Any) -> Any:
        other = _operand(other, self)
        return NotImplemented if other is None else self + -other

    def __rsub__(self, other: Any) -> Any:
        other = _operand(other, self)
        return NotImplemented if other is None else other + -self

    def __mul__(self, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            other = _operand(other, self)
            if other is None:
                return NotImplemented
        return self._new(self.v * other.v % P, self.n + other.n, self.d + other.d)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        other = _operand(other, self)
        if other is None:
            return NotImplemented
        if other.v == 0:
            raise ZeroDivisionError("division by 0 in GF(2⁶¹ − 1)")
        self.functions.lost += other.n
        return self._new(self.v * pow(other.v, -1, P) % P, self.n + other.d, self.d + other.n)

    def __rtruediv__(self, other: Any) -> Any:
        other = _operand(other, self)
        return NotImplemented if other is None else other / self

    def __pow__(self, exponent: Any) -> Any:
        if isinstance(exponent, float) and exponent.is_integer():
            exponent = int(exponent)
        if not hasattr(exponent, "__index__"):
            raise TypeError(f"Residue ** {exponent!r}: in a finite field the exponent must be whole")
        k = int(exponent)
        if k < 0:
            return 1 / self**-k
        return self._new(pow(self.v, k, P), self.n * k, self.d * k)

    def __eq__(self, other: Any) -> Any:
        other = _operand(other, self)
        return NotImplemented if other is None else self.v == other.v

    def __hash__(self) -> int:
        return hash(self.v)

    def __bool__(self) -> bool:
        return self.v != 0

    def _no_order(self, other: Any) -> Any:
        raise NoOrder(
            "a finite field has no order, so relu, maximum, abs and branches on z have no meaning in it; "
            "the arithmetic that serves is 'rational'"
        )

    __lt__ = __le__ = __gt__ = __ge__ = _no_order

    def __abs__(self) -> Any:
        return self._no_order(0)

    def __float__(self) -> float:
        raise TypeError("an element of GF(2⁶¹ − 1) is no float: the code forces floats here")

    # -- functions: what numpy's np.exp(objects) and the engine's ops call ----------------------

    def _count(self) -> None:
        functions = self.functions
        functions.n, functions.d = max(functions.n, self.n), max(functions.d, self.d)

    def _value_of(self, name: Any) -> "Residue":
        self._count()
        return self._new(self.functions.at(name, self.v), 1, 0)

    def sigma(self, layer: int) -> "Residue":
        """σ of a layer: a random function."""
        return self._value_of(("σ", layer))

    def sigma_prime(self, layer: int) -> "Residue":
        """σ′ of a layer: another random function, independent of σ."""
        return self._value_of(("σ′", layer))

    def exp(self) -> "Residue":
        """E(z)."""
        self._count()
        degrees = (0, 1) if self.functions.is_reciprocal(self.v) else (1, 0)
        return self._new(self.functions.exp(self.v), *degrees)

    def log(self) -> "Residue":
        """A random function; its derivative, 1/z, is the op table's."""
        return self._value_of("log")

    def sqrt(self) -> "Residue":
        """A random function R; its derivative, 1/(2R), is the op table's.  R² = z is not among what it knows."""
        return self._value_of("sqrt")

    def sigmoid(self) -> "Residue":
        """1/(1 + E(−z))."""
        return 1 / (1 + (-self).exp())

    def tanh(self) -> "Residue":
        """(E(z) − E(−z))/(E(z) + E(−z))."""
        up, down = self.exp(), (-self).exp()
        return (up - down) / (up + down)

    def softplus(self) -> "Residue":
        """log(1 + E(z)), with the random log."""
        return (1 + self.exp()).log()

    def expm1(self) -> "Residue":
        """E(z) − 1."""
        return self.exp() - 1

    def log1p(self) -> "Residue":
        """log(1 + z)."""
        return (1 + self).log()

    def sinh(self) -> "Residue":
        """(E(z) − E(−z))/2."""
        return (self.exp() - (-self).exp()) / 2

    def cosh(self) -> "Residue":
        """(E(z) + E(−z))/2."""
        return (self.exp() + (-self).exp()) / 2


class Chosen(Residue):
    """An element of the field where order is replaced by choice: what a comparison answers is a random element.

    relu z = step(z) · z with any number for step(z), and max(x, y) = g x + (1 − g) y with any g for each pair: what
    holds for all numbers in their places holds for 0 and 1 too, for every pattern of signs and winners.
    Comparisons themselves (`>`) are refused, as in `Residue`.
    """

    __slots__ = ()

    def _like(self, other: Any) -> "Chosen":
        return other if isinstance(other, Chosen) else Chosen(other, self.functions)

    def step(self) -> "Residue":
        """Any number for each argument."""
        return self._value_of("step")

    def sign(self) -> "Residue":
        """Any number for each argument."""
        return self._value_of("sign")

    def __abs__(self) -> "Residue":
        return self.sign() * self

    def relu(self) -> "Residue":
        """step(z) · z."""
        return self.step() * self

    def leaky_relu(self, slope: Any) -> "Residue":
        """(step(z) + slope · (1 − step(z))) · z."""
        step = self.step()
        return (step + slope * (1 - step)) * self

    def ge(self, other: Any) -> "Residue":
        """Any number g for each pair."""
        other = self._like(other)
        other._count()
        return self._value_of(("ge", other.v))

    def maximum(self, other: Any) -> "Residue":
        """g x + (1 − g) y with g = ge(x, y)."""
        g = self.ge(other)
        return g * self + (1 - g) * other

    def minimum(self, other: Any) -> "Residue":
        """g x + (1 − g) y with g = ge(y, x)."""
        g = self._like(other).ge(self)
        return g * self + (1 - g) * other

    def held_max(self, others: Sequence["Residue"]) -> "Residue":
        """Any number for each row: what is held constant may be any."""
        for other in others:
            other._count()
        return self._value_of(("held max", *(other.v for other in others)))


def _residue(value: Any) -> int:
    if isinstance(value, Residue):
        return value.v
    try:
        return operator.index(value) % P
    except TypeError:  # an array has __index__ too, and int(array([0.5])) would be 0
        pass
    if hasattr(value, "numerator") or isinstance(value, float):
        if isinstance(value, float) and value - value != 0:
            raise ValueError(f"{value} is no element of GF(2⁶¹ − 1)")
        ratio = Fraction(value) if isinstance(value, float) else value
        return int(ratio.numerator) * pow(int(ratio.denominator), -1, P) % P
    raise TypeError(f"Residue(value): expected a number, got {type(value).__name__} {value!r:.60}")


def _operand(other: Any, like: Residue) -> Residue | None:
    if other.__class__ is like.__class__:
        return other
    try:
        return like._new(_residue(other), 0, 0)
    except TypeError:
        return None
