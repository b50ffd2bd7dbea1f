import copy
import math
import random as python_random
from dataclasses import FrozenInstanceError
from fractions import Fraction
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import explicit.equations
from explicit.activations import ACTIVATIONS, Activation
from explicit.costs import COSTS, Cost
from explicit.elementwise import apply
from explicit.network import Network
from explicit.storage import write_arrays

sizes_of_nets = st.lists(st.integers(1, 5), min_size=2, max_size=5)


def bits(arrays):
    return [np.asarray(array).view(np.int64).tolist() for array in arrays]


def fractions(random, *shape):
    values = [Fraction(random.randint(-9, 9), random.randint(1, 9)) for _ in range(math.prod(shape))]
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


def exact_network(sizes, activation, cost="quadratic", seed=0, samples=2):
    """A network, x and y over exact rationals."""
    random = python_random.Random(seed)
    network = Network(sizes, activation, cost)
    network.weights = [fractions(random, *W.shape) for W in network.weights]
    network.biases = [fractions(random, *b.shape) for b in network.biases]
    return network, fractions(random, sizes[0], samples), fractions(random, sizes[-1], samples)


class Dual:
    """u + v ε with ε² = 0 over exact rationals: forward-mode differentiation, a derivation of its own."""

    def __init__(self, u, v=0):
        self.u, self.v = Fraction(u), Fraction(v)

    @staticmethod
    def of(number):
        return number if isinstance(number, Dual) else Dual(number)

    def __add__(self, other):
        other = Dual.of(other)
        return Dual(self.u + other.u, self.v + other.v)

    def __neg__(self):
        return Dual(-self.u, -self.v)

    def __sub__(self, other):
        return self + -Dual.of(other)

    def __rsub__(self, other):
        return Dual.of(other) - self

    def __mul__(self, other):
        other = Dual.of(other)
        return Dual(self.u * other.u, self.u * other.v + self.v * other.u)

    def __truediv__(self, other):
        other = Dual.of(other)
        return Dual(self.u / other.u, (self.v * other.u - self.u * other.v) / other.u**2)

    def __abs__(self):
        return -self if self.u < 0 else self

    def __gt__(self, other):
        return self.u > other

    __radd__, __rmul__ = __add__, __mul__


def anything(name, number):
    """A random value that depends on the name and the number alone: "any function" of the number."""
    random = python_random.Random(f"{name} {number}")
    return Fraction(random.randint(1, 50), 51)  # inside (0, 1), for cross_entropy


def extended(name):
    """Any function f with any derivative f′, on rationals and on duals: f(u + vε) = f(u) + f′(u) v ε."""

    def function(z):
        if isinstance(z, Dual):
            return Dual(anything(name, z.u), anything(name + "′", z.u) * z.v)
        return anything(name, z)

    return function


ANY = Activation("any", lambda z: apply(extended("σ"), z), lambda z, a: apply(extended("σ′"), z))


def any_log_cost(a, y):
    """Cross-entropy with its logarithm replaced by any function whose derivative is 1/a."""

    def log(p):
        return Dual(anything("log", p.u), p.v / p.u) if isinstance(p, Dual) else anything("log", p)

    return -(y * apply(log, a) + (1 - y) * apply(log, 1 - a)).sum(axis=0)


ANY_COSTS = {
    "quadratic": COSTS["quadratic"],
    "cross_entropy": Cost("any", any_log_cost, COSTS["cross_entropy"].gradient),
}


