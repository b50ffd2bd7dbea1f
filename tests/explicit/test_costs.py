import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explicit.activations import ACTIVATIONS, Activation
from explicit.costs import COSTS, Cost, cross_entropy_shortcut, has_shortcut

shapes = st.tuples(st.integers(1, 5), st.integers(1, 4))


def pairs(low, high):
    def pair(shape):
        a = hnp.arrays(np.float64, shape, elements=st.floats(low, high, exclude_min=True, exclude_max=True))
        y = hnp.arrays(np.float64, shape, elements=st.floats(0, 1))
        return st.tuples(a, y)

    return shapes.flatmap(pair)


def same_bits(got, expected):
    return (
        np.asarray(got).view(np.int64).tolist()
        == np.array(expected, dtype=np.float64).view(np.int64).tolist()
    )


@given(pairs(-10, 10))
def test_quadratic_in_scalar_order(pair):
    a, y = pair
    costs = []
    for s in range(a.shape[1]):
        total = None
        for j in range(a.shape[0]):
            d = float(a[j, s]) - float(y[j, s])
            total = d * d if total is None else total + d * d
        costs.append(total / 2)
    assert same_bits(COSTS["quadratic"].cost(a, y), costs)
    gradient = [
        [(p - q) * 0.5 + (p - q) * 0.5 for p, q in zip(*rows, strict=True)] for rows in zip(a, y, strict=True)
    ]
    assert same_bits(COSTS["quadratic"].gradient(a, y), gradient)


@given(pairs(1e-300, 1))
def test_cross_entropy_in_scalar_order(pair):
    a, y = pair
    costs = []
    gradient = np.empty(a.shape)
    for s in range(a.shape[1]):
        total = None
        for j in range(a.shape[0]):
            p, q = float(a[j, s]), float(y[j, s])
            term = q * math.log(p) + (1 - q) * math.log(1 - p)
            total = term if total is None else total + term
            first_met = -1 * (1 - q) * (1 / (1 - p)) * -1
            gradient[j, s] = first_met + -1 * q * (1 / p)
        costs.append(-total)
    assert same_bits(COSTS["cross_entropy"].cost(a, y), costs)
    assert same_bits(COSTS["cross_entropy"].gradient(a, y), gradient)


def test_minus_zero_is_kept():
    got = COSTS["quadratic"].gradient(np.array([[-0.0]]), np.array([[0.0]]))
    assert math.copysign(1, got[0, 0]) == -1
    half = np.array([[0.5]])
    assert COSTS["cross_entropy"].gradient(half, np.array([[1.0]]))[0, 0].hex() == (-2.0).hex()


def test_subnormal_halves_are_added_as_the_graph_adds_them():
    tiny = np.array([[5e-324]])
    assert COSTS["quadratic"].gradient(tiny, np.zeros((1, 1)))[0, 0] == 0.0  # ½ of it rounds to 0, twice


@pytest.mark.parametrize("dtype", [np.float64, object])
@pytest.mark.parametrize("bad", [0.0, 1.0, -0.5, 1.5, math.inf])
def test_cross_entropy_refuses_the_closed_ends(bad, dtype):
    a = np.array([[0.5, 0.5], [0.5, bad]], dtype=dtype)
    for function in (COSTS["cross_entropy"].cost, COSTS["cross_entropy"].gradient):
        with pytest.raises(ValueError, match=r"cross_entropy needs 0 < a < 1; a\[1, 1\] = "):
            function(a, np.ones((2, 2)))


def test_nan_flows_through():
    for cost in COSTS.values():
        a, y = np.array([[math.nan]]), np.array([[1.0]])
        assert np.isnan(cost.cost(a, y)).all()
        assert np.isnan(cost.gradient(a, y)).all()


def test_exact_numbers_stay_exact():
    a = np.array([[Fraction(1, 3)], [Fraction(1, 7)]], dtype=object)
    y = np.array([[1], [Fraction(1, 2)]], dtype=object)
    (cost,) = COSTS["quadratic"].cost(a, y)
    assert cost == (Fraction(2, 3) ** 2 + Fraction(5, 14) ** 2) / 2
    assert COSTS["quadratic"].gradient(a, y)[:, 0].tolist() == [Fraction(-2, 3), Fraction(-5, 14)]
    got = COSTS["cross_entropy"].gradient(a, y)[:, 0].tolist()
    assert got == [-3, Fraction(1, 2) / Fraction(6, 7) - Fraction(7, 2)]
    with pytest.raises(TypeError, match="log: a Fraction has no method"):
        COSTS["cross_entropy"].cost(a, y)


def test_the_shortcut_equals_bp1_in_exact_arithmetic():
    a = np.array([[Fraction(1, 3), Fraction(4, 5)]], dtype=object)
    y = np.array([[Fraction(1), Fraction(2, 7)]], dtype=object)
    literal = COSTS["cross_entropy"].gradient(a, y) * (a * (1 - a))
    assert literal.tolist() == cross_entropy_shortcut(a, y).tolist() == (a - y).tolist()


def test_numbers_without_order_are_not_compared():
    class Residue:  # of the field with 7 elements
        def __init__(self, n):
            self.n = n % 7

        def __rsub__(self, other):
            return Residue(other - self.n)

        def __add__(self, other):
            return Residue(self.n + other.n)

        def __mul__(self, other):
            return Residue(self.n * (other.n if isinstance(other, Residue) else other))

        __rmul__ = __mul__

        def __rtruediv__(self, other):
            return Residue(other * pow(self.n, -1, 7))

    a, y = Residue(3), Residue(5)
    got = COSTS["cross_entropy"].gradient(np.array([[a]], object), np.array([[y]], object))[0, 0]
    assert got.n == ((1 - 5) * pow(1 - 3, -1, 7) - 5 * pow(3, -1, 7)) % 7


@pytest.mark.parametrize("function", [c for cost in COSTS.values() for c in (cost.cost, cost.gradient)])
def test_shapes_that_would_broadcast_are_refused(function):
    with pytest.raises(ValueError, match=r"one shape \(n, B\), got \(2, 1\) and \(2,\)"):
        function(np.full((2, 1), 0.5), np.zeros(2))


@pytest.mark.parametrize("name", COSTS)
def test_the_formula_of_a_row_is_its_cost(name):
    a, y = np.random.RandomState(0).uniform(0.1, 0.9, (2, 3, 4))
    terms = eval(COSTS[name].formula, {"log": np.log, "a": a, "y": y})
    assert np.allclose(terms.sum(axis=0), COSTS[name].cost(a, y), rtol=1e-12, atol=0)


def test_which_outputs_a_cost_takes():
    entropy, own = COSTS["cross_entropy"], Activation("own", lambda z: z, lambda z, a: z)
    assert [n for n, sigma in ACTIVATIONS.items() if entropy.takes(sigma)] == ["sigmoid"]
    assert all(COSTS["quadratic"].takes(sigma) for sigma in (*ACTIVATIONS.values(), own))
    assert entropy.takes(own) is None
    assert Cost("mine", entropy.cost, lambda a, y: a).row is entropy
    assert [has_shortcut(c, s) for c in COSTS.values() for s in ACTIVATIONS.values()].count(True) == 1
