"""Three students' solutions, each in a style of its own, with mistakes planted by hand; and right code in ten styles.

Each solution is one piece of code with branches `if "name" in wrong:`.  Its table says which records must be
named, exactly: [name] unless formulas are equal there.
"""

import copy
import math
import random
from itertools import pairwise

import numpy as np
import pytest

from compare import diagnose
from explicit import Network

X = np.array([[0.5, -1.0], [0.25, 2.0], [1.5, 0.75]])
Y = np.array([[1.0, 0.25], [0.0, 0.5]])
Y3 = np.array([[0.2], [0.9], [0.4]])

SHORTCUT = ["no-sigma-prime-bp1", "cross-entropy-shortcut"]
SIGN = ["y-minus-a", "sign-reversed"]
SAME = {  # planted: named, where that is more
    "no-sigma-prime": ["no-sigma-prime", "cross-entropy-shortcut"],  # the latter at the output
    "no-sigma-prime-bp1": SHORTCUT,
    "cross-entropy-shortcut": SHORTCUT,
    "y-minus-a": SIGN,
    "quadratic-delta": ["quadratic-delta", "sigma-prime-twice"],  # at the output alone
}


def names(diagnosis):
    return [m.name for m in diagnosis.mistakes]


def expected(planted):
    return [name for slug in planted for name in SAME.get(slug, [slug])]


def check(found, named):
    assert sorted(names(found)) == sorted(named), str(found)
    assert found.unexplained == [] and not found.failure, str(found)
    assert found.right == (not named)


def alone(*slugs):
    return [(), *((slug,) for slug in slugs)]


def given(planted):
    return "+".join(planted) or "right"


# -- lists of lists, pure Python -----------------------------------------------------------------------


def in_lists(*wrong):
    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def prime(z):
        return sigmoid(z) * (1 - sigmoid(z))

    def slope(i, zs, a, k):  # of unit k in layer i + 2
        z, s, last = zs[i][k], a[i + 1][k], i == len(zs) - 1
        if "no-sigma-prime" in wrong or ("no-sigma-prime-bp1" if last else "no-sigma-prime-bp2") in wrong:
            return 1.0
        if "sigma-prime-of-a" in wrong:
            return prime(s)
        if "sigma-prime-twice" in wrong:
            return prime(z) ** 2
        if "sigma-for-sigma-prime" in wrong:
            return s
        if "sigmoid-prime-of-z" in wrong:
            return z * (1 - z)
        if "sigma-prime-of-wrong-layer" in wrong and not last:
            return prime(zs[i + 1][k])
        return prime(z)

    def backprop(weights, biases, x, y):
        weights = [[list(row) for row in w] for w in weights]
        biases = [[row[0] for row in b] for b in biases]
        y = [row[0] for row in y]
        a, zs = [[row[0] for row in x]], []
        for w, b in zip(weights, biases, strict=True):
            zs.append([bj + sum(v * k for v, k in zip(row, a[-1], strict=True)) for row, bj in zip(w, b, strict=True)])
            a.append([sigmoid(z) for z in zs[-1]])

        delta = []
        for k, (s, t) in enumerate(zip(a[-1], y, strict=True)):
            difference = t - s if "y-minus-a" in wrong else s - t
            if "y-broadcast" in wrong:
                difference = sum(s - other for other in y)
            if "factor-two" in wrong:
                difference = 2 * difference
            if "factor-half" in wrong:
                difference = difference / 2
            if "mean-over-outputs" in wrong:
                difference = difference / len(y)
            delta.append(difference * slope(len(zs) - 1, zs, a, k))

        nabla_b, nabla_w = [], []
        above = None
        for i in range(len(weights) - 1, -1, -1):
            before = zs[i - 1] if "z-for-a" in wrong and i else a[i]
            if "a-of-wrong-layer" in wrong:
                before = a[i + 1]
            outer = above if "delta-of-wrong-layer" in wrong and above else delta
            bias = [[d] for d in delta]
            if "bias-halved" in wrong:
                bias = [[d * 0.5] for d in delta]
            if "bias-forgotten" in wrong:
                bias = [[0.0] for d in delta]
            if "bias-summed-over-units" in wrong:
                bias = [[sum(delta)] for d in delta]
            weight = [[d * k for k in before] for d in outer]
            if "bp4-transposed" in wrong:
                weight = [[d * k for d in outer] for k in before]
            if "layer-skipped" in wrong and i == 0:
                bias, weight = [[0.0] for d in delta], [[0.0 for k in before] for d in delta]
            nabla_b.insert(0, bias)
            nabla_w.insert(0, weight)
            if i == 0:
                break
            w = weights[i - 1] if "w-of-wrong-layer" in wrong else weights[i]
            below = [0.0] * len(a[i])
            for j, d in enumerate(delta):
                for k in range(len(below)):
                    share = (w[k][j] if "w-not-transposed" in wrong else w[j][k]) * d
                    if "delta-overwritten" in wrong:
                        below[k] = share
                    elif "bp2-sign" in wrong:
                        below[k] -= share
                    else:
                        below[k] += share
            above, delta = delta, [e * slope(i - 1, zs, a, k) for k, e in enumerate(below)]
        return nabla_b, nabla_w

    return backprop