@pytest.mark.parametrize("cost", ANY_COSTS)
@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "identity", "softsign", ANY], ids=lambda a: getattr(a, "name", a)
)
@settings(max_examples=25)
@given(sizes=st.lists(st.integers(1, 3), min_size=2, max_size=4), seed=st.integers(0, 2**32))
def test_backprop_equals_forward_mode_exactly(activation, cost, sizes, seed):
    layers = [activation] * (len(sizes) - 1)
    if cost == "cross_entropy":
        layers[-1] = ANY  # its values are inside (0, 1)
    network, x, y = exact_network(sizes, layers, ANY_COSTS[cost], seed)
    record = network.backprop(x, y)
    for kind, gradients in (("weights", record.nabla_w), ("biases", record.nabla_b)):
        for i, gradient in enumerate(gradients):
            for position in np.ndindex(gradient.shape):
                parameters = {"weights": list(network.weights), "biases": list(network.biases)}
                moved = parameters[kind][i].copy()
                moved[position] = Dual(moved[position], 1)
                parameters[kind][i] = moved
                outputs = network.forward(x, **parameters)[1][-1]
                costs = network.cost_per_sample(outputs, y)
                assert sum(Dual.of(c).v for c in costs) == gradient[position]
    assert not any(isinstance(value, float) for delta in record.deltas for value in delta.flat)


def central_differences(network, x, y, i):
    """∂C/∂weights[i] by central differences. In one weight the cost of an identity network is a polynomial of
    degree 2, for which (C(w + h) − C(w − h))/2h is the derivative: no tolerance, in exact arithmetic."""
    gradient = np.empty(network.weights[i].shape, dtype=object)
    for position in np.ndindex(gradient.shape):
        costs = []
        for h in (Fraction(1), Fraction(-1)):
            weights = [W.copy() for W in network.weights]
            weights[i][position] += h
            costs.append(sum(network.cost_per_sample(network.forward(x, weights=weights)[1][-1], y)))
        gradient[position] = (costs[0] - costs[1]) / 2
    return gradient


