"""The a-priori bounds hold against exact runs, in every order of the sums, and are of use."""

import math
from fractions import Fraction

import numpy as np
import pytest

from compare import Rational
from compare.rounding.bounds import rounding_bounds
from compare.rounding.rules import TINY, U, gamma
from explicit import ACTIVATIONS, COSTS, Activation, Cost, Network

mpmath = pytest.importorskip("mpmath", reason="mpmath (it comes with sympy) computes the reference")

QUANTITIES = ("zs", "activations", "nabla_a", "deltas", "nabla_b", "nabla_w")


def reversed_order(A, B):
    """Sums from the last term to the first."""
    total = A[:, -1:] * B[-1:, :]
    for k in range(A.shape[1] - 2, -1, -1):
        total = total + A[:, k : k + 1] * B[k : k + 1, :]
    return total


def pairwise(A, B):
    """Sums by halves."""
    n = A.shape[1]
    if n == 1:
        return A * B
    return pairwise(A[:, : n // 2], B[: n // 2]) + pairwise(A[:, n // 2 :], B[n // 2 :])


def fused(A, B):
    """Multiply-add with one rounding, as hardware does it: fl(fl(…) + ab)."""
    out = np.zeros((A.shape[0], B.shape[1]))
    for i, j in np.ndindex(out.shape):
        total = 0.0
        for a, b in zip(A[i].tolist(), B[:, j].tolist(), strict=True):
            total = float(Fraction(total) + Fraction(a) * Fraction(b))
        out[i, j] = total
    return out


ORDERS = {"contract": None, "reversed": reversed_order, "pairwise": pairwise, "fused": fused, "BLAS": np.matmul}


def problem(sizes, activation, cost="quadratic", seed=0, scale=1.0, samples=3, shortcut=False):
    network = Network(sizes, activation, cost, seed, shortcut=shortcut)
    network.weights = [W * scale for W in network.weights]
    random = np.random.RandomState(seed + 1)
    return network, random.randn(sizes[0], samples), random.uniform(0.1, 0.9, (sizes[-1], samples))


def with_numbers(network, number):
    """The same network on other numbers."""
    other = Network(network.sizes, network.activation_functions, network.cost, shortcut=network.shortcut)
    other.weights = [objects(W, number) for W in network.weights]
    other.biases = [objects(b, number) for b in network.biases]
    return other


def objects(array, number):
    made = np.empty(array.shape, dtype=object)
    for place, value in np.ndenumerate(array):
        made[place] = number(float(value))
    return made


class High:
    """A number of 60 digits and the functions that the elements of object arrays are asked for."""

    def __init__(self, value):
        self.v = value.v if isinstance(value, High) else mpmath.mpf(value)

    def __add__(self, other):
        return High(self.v + High(other).v)

    def __mul__(self, other):
        return High(self.v * High(other).v)

    def __sub__(self, other):
        return High(self.v - High(other).v)

    def __rsub__(self, other):
        return High(High(other).v - self.v)

    def __truediv__(self, other):
        return High(self.v / High(other).v)

    def __rtruediv__(self, other):
        return High(High(other).v / self.v)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return High(-self.v)

    def __abs__(self):
        return High(abs(self.v))

    def __gt__(self, other):
        return self.v > High(other).v

    def sigmoid(self):
        return High(1 / (1 + mpmath.exp(-self.v)))

    def tanh(self):
        return High(mpmath.tanh(self.v))

    def softplus(self):
        return High(mpmath.log1p(mpmath.exp(self.v)))  # 1 + e⁻²⁰⁰ has more than 60 digits

    def log(self):
        return High(mpmath.log(self.v))


def worst_share(network, x, y, number, exact_value):
    """The largest |computed − exact| / bound over all numbers, all orders; ≤ 1 where the bounds hold."""
    exact = with_numbers(network, number).backprop(objects(x, number), objects(y, number))
    worst = 0.0
    for matmul in ORDERS.values():
        network.matmul = matmul
        record = network.backprop(x, y)
        bounds = rounding_bounds(network, record, y)
        for quantity in QUANTITIES:
            lists = (getattr(one, quantity) for one in (record, exact, bounds))
            for computed, true, bound in zip(*lists, strict=True):
                assert bound.shape == computed.shape
                for place, limit in np.ndenumerate(bound):
                    off = abs(exact_value(number(float(computed[place]))) - exact_value(true[place]))
                    if limit == math.inf:
                        continue
                    if off:
                        assert limit > 0
                        as_exact = Fraction if isinstance(off, Fraction) else mpmath.mpf
                        worst = max(worst, float(off / as_exact(float(limit))))
    return worst


def fraction(number):
    return Fraction(number.numerator, number.denominator) if isinstance(number, Rational) else Fraction(number)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity", "softsign"])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_every_order_stays_within_the_bound_of_the_exact_rational_run(activation, scale):
    worst = max(
        worst_share(*problem([4, 5, 2], activation, seed=seed, scale=scale), Rational, fraction) for seed in range(3)
    )
    assert 1e-3 < worst <= 1  # it holds, and is not absurdly loose


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus"])
@pytest.mark.parametrize(
    ("cost", "shortcut"), [("quadratic", False), ("cross_entropy", False), ("cross_entropy", True)]
)
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_every_order_stays_within_the_bound_of_a_run_with_60_digits(activation, cost, shortcut, scale):
    with mpmath.workdps(60):
        net = problem([4, 5, 2], [activation, "sigmoid"], cost, 3, scale, shortcut=shortcut)
        assert 1e-3 < worst_share(*net, High, lambda number: mpmath.mpf(High(number).v)) <= 1


def test_saturation_deep_nets_and_one_sample():
    with mpmath.workdps(60):
        for activation in ("sigmoid", "tanh", "softplus"):
            net = problem([3, 4, 4, 4, 2], activation, scale=12.0, samples=1)
            assert worst_share(*net, High, lambda number: mpmath.mpf(High(number).v)) <= 1


def test_what_underflows_is_within_the_bound():
    network, x, y = problem([3, 4, 2], "softsign", scale=1e-160)
    network.biases = [b * 1e-160 for b in network.biases]
    assert worst_share(network, x * 1e-155, y * 1e-160, Rational, fraction) <= 1


def test_two_orders_differ_by_at_most_twice_the_bound():
    network, x, y = problem([60, 40, 10], "tanh", scale=0.2, samples=5)
    record = network.backprop(x, y)
    bounds = rounding_bounds(network, record, y)
    network.matmul = reversed_order
    other = network.backprop(x, y)
    differ = 0
    for quantity in QUANTITIES:
        for a, b, bound in zip(*(getattr(one, quantity) for one in (record, other, bounds)), strict=True):
            assert (np.abs(a - b) <= 2 * bound).all()
            differ += int((a != b).sum())
    assert differ > 1000


def test_the_input_is_exact_and_so_is_a_unit_that_nothing_reaches():
    network = Network([1, 1], "relu")
    network.biases = [[[0.0]]]
    record = network.backprop([[0.0]], [[1.0]])
    bounds = rounding_bounds(network, record, [[1.0]])
    assert bounds.activations[0].tolist() == [[0.0]]
    assert bounds.zs[0].tolist() == [[0.0]]  # no rounding can move z off the kink
    assert bounds.kinks == [] and np.isfinite(bounds.deltas[0]).all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_kink_within_rounding_has_no_bound_and_is_named(activation):
    network = Network([2, 2, 1], [activation, "identity"])
    network.weights = [[[0.1, -0.1], [1.0, 1.0]], [[1.0, 1.0]]]
    network.biases = [[[0.0], [0.0]], [[0.5]]]
    x, y = np.array([[2.0, 0.3], [1.0, 0.3]]), np.array([[0.0, 0.0]])
    bounds = rounding_bounds(network, network.backprop(x, y), y)
    assert bounds.kinks == [(2, 1, 1)]  # layer 2, unit 1, sample 1: 0.03 − 0.03
    assert np.isinf(bounds.deltas[0]).tolist() == [[False, True], [False, False]]
    assert np.isinf(bounds.nabla_w[0]).tolist() == [[True, True], [False, False]]
    assert np.isfinite(bounds.nabla_w[1]).all() and np.isfinite(bounds.activations[1]).all()


def test_numbers_that_overflow_have_no_bound():
    network = Network([1, 1, 1], "identity")
    network.weights = [[[1e200]], [[1e200]]]
    record = network.backprop([[1.0]], [[0.0]])
    bounds = rounding_bounds(network, record, [[0.0]])
    assert np.isinf(record.zs[1]).all() and np.isinf(bounds.deltas[0]).all()


def test_the_bound_at_one_unit_is_the_formula():
    """z = b + wa has two roundings: γ₂(|b| + |w||a|), and nothing comes in."""
    network = Network([1, 1], "identity")
    network.weights, network.biases = [[[3.0]]], [[[-1.0]]]
    bounds = rounding_bounds(network, network.backprop([[0.5]], [[0.0]]), [[0.0]])
    assert bounds.zs[0][0, 0] == pytest.approx(gamma(2) * 2.5, rel=1e-5, abs=0)
    # δ = a − y with e(a) and at most γ₂ + γ₁ more of it
    assert gamma(2) * 2.5 < bounds.deltas[0][0, 0] < gamma(2) * 2.5 + 4 * U


def test_gamma_and_the_smallest_number():
    assert gamma(1) == U / (1 - U) and TINY > 0 and gamma(200) > 200 * U


def test_worse_functions_make_a_wider_bound():
    network, x, y = problem([2, 3, 1], "tanh")
    record = network.backprop(x, y)
    narrow, wide = (rounding_bounds(network, record, y, ulps).deltas[0] for ulps in (1, 8))
    assert (narrow < wide).all()


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Network([2, 1], Activation("mine", np.sin, lambda z, a: np.cos(z))), "activation 'mine'"),
        (Network([2, 1], Activation("tanh", np.tanh, lambda z, a: 1 - a)), "'tanh', which is one of the caller's own"),
        (Network([2, 1], cost=Cost("mine", COSTS["quadratic"].cost, COSTS["quadratic"].gradient)), "cost 'mine'"),
    ],
)
def test_what_is_not_explicits_own_is_refused(network, words):
    record = network.backprop([[1.0], [2.0]], [[1.0]])
    with pytest.raises(ValueError, match=words):
        rounding_bounds(network, record, [[1.0]])