IN_LISTS = [
    *alone(
        "no-sigma-prime-bp1", "no-sigma-prime-bp2", "no-sigma-prime", "y-minus-a", "factor-two", "factor-half",
        "mean-over-outputs", "y-broadcast", "sigma-prime-of-a", "sigma-prime-twice", "sigma-for-sigma-prime",
        "sigma-prime-of-wrong-layer", "sigmoid-prime-of-z", "w-not-transposed", "w-of-wrong-layer",
        "delta-overwritten", "bp2-sign", "bias-forgotten", "bias-halved", "bias-summed-over-units",
        "delta-of-wrong-layer", "a-of-wrong-layer", "z-for-a", "bp4-transposed", "layer-skipped",
    ),
    ("factor-two", "sigma-prime-of-a"),
    ("factor-half", "w-not-transposed"),
    ("sigmoid-prime-of-z", "bias-forgotten"),
    ("delta-overwritten", "z-for-a"),
    ("bp2-sign", "bias-halved"),
    ("no-sigma-prime-bp2", "bp4-transposed"),
    ("y-minus-a", "sigma-prime-twice"),
    ("w-of-wrong-layer", "a-of-wrong-layer"),
    ("mean-over-outputs", "sigma-for-sigma-prime", "bias-summed-over-units"),
]  # fmt: skip


@pytest.mark.parametrize("planted", IN_LISTS, ids=given)
def test_lists_of_lists(planted):
    of = Network([3, 3, 3, 3], seed=5)
    check(diagnose(in_lists(*planted), X[:, :1], Y3, weights=of.weights, biases=of.biases), expected(planted))


# -- a class per layer -----------------------------------------------------------------------------------


class Layer:
    def __init__(self, n, m, wrong, generator):
        self.W, self.b, self.wrong = generator.randn(n, m), generator.randn(n, 1), wrong

    def forward(self, a, z):
        self.input, self.input_z = a, z
        self.z = self.W @ a + self.b
        self.output = np.tanh(self.z)
        return self.output, self.z

    def prime(self, last):
        if "no-sigma-prime" in self.wrong or ("no-sigma-prime-bp1" if last else "no-sigma-prime-bp2") in self.wrong:
            return 1
        if "tanh-prime-one-minus-a" in self.wrong:
            return 1 - self.output
        if "sigma-prime-of-a" in self.wrong:
            return 1 - np.tanh(self.output) ** 2
        if "sigma-prime-twice" in self.wrong:
            return (1 - self.output**2) * (1 - self.output**2)
        if "sigma-for-sigma-prime" in self.wrong:
            return self.output
        return 1 - self.output**2

    def backward(self, error, last):
        self.delta = error * self.prime(last)
        self.nabla_b = self.delta
        if "bias-summed-over-units" in self.wrong:
            self.nabla_b = self.delta.sum() + 0 * self.delta
        if "bias-halved" in self.wrong:
            self.nabla_b = self.delta / 2
        if "bias-forgotten" in self.wrong:
            self.nabla_b = 0 * self.b
        into = self.input
        if "a-of-wrong-layer" in self.wrong:
            into = self.output
        if "z-for-a" in self.wrong:
            into = self.input_z
        self.nabla_w = np.outer(self.delta, into)
        if "bp4-transposed" in self.wrong:
            self.nabla_w = self.nabla_w.T
        if "w-not-transposed" in self.wrong:
            return self.W @ self.delta
        if "w-inverted" in self.wrong:
            return np.linalg.inv(self.W) @ self.delta
        if "bp2-sign" in self.wrong:
            return -self.W.T @ self.delta
        if "delta-overwritten" in self.wrong:
            return self.W[-1:].T * self.delta[-1]
        return self.W.T @ self.delta


