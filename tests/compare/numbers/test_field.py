"""GF(2⁶¹ − 1): arithmetic, random functions, degrees, and what it refuses."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.numbers.field import Functions, P, Residue
from engine import Value, grad

elements = st.integers(0, P - 1)


def residue(v, **keywords):
    return Residue(v, Functions(0), **keywords)


@given(elements, elements)
def test_arithmetic_is_that_of_integers_modulo_p(a, b):
    x, y = residue(a), residue(b)
    assert (x + y).v == (a + b) % P
    assert (x - y).v == (a - b) % P
    assert (x * y).v == a * b % P
    assert (-x).v == -a % P
    if b:
        assert (x / y).v * b % P == a
    else:
        with pytest.raises(ZeroDivisionError, match="division by 0"):
            x / y


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_enters_as_the_dyadic_rational_that_it_is(f):
    ratio = Fraction(f)
    assert (residue(1) * f).v * ratio.denominator % P == ratio.numerator % P


def test_a_half_is_the_inverse_of_two():
    assert (0.5 * residue(2)).v == 1
    assert (1 - residue(3)).v == P - 2
    assert (1 / residue(2)).v == (P + 1) // 2
    assert (residue(3) ** 2).v == 9
    assert (residue(3) ** -1 * 3).v == 1


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_what_is_no_element_is_refused(bad):
    with pytest.raises(ValueError, match="no element"):
        residue(bad)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x > 0,
        lambda x: x <= x,
        abs,
        float,
        math.exp,
        lambda x: x**0.5,
        lambda x: np.maximum(np.array([x]), 0),
        lambda x: Value(x).relu(),
    ],
)
def test_order_and_floats_are_refused(use):
    with pytest.raises(TypeError):
        use(residue(3))


def test_the_refusal_of_order_names_the_arithmetic_that_serves():
    with pytest.raises(TypeError, match="'rational'"):
        residue(3) < 1  # noqa: B015


def test_exp_is_odd_in_the_exponent_and_the_rest_is_made_from_it():
    functions = Functions(5)
    z = Residue(123456789, functions)
    e = z.exp()
    assert e * (-z).exp() == 1
    assert Residue(0, functions).exp() == 1
    assert z.sigmoid() == e / (1 + e)
    assert 1 - z.sigmoid() == (-z).sigmoid()
    assert z.tanh() == (e * e - 1) / (e * e + 1)
    assert np.exp(np.array([z]))[0] == e


def test_random_functions_are_memoised_seeded_and_independent():
    one, same, other = Functions(1), Functions(1), Functions(2)
    draws = [Residue(7, f).sigma(2).v for f in (one, same, other)]
    assert draws[0] == draws[1] != draws[2]
    assert Residue(7, one).sigma(2).v == draws[0]
    assert len({Residue(7, one).sigma(2).v, Residue(7, one).sigma_prime(2).v, Residue(7, one).sigma(3).v}) == 3
    assert one.calls == 3


def test_degrees_are_those_of_the_rational_function():
    functions = Functions(0)
    x, y = (Residue(v, functions, n=1) for v in (3, 5))
    f = (x * x + y) / (x + 1)
    assert (f.n, f.d) == (2, 1)
    assert ((f + y).n, (f + y).d) == (2, 1)
    assert ((1 / f).n, (1 / f).d) == (1, 2)
    assert ((x * 7 - 2).n, x.sigma(2).n, (x**3).n) == (1, 1, 3)


def test_the_engine_differentiates_over_the_field():
    x = Value(residue(10))
    assert grad(x * x / (x + 1), x) == residue(10) * (10 + 2) / (11 * 11)
    s = Value(Residue(10, Functions(3)))
    assert grad(s.sigmoid(), s) == s.sigmoid().data * (1 - s.sigmoid().data)
