import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explicit.elementwise import FUNCTIONS, apply, scaled

anything = st.floats(allow_nan=True, allow_infinity=True)


def bits(array):
    return np.asarray(array, dtype=np.float64).view(np.int64).tolist()


def column(*elements):
    array = np.empty((len(elements), 1), dtype=object)
    for i, element in enumerate(elements):
        array[i, 0] = element
    return array


REFERENCE = {
    "tanh": math.tanh,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z)),
    "softplus": lambda z: max(0.0, z) + math.log1p(math.exp(-abs(z))),
    "relu": lambda z: z if z > 0 else (z if math.isnan(z) else 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "step": lambda z: math.nan if math.isnan(z) else float(z > 0),
    "sign": lambda z: math.nan if math.isnan(z) else float(z > 0) - float(z < 0),
    "softsign": lambda z: z / (1 + abs(z)),
}


@pytest.mark.parametrize("name", REFERENCE)
@given(values=st.lists(anything, min_size=1, max_size=6))
def test_floats_have_the_bits_of_math_in_float_and_object_arrays(name, values):
    constants = (0.01,) if name == "leaky_relu" else ()
    expected = [REFERENCE[name](value) for value in values]
    got = apply(name, np.array(values), *constants)
    got_objects = apply(name, column(*values), *constants)
    for e, g, o in zip(expected, got, got_objects[:, 0], strict=True):
        assert math.isnan(e) == math.isnan(g) == math.isnan(o)
        if not math.isnan(e):
            assert e.hex() == float(g).hex() == o.hex()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_nan_never_disappears(name):
    assert np.isnan(apply(name, np.array([math.nan])))[0]


@pytest.mark.parametrize(("name", "at_minus_zero"), [("relu", 0.0), ("softsign", -0.0), ("leaky_relu", -0.0)])
def test_minus_zero(name, at_minus_zero):
    assert bits(apply(name, np.array([-0.0]))) == bits([at_minus_zero])


def test_exp_and_log_go_through_math_and_raise_what_it_raises():
    values = np.array([0.1, 1.7, 300.0])
    assert bits(apply("exp", values)) == bits([math.exp(v) for v in values])
    assert bits(apply("log", values)) == bits([math.log(v) for v in values])
    with pytest.raises(OverflowError):
        apply("exp", np.array([1000.0]))
    with pytest.raises(ValueError):
        apply("log", np.array([0.0]))


def test_shape_and_order_are_kept_also_for_a_transposed_view():
    z = np.arange(6.0).reshape(2, 3).T
    assert bits(apply("relu", z)) == bits(z.copy())
    assert apply("relu", z.astype(object)).tolist() == z.tolist()


def test_an_element_is_asked_for_its_own_method():
    class Own:
        def sigmoid(self):
            return "σ"

        def leaky_relu(self, slope):
            return slope

    assert apply("sigmoid", column(Own(), 0))[:, 0].tolist() == ["σ", 0.5]
    assert apply("leaky_relu", column(Own()), 0.25)[0, 0] == 0.25


def test_fractions_stay_exact():
    z = column(Fraction(-1, 2), Fraction(0), Fraction(2, 3))
    for name, expected in {
        "relu": [0, 0, Fraction(2, 3)],
        "step": [0, 0, 1],
        "sign": [-1, 0, 1],
        "softsign": [Fraction(-1, 3), 0, Fraction(2, 5)],
        "leaky_relu": [Fraction(0.01) * Fraction(-1, 2), 0, Fraction(2, 3)],
    }.items():
        got = apply(name, z)[:, 0].tolist()
        assert got == expected
        assert all(type(value) is Fraction for value in got)
    assert scaled(0.01, z)[0, 0] == Fraction(0.01) * Fraction(-1, 2)


def test_no_answer_is_a_type_error_that_names_function_and_type():
    with pytest.raises(TypeError, match="sigmoid: a Fraction has no method"):
        apply("sigmoid", column(Fraction(1)))
    with pytest.raises(TypeError, match="relu: a complex has no method"):
        apply("relu", column(1j))
    with pytest.raises(TypeError, match="complex128"):
        apply("relu", np.array([1j]))
    with pytest.raises(ValueError, match="unknown function 'sinh'; known: exp, "):
        apply("sinh", np.array([1.0]))


def test_any_function_of_one_element():
    assert apply(lambda v: v * v, np.array([[3.0]])).tolist() == [[9.0]]
    assert apply(lambda v: v * v, column(Fraction(1, 2))).tolist() == [[Fraction(1, 4)]]