def test_what_was_added_to_the_tables_has_no_bound(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "sine", Activation("sine", np.sin, lambda z, a: np.cos(z)))
    monkeypatch.setitem(COSTS, "mine", Cost("mine", COSTS["quadratic"].cost, lambda a, y: a - y))
    monkeypatch.setitem(ACTIVATIONS, "tanh", Activation("tanh", np.tanh, lambda z, a: 1 - a))
    for network, words in (
        (Network([2, 1], "sine"), "activation 'sine'"),
        (Network([2, 1], "tanh"), "activation 'tanh'"),
        (Network([2, 1], cost="mine"), "cost 'mine'"),
    ):
        record = network.backprop([[1.0], [2.0]], [[1.0]])
        with pytest.raises(ValueError, match=words):
            rounding_bounds(network, record, [[1.0]])


def test_bad_arguments_are_refused():
    network, x, y = problem([2, 1], "relu")
    record = network.backprop(x, y)
    with pytest.raises(ValueError, match=r"y: expected shape \(1, 3\), got \(1, 1\)"):
        rounding_bounds(network, record, [[1.0]])
    with pytest.raises(ValueError, match="function_ulps"):
        rounding_bounds(network, record, y, math.nan)
    exact = with_numbers(network, Rational)
    with pytest.raises(TypeError, match="float64"):
        rounding_bounds(exact, exact.backprop(objects(x, Rational), objects(y, Rational)), y)


def test_every_activation_and_cost_has_a_rule():
    from compare.rounding.rules import COST_RULES, RULES

    assert set(RULES) == set(ACTIVATIONS.values()) and set(COST_RULES) == set(COSTS.values())


def test_another_writing_of_sigma_is_within_the_bound_that_allows_for_it():
    network = Network([1, 1])
    network.weights, network.biases = [np.array([[1.0]])], [np.zeros((1, 1))]
    x, y = np.array([[-20.3]]), np.array([[1.0]])
    record = network.backprop(x, y)
    apart = abs(1 - 1 / (1 + np.exp(record.zs[0])) - record.activations[1])
    assert apart > 2 * rounding_bounds(network, record, y).activations[1]
    assert apart <= 2 * rounding_bounds(network, record, y, sigma_error=4 * U).activations[1]
    relu = Network([1, 1], activation="relu")
    record = relu.backprop(x, y)
    for bounds in (rounding_bounds(relu, record, y), rounding_bounds(relu, record, y, sigma_error=4 * U)):
        assert bounds.deltas[0].max() < 1e-14  # relu can be written in one way
