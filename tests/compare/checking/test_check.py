"""Other people's backpropagation: right code is proved or at least never accused, wrong code is found."""

import json
import math
import random
import sys

import numpy as np
import pytest

from compare.checking.check import check
from explicit import Network as Ours

pytest.importorskip("flint")
X, Y = np.array([[0.5, -0.3], [-1.0, 0.8]]), np.array([[1.0, 0.0]])
SIZES = [2, 3, 3, 3, 1]


# -- a network in the interface and the style of the book -------------------------------------------


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class Network:
    def __init__(self, sizes, seed=0):
        rng = np.random.RandomState(seed)
        self.num_layers = len(sizes)
        self.sizes = sizes
        self.biases = [rng.randn(n, 1) for n in sizes[1:]]
        self.weights = [rng.randn(n, m) for m, n in zip(sizes[:-1], sizes[1:], strict=True)]

    def act(self, z):
        return sigmoid(z)

    def act_prime(self, z):
        return sigmoid_prime(z)

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activation = x
        activations = [x]
        zs = []
        for b, w in zip(self.biases, self.weights, strict=True):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = self.act(z)
            activations.append(activation)
        delta = self.cost_derivative(activations[-1], y) * self.act_prime(zs[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for layer in range(2, self.num_layers):
            z = zs[-layer]
            delta = np.dot(self.weights[-layer + 1].transpose(), delta) * self.act_prime(z)
            nabla_b[-layer] = delta
            nabla_w[-layer] = np.dot(delta, activations[-layer - 1].transpose())
        return nabla_b, nabla_w

    def cost_derivative(self, output_activations, y):
        return output_activations - y


def with_activation(function, derivative):
    """The book's network with another σ and σ′."""

    class Other(Network):
        act = staticmethod(function)
        act_prime = staticmethod(derivative)

    return Other


def test_the_book_s_network_is_proved_unmodified():
    report = check(Network(SIZES), X, Y)
    assert report.proved is True and report.probability < 2**-100
    assert report.counts["z"] == (report.counts["z"][0], 20) and report.max_ulps < 1000
    assert "PROVED" in str(report) and "20 δ" in str(report)
    assert report.notes == () and report.counterexample is None


def test_exact_is_about_bits():
    def textbook(weights, biases, x, y):
        network = Ours([2, 3, 1])
        network.weights, network.biases = weights, biases
        record = network.backprop(x, y)
        return record.nabla_b, record.nabla_w

    report = check(textbook, X, Y, sizes=[2, 3, 1])
    assert report.exact and report.first_divergence is None and report.max_ulps == 0
    assert report.proved is True
    assert [row.name for row in report.rows[:4]] == ["δ²₁", "δ²₂", "δ²₃", "δ³₁"]
    assert [row.sample for row in report.rows] == [0] * 4 + [1] * 4
    assert len(report.rows_of("w")) == 18
    with pytest.raises(ValueError, match="quantity"):
        report.rows_of("b")


def test_a_report_is_reproducible_and_seeded():
    one, two, other = (check(Network([2, 3, 1]), X, Y, seed=s).to_dict() for s in (1, 1, 2))
    assert one == two and one["proved"] is other["proved"] is True


def test_a_tanh_network_and_mixed_layers():
    tanh = with_activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    assert check(tanh(SIZES), X, Y, activation="tanh").proved is True
    assert check(tanh(SIZES), X, Y, activation=["tanh", "tanh", "tanh", "sigmoid"]).proved is False
    cosh = with_activation(np.tanh, lambda z: 1 / np.cosh(z) ** 2)
    assert check(cosh(SIZES), X, Y, activation="tanh").proved is True


def test_softplus_and_identity():
    soft = with_activation(lambda z: np.log1p(np.exp(z)), sigmoid)
    assert check(soft(SIZES), X, Y, activation="softplus").proved is True
    linear = with_activation(lambda z: z, lambda z: np.ones_like(z))
    assert check(linear(SIZES), X, Y, activation="identity").proved is True


@pytest.mark.parametrize("shortcut", [False, True])
def test_cross_entropy_literal_and_shortcut_are_both_proved(shortcut):
    class Entropy(Network):
        def cost_derivative(self, a, y):
            return (a - y) / (a * (1 - a))

        def backprop(self, x, y):
            if shortcut:
                self.cost_derivative = lambda a, y: a - y
                self.first = True
                self.act_prime = self.once
            return super().backprop(x, y)

        def once(self, z):  # σ′ is 1 at the output, where the short cut leaves it out
            first, self.first = self.first, False
            return 1 if first else sigmoid_prime(z)

    report = check(Entropy([2, 3, 2]), X, np.vstack([Y, 1 - Y]), cost="cross_entropy")
    assert report.proved is True


def test_the_shortcut_with_the_quadratic_cost_is_wrong():
    class Short(Network):
        def backprop(self, x, y):
            nabla_b, nabla_w = super().backprop(x, y)
            a = x
            for w, b in zip(self.weights, self.biases, strict=True):
                below, a = a, sigmoid(np.dot(w, a) + b)
            return [*nabla_b[:-1], a - y], [*nabla_w[:-1], np.dot(a - y, below.T)]

    report = check(Short([2, 3, 1]), X, Y)
    assert report.proved is False and report.verdict.differs[0] == "δ³"
    assert check(Short([2, 3, 1]), X, Y, cost="cross_entropy").verdict.differs[0] == "δ²"


# -- ten writings of σ and σ′ ------------------------------------------------------------------------


def two_branches(z):
    return np.where(z >= 0, 1 / (1 + np.exp(-abs(z))), np.exp(-abs(z)) / (1 + np.exp(-abs(z))))


def masks(z):
    out = np.empty_like(z)
    positive = z >= 0
    out[positive] = 1 / (1 + np.exp(-z[positive]))
    e = np.exp(z[~positive])
    out[~positive] = e / (1 + e)
    return out


def one_number(z):
    if z >= 0:
        return 1.0 / (1.0 + np.exp(-z))
    return np.exp(z) / (1.0 + np.exp(z))


def by_math(z):
    return np.array([[1 / (1 + math.exp(-v)) for v in row] for row in z])


def clipped(z):
    return 1 / (1 + np.exp(-np.clip(z, -500, 500)))


SIGMAS = {
    "1/(1+exp(-z))": (sigmoid, True),
    "exp(z)/(1+exp(z))": (lambda z: np.exp(z) / (1 + np.exp(z)), True),
    "1 - 1/(1+exp(z))": (lambda z: 1 - 1 / (1 + np.exp(z)), True),
    "tanh(z/2)": (lambda z: 0.5 * (1 + np.tanh(z / 2)), None),
    "np.where": (two_branches, None),
    "masks": (masks, None),
    "vectorize": (np.vectorize(lambda v: 1 / (1 + np.exp(-v))), True),
    "vectorize with if": (np.vectorize(one_number), None),
    "math.exp": (by_math, None),
    "clip": (clipped, None),
    "lists": (lambda z: np.array([[1 / (1 + np.exp(-v)) for v in row] for row in z]), True),
    "reciprocal": (lambda z: np.reciprocal(np.add(1.0, np.exp(np.negative(z)))), True),
}
PRIMES = {
    "s(1-s)": (lambda z: sigmoid(z) * (1 - sigmoid(z)), True),
    "exp(-z)/(1+exp(-z))²": (lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2, True),
    "s-s²": (lambda z: sigmoid(z) - np.square(sigmoid(z)), True),
    "1/(2+exp(z)+exp(-z))": (lambda z: 1 / (2 + np.exp(z) + np.exp(-z)), True),
    "s(z)s(-z)": (lambda z: sigmoid(z) * sigmoid(-z), True),
    "cosh": (lambda z: 0.25 / np.cosh(z / 2) ** 2, None),
    "two exps": (lambda z: np.exp(-z) / (1 + 2 * np.exp(-z) + np.exp(-2 * z)), None),
    "1/(2+2cosh)": (lambda z: 1 / (2 + 2 * np.cosh(z)), True),
    "np.power": (lambda z: np.power(1 + np.exp(-z), -2) * np.exp(-z), True),
    "exp of log": (lambda z: sigmoid(z) ** 2.0 * np.exp(-z), True),
}


@pytest.mark.parametrize("name", SIGMAS)
def test_a_right_sigmoid_is_never_called_wrong(name):
    function, proved = SIGMAS[name]
    report = check(with_activation(function, sigmoid_prime)([2, 3, 3, 1]), X, Y)
    assert report.proved is proved, str(report)
    assert report.max_ulps < 10_000


@pytest.mark.parametrize("name", PRIMES)
def test_a_right_derivative_is_never_called_wrong(name):
    function, proved = PRIMES[name]
    report = check(with_activation(sigmoid, function)([2, 3, 3, 1]), X, Y)
    assert report.proved is proved, str(report)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("prime", ["s(1-s)", "cosh"])
def test_a_tiny_error_is_found_in_every_writing_that_exact_numbers_can_run(sigma, prime):
    def wrong(z):
        return PRIMES[prime][0](z) * (1 + 1e-7)

    report = check(with_activation(SIGMAS[sigma][0], wrong)([2, 3, 1]), X, Y)
    assert report.proved is (None if sigma == "math.exp" else False), str(report)


def test_what_the_field_lacks_is_said_with_the_bits_that_agree():
    report = check(with_activation(SIGMAS["tanh(z/2)"][0], sigmoid_prime)([2, 3, 1]), X, Y)
    assert "differs from the adjoints in GF" in report.reason and "agrees with the adjoints to 2^−" in report.reason
    assert "NOT PROVED" in str(report) and report.verdict.differs


def test_a_branch_is_named():
    report = check(with_activation(two_branches, sigmoid_prime)([2, 3, 1]), X, Y)
    assert "a finite field has no order, which the candidate needs at test_check.py:" in report.reason


# -- planted errors ----------------------------------------------------------------------------------


def planted(mistake, at):
    """The book's network with one mistake at layer `at`, counted from the end as in its loop."""

    class Mistaken(Network):
        def backprop(self, x, y):
            ws, count = self.weights, self.num_layers
            nabla_b, nabla_w = [None] * (count - 1), [None] * (count - 1)
            activations, zs = [x], []
            for b, w in zip(self.biases, ws, strict=True):
                zs.append(np.dot(w, activations[-1]) + b)
                activations.append(sigmoid(zs[-1]))
            for layer in range(1, count):
                here = layer == at
                z, a = zs[-layer], activations[-layer]
                prime = sigmoid_prime(a if here and mistake == "a instead of z" else z)
                if here and mistake == "no σ′":
                    prime = 1
                if here and mistake == "σ′ of another layer":
                    prime = sigmoid_prime(zs[-layer + 1] if layer > 1 and zs[-layer + 1].shape == z.shape else a)
                if layer == 1:
                    upper = activations[-1] - y
                else:
                    W = ws[-layer + 1]
                    if here and mistake == "not transposed":
                        W = W.transpose()
                    if here and mistake == "wrong W":
                        W = ws[-layer + 2 if layer > 2 else -layer]
                    upper = np.dot(W.transpose(), delta)  # noqa: F821
                    if here and mistake == "wrong index":
                        upper = upper[::-1]
                delta = upper * prime
                if here and mistake == "sign":
                    delta = -delta
                if here and mistake == "tiny":
                    delta = delta * (1 + 1e-7)
                below = activations[-layer - 1]
                if here and mistake == "z below":
                    below = zs[-layer - 1] if layer < count - 1 else 2 * below
                nabla_b[-layer] = delta
                nabla_w[-layer] = np.dot(delta, below.transpose())
                if here and mistake == "BP4 tiny":
                    nabla_w[-layer] = nabla_w[-layer] + 1e-9 * delta
                if here and mistake == "stale bias":
                    nabla_b[-layer] = 2 * delta
            return nabla_b, nabla_w

    return Mistaken


ANYWHERE = ("no σ′", "a instead of z", "σ′ of another layer", "sign", "tiny", "z below", "BP4 tiny", "stale bias")


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("mistake", ANYWHERE)
def test_a_planted_error_is_wrong_at_every_layer(mistake, at):
    report = check(planted(mistake, at)(SIZES), X, Y)
    assert report.proved is False, str(report)
    layer = 6 - at
    only_w = mistake in ("z below", "BP4 tiny")
    row = report.counterexample
    assert (row.layer, row.quantity) == (layer, "w" if only_w else "z") and not row.equal
    assert "WRONG" in str(report) and row.name in str(report)


@pytest.mark.parametrize(
    ("mistake", "at", "sizes"),
    [
        ("not transposed", 2, [2, 3, 3, 3, 3]),
        ("not transposed", 3, SIZES),
        ("not transposed", 4, SIZES),
        ("wrong W", 2, [2, 3, 3, 3, 3]),
        ("wrong W", 3, [2, 3, 3, 3, 3]),
        ("wrong W", 4, SIZES),
        ("wrong index", 2, SIZES),
        ("wrong index", 3, SIZES),
        ("wrong index", 4, SIZES),
    ],
)
def test_a_wrong_matrix_is_wrong(mistake, at, sizes):
    report = check(planted(mistake, at)(sizes), X, np.vstack([Y] * sizes[-1]))
    assert report.proved is False and report.counterexample.layer == len(sizes) + 1 - at


def test_without_a_mistake_the_same_code_is_proved():
    for at in (1, 2, 3, 4):
        assert check(planted("none", at)(SIZES), X, Y).proved is True


def test_without_flint_what_floats_refute_too_is_wrong(monkeypatch):
    monkeypatch.setitem(sys.modules, "compare.numbers.ball", None)
    report = check(planted("sign", 1)(SIZES), X, Y)
    assert report.proved is False and report.right is False and report.max_ulps > 10**15
    assert "differs from the adjoints in GF" in report.reason and report.verdict.differs[0] == "δ⁵"
    assert report.counterexample.name == "δ⁵₁" and str(report).count("WRONG") == 2


def test_without_flint_right_code_that_the_field_cannot_prove_is_not_accused(monkeypatch):
    monkeypatch.setitem(sys.modules, "compare.numbers.ball", None)
    report = check(with_activation(SIGMAS["tanh(z/2)"][0], sigmoid_prime)([2, 3, 1]), X, Y)
    assert report.proved is None and report.right is None and "balls would confirm" in report.reason
    assert report.floats.holds is True and "NOT DECIDED" in report.joined


# -- other styles ------------------------------------------------------------------------------------


class InPlace(Network):
    """The commonest student style: gradients added into np.zeros."""

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros((w.shape[0], w.shape[1])) for w in self.weights]
        right_b, right_w = super().backprop(x, y)
        for i in range(len(nabla_b)):
            nabla_b[i] += right_b[i] * self.factor
            nabla_w[i][:] = right_w[i]
        return nabla_b, nabla_w

    factor = 1


def test_in_place_addition_into_zeros_is_proved_and_said():
    report = check(InPlace(SIZES), X, Y)
    assert report.proved is True
    assert "test_check.py" in report.notes[0] and "nabla_b[i] += right_b[i]" in report.notes[0]
    assert "note:" in str(report)
    wrong = InPlace(SIZES)
    wrong.factor = 1 + 1e-7
    assert check(wrong, X, Y).proved is False


class Forced(Network):
    def backprop(self, x, y):
        return super().backprop(x.astype(float), y)


class Kept(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = super().backprop(x, y)
        return [np.array([[float(v) for v in row] for row in b]) for b in nabla_b], nabla_w


@pytest.mark.parametrize(("style", "text"), [(Forced, "x.astype(float)"), (Kept, "float(v) for v in row")])
def test_code_that_forces_floats_is_compared_in_floats_and_its_line_named(style, text):
    report = check(style([2, 3, 1]), X, Y)
    assert report.proved is None and not report.failure and report.max_ulps < 100
    assert text in report.reason and "runs on floats only" in report.reason


def test_math_exp_is_named():
    report = check(with_activation(by_math, sigmoid_prime)([2, 3, 1]), X, Y)
    assert report.proved is None and "math.exp(-v)" in report.reason


def relu_network(derivative, factor=1):
    return with_activation(lambda z: np.maximum(z, 0), lambda z: derivative(z) * factor)


@pytest.mark.parametrize("derivative", [lambda z: z > 0, lambda z: z >= 0, lambda z: np.where(z > 0, 1.0, 0.0)])
def test_relu_runs_on_rationals(derivative):
    report = check(relu_network(derivative)(SIZES), X, Y, activation="relu")
    assert report.proved is None and "equal in exact rational arithmetic" in report.reason
    wrong = check(relu_network(derivative, 1 + 1e-7)(SIZES), X, Y, activation="relu")
    assert wrong.proved is False and wrong.verdict.arithmetic == "rational"


def test_relu_in_place_with_masks():
    def relu_prime(z):
        out = np.zeros(z.shape)
        out[z > 0] = 1
        return out

    report = check(relu_network(relu_prime)(SIZES), X, Y, activation="relu")
    assert report.proved is None and "equal in exact rational arithmetic" in report.reason


@pytest.mark.parametrize(("sizes", "said"), [([2, 3, 1], "rational"), ([2, 8, 8, 1], "in balls it agrees")])
def test_softsign_runs_on_rationals_while_they_are_short(sizes, said):
    soft = with_activation(lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2)
    report = check(soft(sizes), X, Y, activation="softsign")
    assert report.proved is None and said in report.reason


def test_relu_below_a_sigmoid_goes_to_balls():
    class Mixed(Network):
        def backprop(self, x, y):
            w, b = self.weights, self.biases
            z2 = w[0] @ x + b[0]
            a2 = np.maximum(z2, 0)
            a3 = sigmoid(w[1] @ a2 + b[1])
            d3 = (a3 - y) * a3 * (1 - a3)
            d2 = (w[1].T @ d3) * (z2 > 0) * self.factor
            return [d2, d3], [d2 @ x.T, d3 @ a2.T]

        factor = 1

    mixed = Mixed([2, 3, 1])
    report = check(mixed, X, Y, activation=["relu", "sigmoid"])
    assert report.proved is None and "in balls it agrees" in report.reason
    mixed.factor = 1 + 1e-7
    assert check(mixed, X, Y, activation=["relu", "sigmoid"]).proved is False


class Lists:
    """Pure Python: lists of lists, and loops over units."""

    def __init__(self):
        rng = random.Random(0)
        self.weights = [[[rng.gauss(0, 1) for _ in range(m)] for _ in range(n)] for m, n in ((2, 3), (3, 1))]
        self.biases = [[rng.gauss(0, 1) for _ in range(n)] for n in (3, 1)]

    def backprop(self, x, y):
        activations = [[row[0] for row in x]]
        for W, b in zip(self.weights, self.biases, strict=True):
            a = activations[-1]
            z = [sum(w * v for w, v in zip(row, a, strict=True)) + bias for row, bias in zip(W, b, strict=True)]
            activations.append([1 / (1 + np.exp(-v)) for v in z])
        deltas = [[(a - t[0]) * a * (1 - a) for a, t in zip(activations[-1], y, strict=True)]]
        W = self.weights[1]
        hidden = [
            sum(W[j][k] * deltas[0][j] for j in range(len(W))) * a * (1 - a) for k, a in enumerate(activations[1])
        ]
        deltas.insert(0, hidden)
        nabla_w = [
            [[d * a for a in below] for d in delta] for delta, below in zip(deltas, activations[:-1], strict=True)
        ]
        return deltas, nabla_w


def test_pure_python_lists_are_proved():
    report = check(Lists(), X, Y)
    assert report.proved is True, str(report)


def test_scalars_beside_arrays_of_one_element_are_right():
    """Residue × array([0.5]) must not take the int of the array."""

    class Scaled(Network):
        def act_prime(self, z):
            half = np.array([0.5])
            return np.array([[(v * half * 2)[0] for v in row] for row in sigmoid_prime(z)])

    assert check(Scaled([2, 3, 1]), X, Y).proved is True


def test_a_function_with_weights_or_sizes():
    def backprop(weights, biases, x, y):
        network = Network([2, 3, 1])
        network.weights, network.biases = weights, biases
        return network.backprop(x, y)

    network = Network([2, 3, 1], seed=5)
    assert check(backprop, X, Y, weights=network.weights, biases=network.biases).proved is True
    assert check(backprop, X, Y, sizes=[2, 3, 1]).proved is True
    with pytest.raises(TypeError, match="weights: needed for a function"):
        check(backprop, X, Y)
    with pytest.raises(ValueError, match="either sizes or weights"):
        check(backprop, X, Y, sizes=[2, 3, 1], weights=network.weights)


class Layer:
    def __init__(self, n, m, rng):
        self.W, self.b = rng.randn(n, m), rng.randn(n, 1)


class Layered:
    """A class per layer; weights and biases are properties without a setter."""

    def __init__(self, factor=1):
        rng = np.random.RandomState(3)
        self.layers = [Layer(3, 2, rng), Layer(1, 3, rng)]
        self.factor = factor

    @property
    def weights(self):
        return [layer.W for layer in self.layers]

    @property
    def biases(self):
        return [layer.b for layer in self.layers]

    def backprop(self, x, y):
        first, second = self.layers
        a2 = sigmoid(first.W @ x + first.b)
        a3 = sigmoid(second.W @ a2 + second.b)
        d3 = (a3 - y) * a3 * (1 - a3)
        d2 = (second.W.T @ d3) * a2 * (1 - a2) * self.factor
        return [d2, d3], [d2 @ x.T, d3 @ a2.T]


def test_parameters_that_hang_in_layers_are_replaced_there():
    network = Layered()
    assert check(network, X, Y).proved is True
    assert network.layers[0].W.dtype == np.float64
    assert check(Layered(1 + 1e-7), X, Y).proved is False


def test_parameters_that_are_kept_twice_accuse_nobody():
    class Transposed(Network):
        def __init__(self, sizes):
            super().__init__(sizes)
            self.transposed = [w.T.copy() for w in self.weights]

        def backprop(self, x, y):
            a2 = sigmoid(self.weights[0] @ x + self.biases[0])
            a3 = sigmoid(self.weights[1] @ a2 + self.biases[1])
            d3 = (a3 - y) * a3 * (1 - a3)
            d2 = (self.transposed[1] @ d3) * a2 * (1 - a2)
            return [d2, d3], [d2 @ x.T, d3 @ a2.T]

    report = check(Transposed([2, 3, 1]), X, Y)
    assert report.proved is None and "`transposed[1]`" in report.reason and report.max_ulps < 100


def test_parameters_in_a_tuple_accuse_nobody():
    class Tuple(Network):
        def __init__(self, sizes):
            super().__init__(sizes)
            self.first = (self.weights[0], self.biases[0])

        def backprop(self, x, y):
            self.weights[0], self.biases[0] = self.first
            return super().backprop(x, y)

    report = check(Tuple([2, 3, 1]), X, Y)
    assert report.proved is None and "`first[" in report.reason


def test_a_copy_that_is_not_used_protects_nobody():
    wrong = planted("tiny", 1)([2, 3, 1])
    wrong.initial, wrong.best = [w.copy() for w in wrong.weights], tuple(wrong.biases)
    assert check(wrong, X, Y).proved is False


def test_parameters_that_cannot_be_replaced_accuse_nobody():
    class Fixed(Network):
        weights = property(lambda self: [w.copy() for w in self.hidden], lambda self, value: None)

        def __init__(self, sizes):
            self.hidden = Network(sizes).weights
            self.num_layers, self.biases = len(sizes), Network(sizes).biases

    report = check(Fixed([2, 3, 1]), X, Y)
    assert report.proved is None and "cannot be put in the place" in report.reason


def test_a_rounded_constant_accuses_nobody():
    third = with_activation(sigmoid, lambda z: sigmoid_prime(z) * (1 / 3) * 3)
    report = check(third([2, 3, 1]), X, Y)
    assert report.proved is None and "as a constant rounded to a float does" in report.reason
    relu = relu_network(lambda z: (z > 0) * (1 / 3) * 3)
    assert check(relu([2, 3, 1]), X, Y, activation="relu").proved is None


# -- what the candidate does to itself and to us ----------------------------------------------------


def test_the_candidate_is_untouched():
    class Counting(Network):
        calls = 0

        def backprop(self, x, y):
            self.calls += 1
            self.last = x
            return super().backprop(x, y)

    network = Counting(SIZES)
    arrays = [*network.weights, *network.biases]
    bits = [a.tobytes() for a in arrays]
    assert check(network, X, Y).proved is True
    assert [a.tobytes() for a in arrays] == bits and network.calls == 0 and not hasattr(network, "last")
    assert all(a is b for a, b in zip([*network.weights, *network.biases], arrays, strict=True))


def test_gradients_that_accumulate_over_calls_are_wrong():
    class Accumulating(Network):
        total = None

        def backprop(self, x, y):
            found = super().backprop(x, y)
            if self.total is None:
                self.total = found
            else:
                both = zip(self.total, found, strict=True)
                self.total = tuple([a + b for a, b in zip(s, t, strict=True)] for s, t in both)
            return self.total

    report = check(Accumulating([2, 3, 1]), X, Y)
    assert report.proved is False and any("two calls" in note for note in report.notes)


def test_weights_changed_in_place_are_noted():
    class Stepping(Network):
        def backprop(self, x, y):
            found = super().backprop(x, y)
            self.weights[0] = self.weights[0] - 0.1 * found[1][0]
            return found

    report = check(Stepping([2, 3, 1]), X, Y)
    assert report.proved is True and any("changed `weights`" in note for note in report.notes)


def test_a_random_candidate_is_a_finding_and_no_crash():
    rng = np.random.RandomState(1)

    class Noisy(Network):
        def act_prime(self, z):
            return sigmoid_prime(z) * rng.rand()

    report = check(Noisy([2, 3, 1]), X, Y)
    assert report.proved is False and any("two calls" in note for note in report.notes)


def test_what_the_candidate_raises_is_its_own():
    class Raising(Network):
        def cost_derivative(self, a, y):
            return a - y[7]

    report = check(Raising([2, 3, 1]), X, Y)
    assert report.proved is None and not report.exact and report.rows == []
    assert "IndexError" in report.failure and "`return a - y[7]`" in report.failure
    assert "the candidate raised at test_check.py:" in str(report)
    report.to_dict(), report._repr_html_()


def test_a_candidate_that_raises_on_exact_numbers_only():
    class Careful(Network):
        def backprop(self, x, y):
            if x.dtype != np.float64:
                raise RuntimeError("floats only, please")
            return super().backprop(x, y)

    report = check(Careful([2, 3, 1]), X, Y)
    assert report.proved is None and "floats only, please" in report.reason and report.max_ulps < 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b, w: None, "returned a NoneType"),
        (lambda b, w: (w, b), "returned (nabla_w, nabla_b)"),
        (lambda b, w: (b[:1], w), "nabla_b is a list of length 1, expected 2 arrays"),
        (lambda b, w: ([v[:, 0] for v in b], w), "nabla_b[0] has shape (3,), and biases[0] has (3, 1)"),
        (lambda b, w: (b, [v.T for v in w]), "nabla_w[0] has shape (2, 3), and weights[0] has (3, 2)"),
        (lambda b, w: (b, [v + 1j for v in w]), "dtype complex128"),
        (lambda b, w: ([None, None], w), "nabla_b[0] has shape ()"),
    ],
)
def test_what_is_no_gradient_is_a_finding(change, message):
    class Odd(Network):
        def backprop(self, x, y):
            return change(*super().backprop(x, y))

    report = check(Odd([2, 3, 1]), X, Y)
    assert report.proved is None and message in report.failure and not report.exact


