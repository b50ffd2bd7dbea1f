"""Three students' solutions, each in a style of its own, with mistakes planted by hand."""

import math

import numpy as np
import pytest

from compare import diagnose
from explicit import Network

X = np.array([[0.5, -1.0], [0.25, 2.0], [1.5, 0.75]])
Y = np.array([[1.0, 0.25], [0.0, 0.5]])
SHORTCUT = ["no-sigma-prime-bp1", "cross-entropy-shortcut"]
SIGN = ["y-minus-a", "sign-reversed"]


def names(diagnosis):
    return [m.name for m in diagnosis.mistakes]


# -- lists of lists, pure Python ---------------------------------------------------------------------


def in_lists(wrong):
    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def prime(z):
        return sigmoid(z) * (1 - sigmoid(z))

    def backprop(weights, biases, x, y):
        weights, biases = [[list(r) for r in w] for w in weights], [[r[0] for r in b] for b in biases]
        a, zs = [[r[0] for r in x]], []
        for w, b in zip(weights, biases, strict=True):
            zs.append([bj + sum(v * k for v, k in zip(row, a[-1], strict=True)) for row, bj in zip(w, b, strict=True)])
            a.append([sigmoid(z) for z in zs[-1]])
        slope = {
            "no-sigma-prime": lambda z, s: 1.0,
            "sigma-prime-of-a": lambda z, s: prime(s),
            "sigma-prime-twice": lambda z, s: prime(z) ** 2,
            "sigma-for-sigma-prime": lambda z, s: s,
            "sigmoid-prime-of-z": lambda z, s: z * (1 - z),
        }.get(wrong, lambda z, s: prime(z))
        error = [s - t[0] for s, t in zip(a[-1], y, strict=True)]
        if wrong == "y-minus-a":
            error = [-e for e in error]
        if wrong == "factor-two":
            error = [2 * e for e in error]
        delta = [e * slope(z, s) for e, z, s in zip(error, zs[-1], a[-1], strict=True)]
        nabla_b, nabla_w = [None] * len(weights), [None] * len(weights)
        for i in range(len(weights) - 1, -1, -1):
            before = zs[i - 1] if wrong == "z-for-a" and i else a[i]
            nabla_b[i] = [[d / 2 if wrong == "bias-halved" else 0.0 if wrong == "bias-forgotten" else d] for d in delta]
            nabla_w[i] = [[d * k for k in before] for d in delta]
            if i == 0:
                if wrong == "layer-skipped":
                    nabla_b[0], nabla_w[0] = [[0.0] for _ in delta], [[0.0] * len(before) for _ in delta]
                continue
            below = [0.0] * len(a[i])
            for j, d in enumerate(delta):
                for k in range(len(below)):
                    share = weights[i][j][k] * d
                    below[k] = share if wrong == "delta-overwritten" else below[k] + share
            delta = [e * slope(z, s) for e, z, s in zip(below, zs[i - 1], a[i], strict=True)]
        return nabla_b, nabla_w

    return backprop


IN_LISTS = {
    "": [],
    "no-sigma-prime": ["no-sigma-prime", *SHORTCUT, "no-sigma-prime-bp2"],
    "y-minus-a": SIGN,
    **{n: [n] for n in (
        "sigma-prime-of-a", "sigma-prime-twice", "sigma-for-sigma-prime", "sigmoid-prime-of-z", "z-for-a",
        "bias-halved", "bias-forgotten", "layer-skipped", "delta-overwritten",
    )},
}  # fmt: skip


@pytest.mark.parametrize("wrong", IN_LISTS)
def test_lists_of_lists(wrong):
    of = Network([3, 4, 3], seed=5)
    found = diagnose(in_lists(wrong), X[:, :1], np.array([[0.2], [0.9], [0.4]]), weights=of.weights, biases=of.biases)
    assert names(found) == IN_LISTS[wrong], str(found)
    assert found.right == (not wrong)


def test_a_factor_two_of_three_outputs():
    of = Network([3, 4, 3], seed=5)
    y = np.array([[0.2], [0.9], [0.4]])
    assert names(diagnose(in_lists("factor-two"), X[:, :1], y, weights=of.weights, biases=of.biases)) == ["factor-two"]


# -- a class per layer ---------------------------------------------------------------------------------


class Layer:
    def __init__(self, n, m, wrong, random):
        self.W, self.b, self.wrong = random.randn(n, m), random.randn(n, 1), wrong

    def forward(self, a):
        self.input = a
        self.z = self.W @ a + self.b
        self.output = np.tanh(self.z)
        return self.output

    def prime(self):
        if self.wrong == "tanh-prime-one-minus-a":
            return 1 - self.output
        if self.wrong == "sigma-prime-of-a":
            return 1 - np.tanh(self.output) ** 2
        return 1 - self.output**2

    def backward(self, error, last):
        self.delta = error * self.prime()
        if self.wrong == "no-sigma-prime-bp1" and last:
            self.delta = error
        if self.wrong == "no-sigma-prime-bp2" and not last:
            self.delta = error
        self.nabla_b = self.delta.sum() + 0 * self.delta if self.wrong == "bias-summed-over-units" else self.delta
        self.nabla_w = np.outer(self.delta, self.output if self.wrong == "a-of-wrong-layer" else self.input)
        if self.wrong == "bp4-transposed":
            self.nabla_w = self.nabla_w.T
        W = self.W if self.wrong == "w-not-transposed" else self.W.T
        sign = -1 if self.wrong == "bp2-sign" else 1
        return sign * (np.linalg.inv(self.W) if self.wrong == "w-inverted" else W) @ self.delta


