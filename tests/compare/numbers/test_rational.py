"""Both backends: FLINT's numbers where it is installed, and a second copy of the module without it."""

import copy
import importlib.util
import math
import operator
import pickle
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import compare.numbers.rational
from engine import Value, grad, hessian


def without_flint():
    name = "rational_without_flint"
    spec = importlib.util.spec_from_file_location(name, compare.numbers.rational.__file__)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # pickle looks it up there
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "flint", None)
        spec.loader.exec_module(module)
    assert module.fmpq is None
    return module


FLINT = pytest.mark.skipif(compare.numbers.rational.fmpq is None, reason="python-flint is not installed")
BACKENDS = [
    pytest.param(without_flint().Rational, id="fraction"),
    pytest.param(compare.numbers.rational.Rational, id="flint", marks=FLINT),
]
both = pytest.mark.parametrize("R", BACKENDS)

FRACTIONS = st.fractions(max_denominator=10**6)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    FRACTIONS,
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
)


def same(R, made, expected):
    """made is a Rational that is the Fraction expected, in lowest terms."""
    assert type(made) is R
    assert (made.numerator, made.denominator) == (expected.numerator, expected.denominator)
    assert type(made.numerator) is int and type(made.denominator) is int


def exact(number):
    return Fraction(int(number)) if isinstance(number, np.int64) else Fraction(number)


@both
@given(a=FRACTIONS, b=NUMBERS)
def test_arithmetic_is_that_of_fractions(R, a, b):
    f = exact(b)
    for op in (operator.add, operator.sub, operator.mul):
        same(R, op(R(a), b), op(a, f))
        same(R, op(b, R(a)), op(f, a))
        same(R, op(R(a), R(b)), op(a, f))
    for x, y, p, q in ((R(a), b, a, f), (b, R(a), f, a)):
        if q:
            same(R, x / y, p / q)
        else:
            with pytest.raises(ZeroDivisionError):
                x / y
    same(R, -R(a), -a)
    same(R, abs(R(a)), abs(a))
    assert bool(R(a)) is bool(a)


@both
@given(a=FRACTIONS, b=NUMBERS)
def test_order_equality_and_hash(R, a, b):
    f = exact(b)
    for op in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert op(R(a), b) is op(R(a), R(b)) is op(a, f)
        assert bool(op(b, R(a))) is op(f, a)
    assert R(a) == a and hash(R(a)) == hash(a)
    assert R(b) == b and hash(R(b)) == hash(b)


@both
@given(a=FRACTIONS, n=st.integers(-6, 6))
def test_powers(R, a, n):
    if a == 0 and n < 0:
        with pytest.raises(ZeroDivisionError):
            R(a) ** n
    else:
        same(R, R(a) ** n, Fraction(a**n))
        same(R, R(a) ** R(n), Fraction(a**n))
        same(R, R(a) ** float(n), Fraction(a**n))


@both
def test_a_power_that_is_not_rational_is_refused(R):
    for exponent in (0.5, R(1, 2), Fraction(3, 2)):
        with pytest.raises(TypeError, match="is not rational; use a whole exponent"):
            R(4) ** exponent
    with pytest.raises(TypeError):
        R(4) ** "2"
    with pytest.raises(TypeError):
        2 ** R(4)


@both
@given(x=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_dyadic_number_that_it_is(R, x):
    same(R, R(x), Fraction(x))
    same(R, R(np.float64(x)), Fraction(x))
    assert R(x).to_float() == x and type(R(x).to_float()) is float
    assert R(x).denominator.bit_count() == 1


@both
def test_a_float_comes_out_only_when_asked_by_name(R):
    third = R(1, 3)
    for made in (third * 0.5, 0.5 * third, third / 3.0, third + np.float64(2), np.float64(2) * third):
        assert type(made) is R
    for convert in (float, math.exp, math.sqrt, int, complex, lambda r: np.array([r], float), round):
        with pytest.raises(TypeError):
            convert(third)
    assert third.to_float() == 1 / 3
    with pytest.raises(OverflowError):
        (R(1e308) * 10).to_float()


@both
def test_text_goes_in_and_comes_out(R):
    same(R, R("1/3"), Fraction(1, 3))
    same(R, R(" -0.1 "), Fraction(-1, 10))
    same(R, R(6, -4), Fraction(-3, 2))
    same(R, R(R(1, 3)), Fraction(1, 3))
    same(R, R(True), Fraction(1))
    assert repr(R(6, -4)) == "Rational(-3, 2)" and str(R(6, -4)) == "-3/2" and str(R(-7)) == "-7"


@both
def test_long_numbers_have_digits_too(R):
    # Python's str() of an int refuses more than 4,300 digits.
    long = R(10) ** 6000 + 7
    assert str(long) == "1" + "0" * 5999 + "7"
    assert str(-1 / long) == f"-1/{long}" and repr(long) == f"Rational({long}, 1)"


@given(st.integers(-(10**1600), 10**1600))
def test_digits_in_blocks_are_the_digits(n):
    assert str(compare.numbers.rational.Rational(n)) == str(n)


@both
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((None,), TypeError),
        (([1],), TypeError),
        ((1j,), TypeError),
        ((int,), TypeError),
        ((np.ones(2),), TypeError),
        (("x",), ValueError),
        (("",), ValueError),
        ((math.inf,), ValueError),
        ((-math.inf,), ValueError),
        ((math.nan,), ValueError),
        ((1, 0), ZeroDivisionError),
        (("1/0",), ZeroDivisionError),
        ((1, "3"), TypeError),
        ((1, None), TypeError),
    ],
)
def test_bad_input(R, arguments, error):
    with pytest.raises(error):
        R(*arguments)