class Layers:
    def __init__(self, sizes, *wrong):
        generator = np.random.RandomState(2)
        self.wrong, self.sums = wrong, None
        self.layers = [Layer(n, m, wrong, generator) for m, n in pairwise(sizes)]

    @property
    def weights(self):
        return [layer.W for layer in self.layers]

    @weights.setter
    def weights(self, values):
        for layer, w in zip(self.layers, values, strict=True):
            layer.W = w

    @property
    def biases(self):
        return [layer.b for layer in self.layers]

    @biases.setter
    def biases(self, values):
        for layer, b in zip(self.layers, values, strict=True):
            layer.b = b

    def backprop(self, x, y):
        a, z = x, x
        for layer in self.layers:
            a, z = layer.forward(a, z)
        error = y - a if "y-minus-a" in self.wrong else a - y
        if "factor-two" in self.wrong:
            error = 2 * error
        if "mean-over-outputs" in self.wrong:
            error = error / y.size
        if "y-broadcast" in self.wrong:
            error = (a - y.ravel()).sum(axis=1, keepdims=True)
        for layer in reversed(self.layers):
            error = layer.backward(error, layer is self.layers[-1])
        made = [[layer.nabla_b for layer in self.layers], [layer.nabla_w for layer in self.layers]]
        if "layer-skipped" in self.wrong:
            made[0][0], made[1][0] = 0 * made[0][0], 0 * made[1][0]
        if "float32-inside" in self.wrong:
            made = [[np.array(np.array(g, np.float32), float) for g in group] for group in made]
        if "nondeterministic" in self.wrong:
            made[1] = [w * np.random.uniform(0.9, 1.1) for w in made[1]]
        if "accumulated-over-calls" in self.wrong:
            if self.sums is not None:
                made = [[g + s for g, s in zip(*two, strict=True)] for two in zip(made, self.sums, strict=True)]
            self.sums = made
        return tuple(made)


LAYERS = [
    *alone(
        "no-sigma-prime-bp1", "no-sigma-prime-bp2", "no-sigma-prime", "tanh-prime-one-minus-a", "sigma-prime-of-a",
        "sigma-prime-twice", "sigma-for-sigma-prime", "y-minus-a", "factor-two", "mean-over-outputs", "y-broadcast",
        "bias-summed-over-units", "bias-halved", "bias-forgotten", "a-of-wrong-layer", "z-for-a", "bp4-transposed",
        "w-not-transposed", "w-inverted", "bp2-sign", "delta-overwritten", "layer-skipped",
        "float32-inside", "nondeterministic", "accumulated-over-calls",
    ),
    ("tanh-prime-one-minus-a", "bias-halved"),
    ("factor-two", "w-inverted"),
    ("y-broadcast", "z-for-a"),
    ("mean-over-outputs", "bp2-sign"),
    ("sigma-for-sigma-prime", "w-not-transposed"),
    ("accumulated-over-calls", "sigma-prime-twice"),
    ("float32-inside", "bias-summed-over-units"),
    ("no-sigma-prime", "bias-halved"),
    ("layer-skipped", "factor-two"),
]  # fmt: skip


@pytest.mark.parametrize("planted", LAYERS, ids=given)
def test_a_class_per_layer(planted):
    check(diagnose(Layers([3, 3, 3, 3], *planted), X[:, :1], Y3, "tanh"), expected(planted))


# -- rows, minibatches -------------------------------------------------------------------------------------