@pytest.mark.parametrize(
    ("candidate", "options", "error", "message"),
    [
        (3, {}, TypeError, "candidate: expected an object"),
        (Network([2, 3, 1]), {"weights": []}, ValueError, "the candidate has its own"),
        (Network([2, 3, 1]), {"sizes": [2, 1]}, ValueError, "sizes are for a function"),
        (Network([2, 3, 1]), {"activation": "sigmod"}, ValueError, "unknown name 'sigmod'"),
        (Network([2, 3, 1]), {"cost": "none"}, ValueError, "unknown name 'none'"),
        (Network([3, 3, 1]), {}, ValueError, r"x: expected shape \(3, B\)"),
    ],
)
def test_wrong_arguments(candidate, options, error, message):
    with pytest.raises(error, match=message):
        check(candidate, X, Y, **options)


def test_a_saturated_cross_entropy_leaves_the_exact_verdict():
    class Entropy(Network):
        def cost_derivative(self, a, y):
            return (a - y) / (a * (1 - a))

    network = Entropy([2, 3, 1])
    network.biases[-1][:] = 1000.0
    report = check(network, X, Y, cost="cross_entropy")
    assert report.proved is True and "no value here" in report.failure


def test_float32_inside_is_said():
    class Narrow(Network):
        def backprop(self, x, y):
            b, w = super().backprop(x, y)
            return [v.astype(np.float32) for v in b], [v.astype(np.float32) for v in w]

    report = check(Narrow([2, 3, 1]), X, Y)
    assert report.proved is None and "astype(np.float32)" in report.reason
    assert any("returned float32" in note for note in report.notes)


# -- forms -------------------------------------------------------------


def test_json_and_html(tmp_path):
    for network in (Network([2, 3, 1]), planted("tiny", 1)([2, 3, 3, 1]), Forced([2, 3, 1])):
        report = check(network, X, Y)
        report.to_json(tmp_path / "report.json")
        read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        assert read["proved"] is report.proved and read["reason"] == report.reason
        assert "<table>" in report._repr_html_() and report.in_words[:6] in repr(report)