def test_exact_finite_differences_agree_and_see_a_broken_rule(monkeypatch):
    network, x, y = exact_network(
        [2, 2, 2, 2], "identity"
    )  # square layers: a missing transpose changes no shape

    def agreement():
        record = network.backprop(x, y)
        return [bool((central_differences(network, x, y, i) == record.nabla_w[i]).all()) for i in range(3)]

    assert agreement() == [True, True, True]
    with monkeypatch.context() as patch:
        right = explicit.equations.pull_back
        patch.setattr(explicit.equations, "pull_back", lambda W, delta, matmul: right(W.T, delta, matmul))
        assert agreement() == [False, False, True]
    wrong = Activation(
        "wrong", lambda z: z, lambda z, a: np.full(z.shape, Fraction(1001, 1000), dtype=object)
    )
    network.activation_functions[1] = wrong
    assert agreement() == [False, False, True]


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(sizes=sizes_of_nets, samples=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_backprop_has_the_bits_of_scalar_loops(activation, cost, sizes, samples, seed):
    """Plain Python on lists, one sample at a time, in contract order; gradients added ascending."""
    output = "sigmoid" if cost == "cross_entropy" else activation
    network = Network(sizes, [activation] * (len(sizes) - 2) + [output], cost, seed)
    random = np.random.RandomState(seed)
    network.weights = [random.uniform(-2, 2, W.shape) / 2 for W in network.weights]
    x, y = random.uniform(-1, 1, (sizes[0], samples)), random.uniform(0, 1, (sizes[-1], samples))
    record = network.backprop(x, y)
    total_w: list = [None] * len(network.weights)
    for s in range(samples):
        one = network.backprop(x[:, s : s + 1], y[:, s : s + 1])  # δ of a sample does not depend on its batch
        for i, sigma in enumerate(network.activation_functions):
            W, b, a = (
                array.tolist() for array in (network.weights[i], network.biases[i], one.activations[i])
            )
            for j in range(sizes[i + 1]):
                z = b[j][0]
                for k in range(sizes[i]):
                    z = z + W[j][k] * a[k][0]
                assert z.hex() == float(one.zs[i][j, 0]).hex() == float(record.zs[i][j, s]).hex()
                above = one.nabla_a[i][j, 0]
                if i + 1 < len(network.weights):
                    above = None
                    for n in reversed(range(sizes[i + 2])):
                        term = one.deltas[i + 1][n, 0] * network.weights[i + 1][n, j]
                        above = term if above is None else above + term
                prime = sigma.derivative(np.array([[z]]), one.activations[i + 1][j : j + 1])[0, 0]
                delta = float(above * prime)
                assert delta.hex() == float(one.deltas[i][j, 0]).hex() == float(record.deltas[i][j, s]).hex()
            products = one.deltas[i] * one.activations[i].T
            total_w[i] = products if s == 0 else total_w[i] + products
    assert bits(record.nabla_w) == bits(total_w)
    assert record.cost.hex() == reduce(add, record.costs.tolist()).hex()  # sum() compensates, from Python 3.12 on


def test_the_record():
    network = Network([2, 3, 4, 1], "tanh")
    x, y = np.array([[0.5, 0.25], [-1.0, 0.0]]), np.array([[1.0, 0.0]])
    record = network.backprop(x, y)
    assert record.activations[0] is x
    assert record.made_by == ["BP2", "BP2", "BP1"]
    assert [a.shape for a in record.activations] == [(2, 2), (3, 2), (4, 2), (1, 2)]
    for arrays in (record.zs, record.deltas, record.nabla_a):
        assert [array.shape for array in arrays] == [(3, 2), (4, 2), (1, 2)]
    assert [g.shape for g in record.nabla_w] == [(3, 2), (4, 3), (1, 4)]
    assert [g.shape for g in record.nabla_b] == [(3, 1), (4, 1), (1, 1)]
    assert record.costs.shape == (2,) and type(record.cost) is float
    for nabla, z, a, delta in zip(
        record.nabla_a, record.zs, record.activations[1:], record.deltas, strict=True
    ):
        assert bits([nabla * ACTIVATIONS["tanh"].derivative(z, a)]) == bits([delta])
    with pytest.raises(FrozenInstanceError):
        record.cost = 0.0


def test_the_shortcut_is_named_and_close_and_refused_elsewhere():
    literal = Network([2, 3, 2], cost="cross_entropy")
    short = Network([2, 3, 2], cost="cross_entropy", shortcut=True)
    x, y = np.array([[0.5], [1.0]]), np.array([[1.0], [0.0]])
    record = short.backprop(x, y)
    assert record.made_by == ["BP2", "BP1 (shortcut a − y)"]
    assert bits([record.deltas[-1]]) == bits([record.activations[-1] - y])
    assert np.allclose(record.deltas[0], literal.backprop(x, y).deltas[0], rtol=1e-12)
    for bad in ({"cost": "quadratic"}, {"cost": "cross_entropy", "activation": "tanh"}):
        with pytest.raises(ValueError, match=r"shortcut: .* needs cost='cross_entropy' and sigmoid outputs"):
            Network([2, 1], shortcut=True, **bad)


def test_initialisation_is_the_frozen_stream_biases_first():
    random = np.random.RandomState(5)
    expected = [random.randn(3, 1), random.randn(1, 1), random.randn(3, 2), random.randn(1, 3)]
    network = Network([2, 3, 1], seed=5)
    assert bits(network.biases + network.weights) == bits(expected)
    assert f"{network.biases[0][0, 0]:.8f}" == "0.44122749"  # in every numpy


def test_matmul_is_used_and_agrees_on_small_ints():
    calls = []

    def matmul(p, q):
        calls.append(1)
        return np.matmul(p, q)

    nets = Network([2, 2, 2], "relu"), Network([2, 2, 2], "relu", matmul=matmul)
    for network in nets:
        network.weights = [[[1, 2], [3, -4]], [[1, 1], [2, 5]]]
        network.biases = [[[1], [2]], [[0], [1]]]
    one, other = (network.backprop([[1, 2], [3, 4]], [[0, 1], [1, 0]]) for network in nets)
    assert calls and bits(one.deltas + one.nabla_w + one.nabla_b) == bits(
        other.deltas + other.nabla_w + other.nabla_b
    )


def test_forward_with_other_parameters_leaves_the_network_alone():
    network = Network([1, 1], "identity")
    before = bits(network.weights + network.biases)
    zs, activations = network.forward([[2.0]], weights=[[[3]]], biases=[[[1]]])
    assert zs[0].tolist() == [[7.0]] and activations[1] is zs[0]
    assert bits(network.weights + network.biases) == before
    with pytest.raises(ValueError, match=r"weights\[0\]: expected shape \(1, 1\), got \(1, 2\)"):
        network.forward([[2.0]], weights=[[[3, 4]]])


def test_with_parameters_takes_the_arrays_as_they_are():
    network = Network([2, 2, 1], "tanh", shortcut=False, matmul=np.matmul)
    weights, biases = [np.full((3, 2), math.inf), np.ones((1, 3))], [np.ones((3, 1)), np.ones((1, 1))]
    before = bits(network.weights + network.biases)
    other = network.with_parameters(weights, biases)
    assert other.sizes == [2, 3, 1] and other.matmul is np.matmul
    assert all(a is b for a, b in zip(other.weights + other.biases, weights + biases, strict=True))
    other.weights[0] = np.zeros((3, 2))
    other.activation_functions[0] = ACTIVATIONS["relu"]
    assert bits(network.weights + network.biases) == before and network.sizes == [2, 2, 1]
    assert network.activation_functions[0].name == "tanh"
    assert network.in_contract_order().matmul is None and network.matmul is np.matmul
    for bad, message in [
        ((weights, biases[:1]), "weights, biases: expected arrays of 2 layers, got 1"),
        (([], biases), "weights, biases: expected arrays of 2 layers"),
        ((weights, [1.0, 2.0]), "weights, biases: expected arrays of 2 layers"),
        ((weights[:1], biases), "weights: expected 2 arrays"),
        ((weights[::-1], biases), r"weights\[0\]: expected shape \(3, 3\), got \(1, 3\)"),
        ((weights, [np.ones(3), np.ones((1, 1))]), r"biases\[0\]: expected shape \(3, 1\), got \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            network.with_parameters(*bad)


def test_nobody_else_writes_the_parameters_of_a_network():
    root = Path(__file__).parents[2]
    paths = [p for room in ("explicit", "compare", "tests", "benchmarks") for p in (root / room).rglob("*.py")]
    own = {root / "explicit" / "network.py", Path(__file__)}
    assert [p for p in paths if p not in own and "._weights" in p.read_text(encoding="utf-8")] == []


def test_assignment_copies_converts_and_checks():
    network = Network([2, 1])
    mine = np.array([[1.0, 2.0]])
    network.weights = [mine]
    mine[0, 0] = 7.0
    assert network.weights[0].tolist() == [[1.0, 2.0]]
    network.biases = [np.array([[1]], dtype=np.int32)]
    assert network.biases[0].dtype == np.float64
    for bad, message in [
        ([mine.T], r"weights\[0\]: expected shape \(1, 2\), got \(2, 1\)"),
        ([mine, mine], "weights: expected 1 arrays, one per layer of weights, got 2 items"),
        (7, "weights: expected 1 arrays, one per layer of weights, got 7"),
        ([[[1.0, math.nan]]], r"weights\[0\]: expected finite numbers, got weights\[0\]\[0, 1\] = nan"),
    ]:
        with pytest.raises(ValueError, match=message):
            network.weights = bad
    network.weights[0] = np.zeros((3, 3))
    with pytest.raises(ValueError, match=r"weights\[0\]: expected shape \(1, 2\), got \(3, 3\)"):
        network.feedforward([[1], [2]])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_overflow_flows_and_stays_visible(activation):
    network = Network([2, 2, 1], activation)
    network.weights[0][:] = [[1e308, 1e308], [1e308, -1e308]]
    record = network.backprop([[10.0], [10.0]], [[0.5]])
    assert not np.isfinite(record.zs[0]).all()
    network.weights[0][0, 0] = math.nan
    assert np.isnan(network.backprop([[10.0], [10.0]], [[0.5]]).zs[0]).any()


def test_saturated_cross_entropy_refuses():
    network = Network([1, 1], cost="cross_entropy")
    network.weights, network.biases = [[[1000.0]]], [[[0.0]]]
    with pytest.raises(ValueError, match=r"cross_entropy needs 0 < a < 1; a\[0, 1\] = 1.0"):
        network.backprop([[0.0, 1.0]], [[1.0, 1.0]])


def test_predict_and_accuracy():
    network = Network([2, 2], "identity")
    network.weights, network.biases = [[[1, 0], [0, 1]]], [[[0], [0]]]
    x = [[3.0, 1.0, 2.0], [1.0, 3.0, 2.0]]
    assert network.predict(x).tolist() == [0, 1, 0]
    assert network.accuracy(x, [0, 1, 1]) == 2 / 3
    assert network.accuracy(x, [[1, 0, 0], [0, 1, 1]]) == 2 / 3
    single = Network([1, 1], "identity")
    single.weights, single.biases = [[[1]]], [[[0]]]
    assert single.predict([[0.25, 0.5, 1.0]]).tolist() == [0, 1, 1]
    assert single.accuracy([[0.25, 0.5]], [0, 1]) == single.accuracy([[0.25, 0.5]], [[0, 1]]) == 1.0
    for bad, message in [
        ([0, 1, 2], "y: expected labels from 0 to 1, got 2.0 in sample 2"),
        ([0, 1, -1], "y: expected labels from 0 to 1, got -1.0 in sample 2"),
        ([0, 1, 0.5], "y: expected labels from 0 to 1, got 0.5 in sample 2"),
        ([0, 1, math.nan], "y: expected labels from 0 to 1, got nan in sample 2"),
        ([0, 1], "y: expected 3 samples as in x, got 2"),
        ([[1, 0, 1], [0, 1, 1]], r"y: expected one-hot columns, got \[1.0, 1.0\] in sample 2"),
        ([[1, 0, 0.9], [0, 1, 0.1]], r"y: expected one-hot columns, got \[0.9, 0.1\] in sample 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            network.accuracy(x, bad)
    network.weights[0][0, 0] = math.nan
    with pytest.raises(ValueError, match="predict: the network's output for sample 0 is NaN"):
        network.predict(x)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sizes": [3]}, ValueError, "sizes: expected at least two layer sizes"),
        ({"sizes": "23"}, ValueError, "sizes: expected at least two layer sizes"),
        ({"sizes": [2, 0]}, ValueError, r"sizes\[1\]: expected an int ≥ 1, got 0"),
        ({"sizes": [2, 1.5]}, TypeError, r"sizes\[1\]: expected an int ≥ 1, got 1.5"),
        ({"activation": "relo"}, ValueError, "activation: unknown name 'relo'; known: sigmoid, tanh, relu"),
        ({"activation": 7}, TypeError, "activation: expected a name, an Activation or a sequence"),
        ({"activation": [7]}, TypeError, "activation: expected a name or an Activation, got 7"),
        ({"activation": ["relu"] * 2}, ValueError, "activation: expected one per layer of weights, 1, got 2"),
        ({"cost": "mse"}, ValueError, "cost: unknown name 'mse'; known: quadratic, cross_entropy"),
        ({"cost": 7}, TypeError, "cost: expected a name or a Cost, got 7"),
        ({"seed": -1}, ValueError, "seed: expected an int from 0 to 4294967295, got -1"),
        ({"seed": None}, TypeError, "seed: expected an int"),
        ({"matmul": 7}, TypeError, "matmul: expected None or a function"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Network(**{"sizes": [2, 1], **arguments})


def test_bad_x_and_y():
    network = Network([2, 1])
    for function in (network.feedforward, network.predict, lambda x: network.backprop(x, [[1.0]])):
        with pytest.raises(ValueError, match=r"x: .* got \(2,\); write one sample as a column \(2, 1\)"):
            function([1.0, 2.0])
    with pytest.raises(ValueError, match=r"y: expected shape \(1, B\), samples in columns, got \(2, 1\)"):
        network.backprop([[1.0], [2.0]], [[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"y: expected finite numbers, got y\[0, 0\] = inf"):
        network.backprop([[1.0], [2.0]], [[math.inf]])


def test_save_and_load(tmp_path):
    path = tmp_path / "net.npz"
    network = Network([2, 3, 1], ["leaky_relu", "sigmoid"], "cross_entropy", seed=3, shortcut=True)
    network.biases[0][0, 0] = -0.0
    network.save(path)
    back = Network.load(str(path))
    assert repr(back) == repr(network)
    assert bits(back.weights + back.biases) == bits(network.weights + network.biases)
    assert Network.load(path, matmul=np.matmul).matmul is np.matmul
    copy.deepcopy(network).save(path)
    assert repr(Network.load(path)) == repr(network)


def test_what_cannot_be_saved(tmp_path):
    path = tmp_path / "net.npz"
    network = Network([1, 1])
    network.weights[0][0, 0] = math.inf
    with pytest.raises(ValueError, match=r"weights\[0\]: expected finite"):
        network.save(path)
    exact, _, _ = exact_network([1, 1], "relu")
    with pytest.raises(TypeError, match=r"save: weights\[0\]: expected float64, got dtype object"):
        exact.save(path)
    with pytest.raises(ValueError, match="save: activation 'any' is not one of sigmoid"):
        Network([1, 1], ANY).save(path)
    with pytest.raises(ValueError, match="save: cost 'any' is not one of quadratic"):
        Network([1, 1], cost=ANY_COSTS["cross_entropy"]).save(path)
    assert not path.exists()


ONE = np.ones((1, 1))


def about(sizes="[1, 1]", activation="relu", mark="explicit.Network 1"):
    return np.array(
        f'{{"format": "{mark}", "sizes": {sizes}, "activations": ["{activation}"], '
        '"cost": "quadratic", "shortcut": false}'
    )


def test_load_takes_the_file_that_the_next_test_damages(tmp_path):
    write_arrays(tmp_path / "net.npz", {"about": about(), "weights_0": ONE, "biases_0": ONE})
    assert repr(Network.load(tmp_path / "net.npz")).startswith("Network([1, 1], activation='relu'")


@pytest.mark.parametrize(
    "arrays",
    [
        {"a": ONE},
        {"about": ONE},
        {"about": np.array("[]")},
        {"about": np.array("{}")},
        {"about": about(), "weights_0": ONE},
        {"about": about(mark="other"), "weights_0": ONE, "biases_0": ONE},
        {"about": about(activation="relo"), "weights_0": ONE, "biases_0": ONE},
        {"about": about(sizes="[1, 9999999]"), "weights_0": ONE, "biases_0": ONE},
        {"about": about(sizes="[1]"), "weights_0": ONE, "biases_0": ONE},
        {"about": about(sizes="7"), "weights_0": ONE, "biases_0": ONE},
        {"about": about(), "weights_0": ONE, "biases_0": ONE[0]},
        {"about": about(), "weights_0": np.array(1.0), "biases_0": ONE},
        {"about": about(), "weights_0": ONE * math.nan, "biases_0": ONE},
    ],
)
def test_load_refuses_what_save_did_not_write(tmp_path, arrays):
    write_arrays(tmp_path / "net.npz", arrays)
    with pytest.raises(ValueError, match=r"net\.npz: not a network saved by Network\.save"):
        Network.load(tmp_path / "net.npz")