def in_rows(*wrong, cross_entropy=False, decay=0):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def output(a, y):
        if cross_entropy and "quadratic-delta" not in wrong:
            return a - y
        return (a - y) if "cross-entropy-shortcut" in wrong else (a - y) * slope(None, a)

    def slope(z, a):
        if "sigma-for-sigma-prime" in wrong:
            return a
        if "sigma-prime-twice" in wrong:
            return (a * (1 - a)) ** 2
        if "no-sigma-prime-bp2" in wrong and z is not None:
            return 1
        return a * (1 - a)

    def backprop(weights, biases, x, y):
        a, zs, m = [x], [], len(x)
        for w, b in zip(weights, biases, strict=True):
            zs.append(a[-1] @ w + b)
            a.append(sigmoid(zs[-1]))
        if "activations-averaged" in wrong:
            a, zs = [[v.mean(axis=0, keepdims=True) for v in layers] for layers in (a, zs)]
            y, m = y.mean(axis=0, keepdims=True), 1
        by = 1 if {"sum-for-mean", "last-sample-only"} & set(wrong) else m * m if "averaged-twice" in wrong else m
        delta = output(a[-1], y)
        for slug, factor in {"y-minus-a": -1, "factor-two": 2, "factor-half": 0.5}.items():
            if slug in wrong:
                delta = delta * factor
        nabla_b, nabla_w = [None] * len(weights), [None] * len(weights)
        for i in reversed(range(len(weights))):
            rows = slice(-1, None) if "last-sample-only" in wrong else slice(None)
            bias = delta[rows].sum(axis=0, keepdims=True) / (1 if "reductions-differ" in wrong else by)
            if "bias-not-summed-over-batch" in wrong:
                bias = delta
            if "bias-summed-over-units" in wrong:
                bias = np.repeat(bias.sum(axis=1, keepdims=True), bias.shape[1], axis=1)
            if "bias-halved" in wrong:
                bias = bias / 2
            if "bias-forgotten" in wrong:
                bias = np.zeros(bias.shape)
            into = zs[i - 1] if "z-for-a" in wrong and i else a[i]
            weight = into[rows].T @ delta[rows] / by
            if "bp4-transposed" in wrong:
                weight = weight.T
            share = 0 if "regularisation-missing" in wrong else 2 if "regularisation-doubled" in wrong else 1
            if decay:
                weight = weight + share * decay * weights[i]
            if "regularisation-on-biases" in wrong:
                bias = bias + decay * biases[i]
            nabla_b[i], nabla_w[i] = bias.reshape(-1) if biases[i].ndim == 1 and len(bias) == 1 else bias, weight
            if i:
                back = delta[:, -1:] @ weights[i][:, -1:].T if "delta-overwritten" in wrong else delta @ weights[i].T
                delta = (-back if "bp2-sign" in wrong else back) * slope(zs[i - 1], a[i])
        return nabla_b, nabla_w

    return backprop


def rows_of(of, flat):
    return [w.T for w in of.weights], [b[:, 0] if flat else b.T for b in of.biases]


IN_ROWS = [
    *alone(
        "cross-entropy-shortcut", "sigma-for-sigma-prime", "sigma-prime-twice", "no-sigma-prime-bp2", "y-minus-a",
        "factor-two", "bias-summed-over-units", "bias-halved", "bias-forgotten", "z-for-a", "bp4-transposed",
        "delta-overwritten", "bp2-sign",
        "sum-for-mean", "averaged-twice", "reductions-differ", "last-sample-only", "bias-not-summed-over-batch",
        "activations-averaged",
    ),
    ("averaged-twice", "bias-halved"),
    ("sum-for-mean", "sigma-prime-twice"),
    ("reductions-differ", "bp4-transposed"),
    ("last-sample-only", "factor-two"),
    ("bias-not-summed-over-batch", "cross-entropy-shortcut"),
    ("activations-averaged", "bias-halved"),
    ("sigma-for-sigma-prime", "bias-halved"),
    ("delta-overwritten", "z-for-a"),
    ("y-minus-a", "bias-forgotten", "averaged-twice"),
]  # fmt: skip


@pytest.mark.parametrize("flat", [False, True], ids=["(1, n)", "(n,)"])
@pytest.mark.parametrize("planted", IN_ROWS, ids=given)
def test_minibatches_in_rows(planted, flat):
    weights, biases = rows_of(Network([3, 4, 2], seed=5), flat)
    found = diagnose(in_rows(*planted), X.T, Y.T, weights=weights, biases=biases, reduction="mean")
    check(found, expected(planted))
    assert "samples are rows" in found.notes[0]


@pytest.mark.parametrize("layout", [None, "rows"])
@pytest.mark.parametrize("planted", IN_ROWS, ids=given)
def test_rows_whose_shapes_could_be_columns(planted, layout):
    weights, biases = rows_of(Network([3, 3, 3], seed=1), True)
    x, y = np.random.RandomState(0).randn(3, 3), np.full((3, 3), 0.3)
    found = diagnose(in_rows(*planted), x, y, weights=weights, biases=biases, reduction="mean", layout=layout)
    check(found, expected(planted))


