import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explicit.activations import ACTIVATIONS

FORMULAS = {  # σ′ as one would write it for a single float, in the stated order
    "sigmoid": lambda z, a: a * (1 - a),
    "tanh": lambda z, a: 1 - a * a,
    "relu": lambda z, a: 1.0 if z > 0 else 0.0,
    "leaky_relu": lambda z, a: 1.0 if z > 0 else 0.01,
    "softplus": lambda z, a: 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z)),
    "identity": lambda z, a: 1.0,
    "softsign": lambda z, a: 1 / ((1 + abs(z)) * (1 + abs(z))),
}
TRUE = {  # the functions themselves, for 60 digits
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "softplus": lambda z: mpmath.log(1 + mpmath.exp(z)),
    "softsign": lambda z: z / (1 + abs(z)),
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "leaky_relu": lambda z: z if z > 0 else mpmath.mpf(0.01) * z,
    "identity": lambda z: z,
}


def test_the_table_is_complete():
    assert set(ACTIVATIONS) == set(FORMULAS) == set(TRUE)
    assert all(name == sigma.name for name, sigma in ACTIVATIONS.items())


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
def test_derivative_has_the_bits_of_its_formula(name, values):
    sigma = ACTIVATIONS[name]
    z = np.array([values])
    a = sigma.function(z)
    expected = [FORMULAS[name](v, w) for v, w in zip(values, a[0].tolist(), strict=True)]
    assert sigma.derivative(z, a)[0].view(np.int64).tolist() == np.array(expected).view(np.int64).tolist()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("z", [-2.5, -0.5, 0.25, 3.0])
def test_derivative_against_a_finite_difference(name, z):
    """Central difference with step h = 10⁻²⁰ in 60 digits: its error is at most max|σ‴| h²/6 < 10⁻³⁹ (here
    |σ‴| ≤ 6) plus rounding of about 10⁻⁶⁰/h. So what is left is the rounding of the float64 formula: three
    operations and a, each off by at most 2 ULP of a number ≤ 1 (softsign: factors ≥ 1, result ≤ 1)."""
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -20
        slope = (TRUE[name](mpmath.mpf(z) + h) - TRUE[name](mpmath.mpf(z) - h)) / (2 * h)
        array = np.array([[z]])
        got = ACTIVATIONS[name].derivative(array, ACTIVATIONS[name].function(array))[0, 0]
        assert abs(mpmath.mpf(float(got)) - slope) <= 8 * 2.0**-53
        if slope != 0:  # a rule that is wrong by 0.1 % is seen
            assert abs(mpmath.mpf(float(got)) * mpmath.mpf("1.001") - slope) > 8 * 2.0**-53


@pytest.mark.parametrize(("name", "at_zero"), [("relu", 0.0), ("leaky_relu", 0.01)])
def test_convention_at_the_kink(name, at_zero):
    for zero in (0.0, -0.0):
        z = np.array([[zero]])
        assert ACTIVATIONS[name].derivative(z, ACTIVATIONS[name].function(z))[0, 0] == at_zero


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"identity"}))
def test_nan_in_nan_out(name):
    z = np.array([[math.nan]])
    assert np.isnan(ACTIVATIONS[name].derivative(z, ACTIVATIONS[name].function(z)))[0, 0]


def test_identity_is_z_itself():
    z = np.array([[1.0, 2.0]])
    assert ACTIVATIONS["identity"].function(z) is z
    ones = ACTIVATIONS["identity"].derivative(z.astype(object), z.astype(object))
    assert [type(one) for one in ones[0]] == [int, int]


def test_fractions_stay_exact():
    z = np.array([[Fraction(-1, 2), Fraction(0), Fraction(3)]], dtype=object)
    expected = {
        "relu": [0, 0, 1],
        "identity": [1, 1, 1],
        "softsign": [Fraction(4, 9), 1, Fraction(1, 16)],
        "leaky_relu": [Fraction(0.01), Fraction(0.01), 1],
    }
    for name, values in expected.items():
        got = ACTIVATIONS[name].derivative(z, ACTIVATIONS[name].function(z))[0].tolist()
        assert got == values
        assert not any(isinstance(value, float) for value in got)
