import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy

from engine import Value
from engine.scalars import elementary, finite, is_lanes, lift, one, same_bits, to_data, to_float, zero


class Mod7:
    """GF(7), by the scalar protocol: arithmetic and lift, no order and no functions."""

    def __init__(self, n):
        self.n = n % 7

    def lift(self, constant):
        return Mod7(constant)

    def _n(self, other):
        return other.n if isinstance(other, Mod7) else other

    def __add__(self, other):
        return Mod7(self.n + self._n(other))

    def __sub__(self, other):
        return Mod7(self.n - self._n(other))

    def __mul__(self, other):
        return Mod7(self.n * self._n(other))

    def __rsub__(self, other):
        return Mod7(other - self.n)

    def __truediv__(self, other):
        return Mod7(self.n * pow(self._n(other), -1, 7))

    def __neg__(self):
        return Mod7(-self.n)

    def __eq__(self, other):
        return isinstance(other, Mod7) and self.n == other.n

    __radd__, __rmul__ = __add__, __mul__


def test_constants_have_the_type_of_their_number():
    assert (type(one(2.5)), type(one(2)), type(one(Mod7(3)))) == (float, int, Mod7)
    assert same_bits(one(np.array([2.0, 3.0])), np.array([1.0, 1.0]))
    assert same_bits(zero(np.array([-2.0, 3.0])) + 0.0, np.array([0.0, 0.0]))
    assert one(sympy.Symbol("s")) == 1 and isinstance(one(sympy.Symbol("s")), sympy.Integer)
    with pytest.raises(TypeError, match="constant 3 of type str"):
        lift(3, "x")


def test_a_value_over_gf7_differentiates_in_gf7():
    x, y = Value(Mod7(3)), Value(Mod7(5))
    c = x * x / y - y
    c.backward()
    assert x.grad == Mod7(6) / Mod7(5)
    assert y.grad == -Mod7(9) / Mod7(25) - Mod7(1)


@pytest.mark.parametrize("name", ["exp", "tanh", "sqrt"])
def test_no_answer_names_function_and_type(name):
    with pytest.raises(TypeError, match=f"{name}.. has no meaning for Mod7"):
        getattr(Value(Mod7(3)), name)()


def test_no_order_is_refused():
    with pytest.raises(TypeError, match="Mod7"):
        Value(Mod7(3)).relu()


@pytest.mark.parametrize(
    "given, kind, expected",
    [
        (True, int, 1),
        (np.bool_(True), int, 1),
        (np.float64(0.1), float, 0.1),
        (np.float32(0.1), float, 0.10000000149011612),
        (np.int64(3), int, 3),
        (np.array(2.5), float, 2.5),
    ],
)
def test_numpy_scalars_become_python_numbers(given, kind, expected):
    data = to_data(given)
    assert type(data) is kind and data == expected


BAD = {
    "str": "0.5",
    "complex": 1j,
    "Fraction": Fraction(1, 3),
    "Decimal": Decimal("0.5"),
    "NoneType": None,
    "list": [1.0],
    "longdouble": np.longdouble(1),
    "type": float,
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_number_is_refused_by_name(kind):
    with pytest.raises(TypeError, match=rf"Value\(data\): expected a number, got {kind}"):
        Value(BAD[kind])


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.array([1j]), np.array(["a"]), np.array([None])])
def test_lanes_are_1d_and_real(array):
    with pytest.raises(TypeError, match="1-d array of real numbers"):
        Value(array)


def test_lanes_are_copied_and_read_only():
    array = np.array([1.0, 2.0])
    lanes = to_data(array)
    array[0] = 9.0
    assert lanes.tolist() == [1.0, 2.0] and is_lanes(lanes)
    with pytest.raises(ValueError, match="read-only"):
        lanes += 1.0


def test_to_float():
    assert to_float(3) == 3.0
    with pytest.raises(TypeError, match="carries 2 lanes"):
        to_float(np.array([1.0, 2.0]))


def test_finite():
    assert finite(1e308) and finite(3) and finite(Mod7(1)) and finite(np.array([1.0]))
    assert not finite(math.inf) and not finite(math.nan) and not finite(np.array([1.0, math.nan]))


def test_same_bits():
    nan = float("nan")
    assert same_bits(0.1 + 0.2, 0.30000000000000004) and not same_bits(0.1 + 0.2, 0.3)
    assert not same_bits(-0.0, 0.0) and same_bits(nan, -nan) and not same_bits(1, 1.0)
    assert same_bits(np.array([nan, 1.0]), np.array([nan, 1.0]))
    assert not same_bits(np.array([0.0]), np.array([-0.0])) and not same_bits(np.zeros(1), np.zeros(2))


def test_sigmoid_and_softplus_do_not_overflow():
    sigmoid, softplus = elementary("sigmoid"), elementary("softplus")
    assert (sigmoid(1000.0), sigmoid(-1000.0), sigmoid(0.0)) == (1.0, 0.0, 0.5)
    assert (softplus(1000.0), softplus(-1000.0), softplus(0.0)) == (1000.0, 0.0, math.log(2))
    assert sigmoid(-2.0) == math.exp(-2.0) / (1.0 + math.exp(-2.0))  # the stable branch


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "step", "sign", "softsign", "maximum", "minimum", "ge"])
def test_a_nan_does_not_vanish(name):
    second = {"leaky_relu": (0.1,), "maximum": (1.0,), "minimum": (1.0,), "ge": (1.0,)}.get(name, ())
    assert math.isnan(elementary(name)(math.nan, *second))


def test_functions_are_pythons_own():
    for name in ("exp", "tanh", "sin", "cos", "log", "sqrt"):
        assert all(elementary(name)(x) == getattr(math, name)(x) for x in (0.1, 0.5, 2.0, 10.25))


def test_symbols():
    s = sympy.Symbol("s", real=True)
    v = Value(s)
    y = v.sigmoid()
    y.backward()
    assert sympy.simplify(v.grad - sympy.diff(1 / (1 + sympy.exp(-s)), s)) == 0
    assert v.relu().data == sympy.Max(s, 0) and elementary("pow")(s, 0.5) == sympy.sqrt(s)


def test_pow_refuses_what_is_not_real():
    with pytest.raises(ValueError, match="not a real number"):
        Value(-2.0) ** 0.5
