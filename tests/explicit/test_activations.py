import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explicit.activations import ACTIVATIONS, Activation

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


WORDS = {"exp": mpmath.exp, "log": mpmath.log, "tanh": mpmath.tanh, "abs": abs, "where": lambda c, p, q: p if c else q}
WORDS |= {name: TRUE[name] for name in ("sigmoid", "softplus")}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_facts_of_a_row(name):
    row = ACTIVATIONS[name]
    with mpmath.workdps(60):
        points = [mpmath.mpf(z) for z in (-2.5, -0.5, 0.25, 3.0)]
        values = [eval(row.formula, {**WORDS, "z": z}) for z in points]
        assert all(abs(value - TRUE[name](z)) < mpmath.mpf(10) ** -50 for z, value in zip(points, values, strict=True))
        assert all(row.range[0] < value < row.range[1] for value in values)
        assert row.linear == all(value in (z, 0, z * mpmath.mpf(0.01)) for z, value in zip(points, values, strict=True))
        h = mpmath.mpf(10) ** -12
        sides = [[TRUE[name](sign * i * h) for i in range(4)] for sign in (1, -1)]
        slopes = [sign * (side[1] - side[0]) / h for sign, side in zip((1, -1), sides, strict=True)]
        curves = [(side[2] - 2 * side[1] + side[0]) / h**2 for side in sides]
        jumps = [abs(p - q) > mpmath.mpf(10) ** -6 for p, q in (slopes, curves)]
        assert row.kink == (jumps.index(True) + 1 if any(jumps) else 0)


def test_the_row_of_a_function_tells_what_is_known_of_it():
    wrong = Activation("mine", ACTIVATIONS["tanh"].function, lambda z, a: 1 - a)
    assert wrong.row is ACTIVATIONS["tanh"] and wrong.kink is None
    own = Activation("tanh", lambda z: z, lambda z, a: z)
    assert own.row is own
    assert Activation("tanh", ACTIVATIONS["tanh"].function, ACTIVATIONS["tanh"].derivative) == ACTIVATIONS["tanh"]


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