@pytest.mark.parametrize("planted", [(), ("quadratic-delta",), ("quadratic-delta", "averaged-twice")], ids=given)
def test_rows_with_cross_entropy(planted):
    weights, biases = rows_of(Network([3, 4, 2], seed=5), False)
    candidate = in_rows(*planted, cross_entropy=True)
    options = {"weights": weights, "biases": biases, "reduction": "mean"}
    check(diagnose(candidate, X.T, Y.T, "sigmoid", "cross_entropy", **options), expected(planted))


REGULARISED = [
    *alone("regularisation-missing", "regularisation-doubled", "regularisation-on-biases"),
    ("regularisation-missing", "bias-halved"),
    ("regularisation-doubled", "sum-for-mean"),
]


@pytest.mark.parametrize("planted", REGULARISED, ids=given)
def test_rows_with_regularisation(planted):
    weights, biases = rows_of(Network([3, 4, 2], seed=5), False)
    candidate = in_rows(*planted, decay=0.25)
    options = {"weights": weights, "biases": biases, "reduction": "mean", "regularisation": 0.25}
    check(diagnose(candidate, X.T, Y.T, **options), expected(planted))


def test_a_mean_where_a_sum_was_declared():
    weights, biases = rows_of(Network([3, 4, 2], seed=5), False)
    found = diagnose(in_rows(), X.T, Y.T, weights=weights, biases=biases, reduction="sum")
    check(found, ["mean-for-sum"])


# -- training steps -----------------------------------------------------------------------------------------


def a_step(*wrong):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def step(weights, biases, x, y, eta):
        a = [x]
        for w, b in zip(weights, biases, strict=True):
            a.append(sigmoid(w @ a[-1] + b))
        rate = {"step-ascends": -eta, "eta-forgotten": 1}.get(wrong[0] if wrong else "", eta)
        delta = (a[-1] - y) * a[-1] * (1 - a[-1])
        weights, biases = list(weights), list(biases)
        for i in reversed(range(len(weights))):
            before = weights[i]
            weights[i] = weights[i] - rate * (delta @ a[i].T)
            biases[i] = biases[i] - rate * delta.sum(axis=1, keepdims=True)
            through = weights[i] if "updated-w" in wrong else before
            slope = a[i] if "sigma-for-sigma-prime" in wrong else a[i] * (1 - a[i])
            delta = (through.T @ delta) * slope
        return weights, biases

    return step


STEPS = [
    *alone("updated-w", "eta-forgotten", "sigma-for-sigma-prime"),
    ("updated-w", "sigma-for-sigma-prime"),
    ("eta-forgotten", "sigma-for-sigma-prime"),
]


@pytest.mark.parametrize("planted", STEPS, ids=given)
def test_a_training_step(planted):
    of = Network([3, 4, 2], seed=5)
    check(diagnose(a_step(*planted), X, Y, weights=of.weights, biases=of.biases), expected(planted))


def test_a_step_that_climbs_is_a_sign():
    of = Network([3, 4, 2], seed=5)
    check(diagnose(a_step("step-ascends"), X, Y, weights=of.weights, biases=of.biases), [*SIGN, "step-ascends"])


# -- right code, in ten styles --------------------------------------------------------------------------------

SIGMAS = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: z > 0),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z, a: 1 / (1 + np.exp(-z))),
    "identity": (lambda z: z, lambda z, a: 1),
}


def right(sigmas, cost, matmul=lambda a, b: a @ b, mean=False):
    """A right backprop(weights, biases, x, y), samples in columns."""
    pairs = [SIGMAS[s] for s in sigmas]

    def backprop(weights, biases, x, y):
        a, zs = [x], []
        for w, b, (sigma, _) in zip(weights, biases, pairs, strict=True):
            zs.append(matmul(w, a[-1]) + b)
            a.append(sigma(zs[-1]))
        delta = a[-1] - y if cost == "cross_entropy" else (a[-1] - y) * pairs[-1][1](zs[-1], a[-1])
        nabla_b, nabla_w = [], []
        for i in reversed(range(len(weights))):
            m = x.shape[1] if mean else 1
            nabla_b.insert(0, delta.sum(axis=1, keepdims=True) / m)
            nabla_w.insert(0, matmul(delta, a[i].T) / m)
            if i:
                delta = matmul(weights[i].T, delta) * pairs[i - 1][1](zs[i - 1], a[i])
        return nabla_b, nabla_w

    return backprop