@both
def test_strangers_are_refused(R):
    for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.ge):
        for stranger in ("1", None, 1j, [1]):
            with pytest.raises(TypeError):
                op(R(1), stranger)
            with pytest.raises(TypeError):
                op(stranger, R(1))
    assert R(1) != "1" and R(1) != None and R(1) not in ["1", None]  # noqa: E711
    for infinite in (math.inf, math.nan):
        assert R(1) != infinite and (R(1) == infinite) is False
        for op in (operator.add, operator.mul, operator.lt):
            with pytest.raises(ValueError, match="is not a rational number"):
                op(R(1), infinite)


@both
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copies(R, protocol):
    third = R(10**50, -3)
    for back in (pickle.loads(pickle.dumps(third, protocol)), copy.copy(third), copy.deepcopy(third)):
        assert type(back) is R and back == third
    assert not hasattr(third, "__dict__")


@both
def test_lift_makes_constants(R):
    for constant in (0, 1, -7, 0.1, Fraction(1, 3)):
        same(R, R(5).lift(constant), Fraction(constant))


@both
def test_arrays_of_rationals(R):
    a = np.array([R(1, 2), R(1, 3)], dtype=object)
    assert (a @ a) == Fraction(13, 36) and a.sum() == Fraction(5, 6)
    for array in (a * R(2), R(2) * a, a * 2, 2 * a, a * 2.0, 2.0 * a, a / R(1, 2), np.float64(2) * a):
        assert array.tolist() == [1, Fraction(2, 3)] and {type(v) for v in array} == {R}
    assert (R(1) - a).tolist() == [Fraction(1, 2), Fraction(2, 3)]
    assert (R(1) / a).tolist() == [2, 3]
    assert (a > R(2, 5)).tolist() == [True, False]
    assert abs(-a).tolist() == a.tolist()
    with pytest.raises(TypeError, match="exp"):
        np.exp(a)


# -- in a graph ----------------------------------------------------------------------------------


@both
def test_partials_beside_ints_stay_exact(R):
    x, three = Value(R(1)), Value(3)
    y = x / three
    y.backward()
    same(R, y.data, Fraction(1, 3))
    same(R, x.grad, Fraction(1, 3))
    same(R, three.grad, Fraction(-1, 9))
    x = Value(R(3))
    y = 1 / x
    y.backward()
    same(R, y.data, Fraction(1, 3))
    same(R, x.grad, Fraction(-1, 9))


VALUES = st.fractions(-10, 10, max_denominator=50).filter(bool)


@both
@given(p=VALUES, q=VALUES)
def test_derivatives_in_a_graph_are_exact(R, p, q):
    x, y = Value(R(p)), Value(R(q))
    for out, value, dx, dy in (
        (x * y + x, p * q + p, q + 1, p),
        ((x - 2 * y) / y, (p - 2 * q) / q, 1 / q, -p / q**2),
        (x**3 - 0.5 * y**-2, p**3 - Fraction(1, 2) / q**2, 3 * p**2, q**-3),
        (x.relu() - y, max(p, 0) - q, p > 0, -1),
        (x - y.leaky_relu(0.25), p - (q if q > 0 else q / 4), 1, Fraction(-1, 1 if q > 0 else 4)),
        (x.softsign() * y, p / (1 + abs(p)) * q, q / (1 + abs(p)) ** 2, p / (1 + abs(p))),
        (x.maximum(y) + abs(y), max(p, q) + abs(q), p >= q, (p < q) + (1 if q > 0 else -1)),
    ):
        same(R, out.data, Fraction(value))
        got = grad(out, [x, y])
        same(R, got[0], Fraction(dx))
        same(R, got[1], Fraction(dy))


@both
def test_second_derivatives_are_exact(R):
    x, y = Value(R(1, 3)), Value(R(2))
    (xx, xy), (yx, yy) = hessian(x * x * x / y, [x, y])
    same(R, xx, Fraction(1))  # 6x/y
    same(R, xy, Fraction(-1, 12))  # −3x²/y²
    same(R, yx, Fraction(-1, 12))
    same(R, yy, Fraction(1, 108))  # 2x³/y³


@both
@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sigmoid", "softplus", "sin"])
def test_functions_that_lead_out_are_refused(R, name):
    with pytest.raises(TypeError, match=rf"{name}\(\) has no meaning for Rational"):
        getattr(Value(R(1, 3)), name)()


@both
def test_a_value_beside_a_bare_rational(R):
    x = Value(R(1, 3))
    for made in (R(2) * x, x * R(2), R(2) - x, 0.5 + x):
        assert type(made) is Value and type(made.data) is R