class Layers:
    def __init__(self, sizes, wrong=""):
        random = np.random.RandomState(2)
        self.wrong, self.calls, self.before = wrong, 0, None
        self.layers = [Layer(n, m, wrong, random) for m, n in zip(sizes, sizes[1:], strict=False)]

    @property
    def weights(self):
        return [layer.W for layer in self.layers]

    @weights.setter
    def weights(self, value):
        for layer, w in zip(self.layers, value, strict=True):
            layer.W = w

    @property
    def biases(self):
        return [layer.b for layer in self.layers]

    @biases.setter
    def biases(self, value):
        for layer, b in zip(self.layers, value, strict=True):
            layer.b = b

    def backprop(self, x, y):
        a = x
        for layer in self.layers:
            a = layer.forward(a)
        error = a - y
        for layer in reversed(self.layers):
            error = layer.backward(error, layer is self.layers[-1])
        made = [la.nabla_b for la in self.layers], [la.nabla_w for la in self.layers]
        if self.wrong == "accumulated-over-calls":
            if self.before is not None:
                made = tuple([a + b for a, b in zip(*two, strict=True)] for two in zip(made, self.before, strict=True))
            self.before = made
        if self.wrong == "nondeterministic":
            made = made[0], [w * np.random.uniform(0.9, 1.1) for w in made[1]]
        return made


LAYERS = {
    "": [],
    "no-sigma-prime-bp1": SHORTCUT,
    **{n: [n] for n in (
        "tanh-prime-one-minus-a", "sigma-prime-of-a", "no-sigma-prime-bp2", "bias-summed-over-units",
        "a-of-wrong-layer", "bp4-transposed", "w-not-transposed", "w-inverted", "bp2-sign",
        "accumulated-over-calls", "nondeterministic",
    )},
}  # fmt: skip


@pytest.mark.parametrize("wrong", LAYERS)
def test_a_class_per_layer(wrong):
    y = np.array([[0.2], [0.9], [0.4]])
    found = diagnose(Layers([3, 3, 3, 3], wrong), X[:, :1], y, "tanh")
    assert names(found) == LAYERS[wrong], str(found)
    assert found.right == (not wrong)


# -- rows, minibatches ------------------------------------------------------------------------------------


def in_rows(*wrong):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def backprop(weights, biases, x, y):
        a, zs, m = [x], [], len(x)
        for w, b in zip(weights, biases, strict=True):
            zs.append(a[-1] @ w + b)
            a.append(sigmoid(zs[-1]))
        if "activations-averaged" in wrong:
            a = [v.mean(axis=0, keepdims=True) for v in a]
            zs = [v.mean(axis=0, keepdims=True) for v in zs]
            y, m = y.mean(axis=0, keepdims=True), 1
        by = {"sum-for-mean": 1, "averaged-twice": m * m}.get(wrong[0] if wrong else "", m)
        delta = a[-1] - y if "cross-entropy-shortcut" in wrong else (a[-1] - y) * a[-1] * (1 - a[-1])
        nabla_b, nabla_w = [], []
        for i in reversed(range(len(weights))):
            if "bias-not-summed-over-batch" in wrong:
                nabla_b.insert(0, delta)
            elif "last-sample-only" in wrong:
                nabla_b.insert(0, delta[-1:])
            else:
                nabla_b.insert(0, delta.sum(axis=0, keepdims=True) / (1 if "reductions-differ" in wrong else by))
            last = "last-sample-only" in wrong
            nabla_w.insert(0, a[i][-1:].T @ delta[-1:] if last else a[i].T @ delta / by)
            if "bias-halved" in wrong:
                nabla_b[0] = nabla_b[0] / 2
            if i:
                slope = a[i] if "sigma-for-sigma-prime" in wrong else a[i] * (1 - a[i])
                delta = (delta @ weights[i].T) * slope
        return nabla_b, nabla_w

    return backprop


IN_ROWS = {
    (): [],
    ("cross-entropy-shortcut",): SHORTCUT,
    ("sigma-for-sigma-prime", "bias-halved"): ["bias-halved", "sigma-for-sigma-prime"],
    ("averaged-twice", "bias-halved"): ["bias-halved", "averaged-twice"],
    ("cross-entropy-shortcut", "sigma-for-sigma-prime"): [*SHORTCUT, "sigma-for-sigma-prime"],
    **{(n,): [n] for n in (
        "sum-for-mean", "averaged-twice", "reductions-differ", "last-sample-only", "bias-not-summed-over-batch",
        "activations-averaged", "bias-halved", "sigma-for-sigma-prime",
    )},
}  # fmt: skip


@pytest.mark.parametrize("wrong", IN_ROWS, ids=str)
def test_minibatches_in_rows(wrong):
    of = Network([3, 4, 2], seed=5)
    weights, biases = [w.T for w in of.weights], [b.T for b in of.biases]
    found = diagnose(in_rows(*wrong), X.T, Y.T, weights=weights, biases=biases, reduction="mean")
    assert names(found) == IN_ROWS[wrong], str(found)
    assert found.right == (not wrong)
    assert "samples are rows" in found.notes[0]