def in_style(style, backprop, weights, biases, x, y):
    """The candidate in a style, and the arguments that go with it."""
    options = {"weights": weights, "biases": biases}
    if style == "book object":

        class Book:
            def __init__(self):
                self.weights, self.biases = copy.deepcopy(weights), copy.deepcopy(biases)

            def backprop(self, x, y):
                return backprop(self.weights, self.biases, x, y)

        return Book(), x, y, {}
    if style == "rows":
        flat = x.size % 2 == 0

        def in_rows(weights, biases, x, y):
            columns = [b.reshape(-1, 1) for b in biases]
            nabla_b, nabla_w = backprop([w.T for w in weights], columns, x.T, y.T)
            return [g.reshape(b.shape) for g, b in zip(nabla_b, biases, strict=True)], [g.T for g in nabla_w]

        own = {"weights": [w.T for w in weights], "biases": [b[:, 0] if flat else b.T for b in biases]}
        return in_rows, x.T, y.T, own
    if style in ("biases first", "biases last"):
        first = style == "biases first"

        def join(w, b):
            return np.hstack([b, w] if first else [w, b])

        def folded(weights, x, y):
            ws, bs = ([w[:, 1:], w[:, :1]] if first else [w[:, :-1], w[:, -1:]] for w in weights), None
            ws, bs = zip(*ws, strict=True)
            nabla_b, nabla_w = backprop(ws, bs, x, y)
            return [join(w, b) for w, b in zip(nabla_w, nabla_b, strict=True)]

        return folded, x, y, {"weights": [join(w, b) for w, b in zip(weights, biases, strict=True)]}
    if style == "float32":

        def single(weights, biases, x, y):
            of = [[np.asarray(v, np.float32) for v in group] for group in (weights, biases, (x, y))]
            return backprop(of[0], of[1], *of[2])

        return single, x, y, {**options, "dtype": "float32"}
    if style == "sample by sample":

        def loop(weights, biases, x, y):
            sums = [np.zeros(b.shape) for b in biases], [np.zeros(w.shape) for w in weights]
            for s in range(x.shape[1]):
                made = backprop(weights, biases, x[:, s : s + 1], y[:, s : s + 1])
                sums = [[a + b for a, b in zip(*two, strict=True)] for two in zip(sums, made, strict=True)]
            return tuple(sums)

        return loop, x, y, options
    if style == "step":

        def step(weights, biases, x, y, eta):
            nabla_b, nabla_w = backprop(weights, biases, x, y)
            for i in range(len(weights)):
                weights[i] = weights[i] - eta * nabla_w[i]
                biases[i] = biases[i] - eta * nabla_b[i]

        return step, x, y, options
    return backprop, x, y, options


STYLES = (
    "book object", "function", "rows", "mean", "biases first", "biases last", "float32", "BLAS", "sample by sample",
    "step",
)  # fmt: skip


@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("style", STYLES)
def test_right_code_is_never_accused(style, count):
    for number in range(count):
        generator = random.Random(f"{style} {number}")
        sizes = [generator.randint(1, 5) for _ in range(generator.randint(2, 4))]
        sigmas = [generator.choice(list(SIGMAS)) for _ in sizes[1:]]
        cost = generator.choice(["quadratic", "cross_entropy"])
        if cost == "cross_entropy":
            sigmas[-1] = "sigmoid"
        mean = style == "mean" or (style == "rows" and number % 2 == 0)
        matmul = (lambda a, b: np.asarray(a, float) @ np.asarray(b, float)) if style == "BLAS" else np.matmul
        of = Network(sizes, seed=number)
        draw, m = np.random.RandomState(number), generator.randint(1, 3)
        x, y = draw.randn(sizes[0], m), draw.uniform(0.1, 0.9, (sizes[-1], m))
        backprop = right(sigmas, cost, matmul, mean)
        candidate, x, y, options = in_style(style, backprop, of.weights, of.biases, x, y)
        if number % 3 == 0:
            options["reduction"] = "mean" if mean else "sum"
        found = diagnose(candidate, x, y, sigmas, cost, **options)
        check(found, [])
