"""What `diagnose` promises: a name that is so, nothing right in the list of what is wrong, and no "right" unseen."""

import numpy as np
import pytest

from compare import diagnose
from compare.candidates.reduction import Reduction
from compare.diagnosing.batch import reduction_findings
from explicit import Cost, Network
from explicit.sums import add_up

RANDOM = np.random.RandomState(7)
X, Y = RANDOM.randn(3, 3), RANDOM.rand(2, 3)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(weights, biases, x, y, sigma=sigmoid, slope=lambda z: sigmoid(z) * (1 - sigmoid(z))):
    """Right gradients, for any σ."""
    a, zs = [x], []
    for w, b in zip(weights, biases, strict=True):
        zs.append(w @ a[-1] + b)
        a.append(sigma(zs[-1]))
    delta, nabla_b, nabla_w = (a[-1] - y) * slope(zs[-1]), [], []
    for i in reversed(range(len(weights))):
        nabla_b.insert(0, delta.sum(axis=1, keepdims=True))
        nabla_w.insert(0, delta @ a[i].T)
        if i:
            delta = (weights[i].T @ delta) * slope(zs[i - 1])
    return nabla_b, nabla_w


def names(found):
    return [m.name for m in found.mistakes]


# -- float32, and what is as near ----------------------------------------------------------------------------


def differences(h, sides):
    """(C(p + h) − C(p − h))/2h, or (C(p + h) − C(p))/h, for every parameter."""

    def backprop(weights, biases, x, y):
        def cost():
            a = x
            for w, b in zip(weights, biases, strict=True):
                a = sigmoid(w @ a + b)
            return 0.5 * float(((a - y) ** 2).sum())

        def slope(p, i):
            kept, costs = p[i], []
            for side in (1, 1 - sides):
                p[i] = kept + side * h
                costs.append(cost())
            p[i] = kept
            return (costs[0] - costs[1]) / (sides * h)

        return tuple(
            [np.array([slope(p, i) for i in np.ndindex(p.shape)]).reshape(p.shape) for p in some]
            for some in (biases, weights)
        )

    return backprop


def as_step(backprop):
    def step(weights, biases, x, y, eta):
        nabla_b, nabla_w = backprop(weights, biases, x, y)
        return (
            [w - eta * g for w, g in zip(weights, nabla_w, strict=True)],
            [b - eta * g for b, g in zip(biases, nabla_b, strict=True)],
        )

    return step


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("h", [1e-6, 3e-7, 1e-7, 1e-8])
@pytest.mark.parametrize("sizes", [[3, 4, 2], [3, 2]], ids=str)
def test_differences_are_never_called_float32(h, seed, sizes):
    for sides in (1, 2):
        for candidate in (differences(h, sides), as_step(differences(h, sides))):
            found = diagnose(candidate, X[:, :1], Y[:, :1], sizes=sizes, seed=seed)
            assert not found.right and found.mistakes == []


def test_numbers_of_differences_are_no_float32_either():
    of = Network([3, 4, 2], seed=1)
    for h in (1e-6, 1e-7):
        given = differences(h, 2)(of.weights, of.biases, X[:, :1], Y[:, :1])
        assert not diagnose(given, X[:, :1], Y[:, :1], weights=of.weights, biases=of.biases).right


@pytest.mark.parametrize("where", ["weights", "first weights", "results", "step"])
def test_float32_in_one_place_is_seen(where):
    def single(array):
        return array.astype(np.float32).astype(float)

    def backprop(weights, biases, x, y):
        if x.dtype == object:
            raise TypeError("floats only")
        if where == "results":
            return tuple([single(a) for a in some] for some in gradients(weights, biases, x, y))
        return gradients([single(w) if "first" not in where or w is weights[0] else w for w in weights], biases, x, y)

    candidate = as_step(backprop) if where == "step" else backprop
    assert names(diagnose(candidate, X[:, :1], Y[:, :1], sizes=[3, 4, 2])) == ["float32-inside"]


# -- kinks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("floats", [False, True])
@pytest.mark.parametrize("sizes", [[3, 4, 2], [3, 1, 2], [3, 2], [3, 3, 3, 2]], ids=str)
@pytest.mark.parametrize("constant", [0.5, 0.25, 0.3, 1])
def test_any_slope_at_the_kink_is_a_convention_with_a_name(constant, sizes, floats):
    def slope(z):
        made = np.zeros(z.shape, dtype=z.dtype)
        for i in np.ndindex(z.shape):
            made[i] = constant if z[i] == 0 else 1 if z[i] > 0 else 0
        return made

    def backprop(weights, biases, x, y):
        if floats and x.dtype == object:
            raise TypeError("floats only")
        return gradients(weights, biases, x, y, lambda z: np.where(z > 0, z, 0 * z), slope)

    found = diagnose(backprop, X, Y, activation="relu", sizes=sizes)
    assert names(found) == ["relu-prime-at-zero"] and found.unexplained == []
    assert found.findings[0].layers == tuple(range(len(sizes), 1, -1))
    assert f"× {constant:g} = " in found.findings[0].numbers.split("computed")[1]


def test_a_slope_at_the_kink_beside_another_mistake():
    def backprop(weights, biases, x, y):
        slope = lambda z: np.where(z > 0, 1, np.where(z == 0, 0.5, 0))  # noqa: E731
        nabla_b, nabla_w = gradients(weights, biases, x, y, lambda z: np.where(z > 0, z, 0 * z), slope)
        return [2 * b for b in nabla_b], [2 * w for w in nabla_w]

    assert names(diagnose(backprop, X, Y, activation="relu", sizes=[3, 4, 2])) == ["relu-prime-at-zero", "factor-two"]


# -- what is listed ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_nothing_that_is_right_is_listed_as_unexplained():
    # At one of the points these differences are right to the last bit: that point shows nothing.
    for seed in range(12):
        found = diagnose(differences(2.0**-13, 2), X[:1, :1], Y[:1, :1], sizes=[1, 1], seed=seed)
        assert found.unexplained and not any("right to 0 " in said for said in found.unexplained)


@pytest.mark.parametrize(
    "which, said", [((0,), "∂C/∂b"), ((1,), "∂C/∂w"), ((0, 1), "∂C/∂b and ∂C/∂w")], ids=["b", "w", "both"]
)
def test_of_what_the_first_sample_alone_counts_is_said(which, said):
    def backprop(weights, biases, x, y):
        both = gradients(weights, biases, x, y), gradients(weights, biases, x[:, :1], y[:, :1])
        return tuple(both[i in which][i] for i in (0, 1))

    found = diagnose(backprop, X, Y, sizes=[3, 4, 2])
    assert [f.text for f in found.findings] == [f"of {said} only the first sample of a batch counts"]


def test_the_first_sample_alone_in_one_layer():
    def backprop(weights, biases, x, y):
        nabla_b, nabla_w = gradients(weights, biases, x, y)
        return nabla_b, [gradients(weights, biases, x[:, :1], y[:, :1])[1][0], nabla_w[1]]

    (finding,) = diagnose(backprop, X, Y, sizes=[3, 4, 2]).findings
    assert finding.layers == (2,) and finding.text == "of ∂C/∂w only the first sample of a batch counts"


def test_the_first_sample_of_one_and_the_last_of_the_other():
    first, last = reduction_findings(None, Reduction("first"), Reduction("last"), None)
    assert first.text == "of ∂C/∂b only the first sample of a batch counts" and last.numbers == "of ∂C/∂w alone"


# -- what was not looked at is not right -----------------------------------------------------------------------


def test_a_division_by_another_number_that_is_four_is_no_mean():
    def backprop(weights, biases, x, y):
        divisor = len(weights[0]) if x.shape[1] > 1 else 1
        return tuple([g / divisor for g in some] for some in gradients(weights, biases, x, y))

    found = diagnose(backprop, X, Y, sizes=[3, 4, 2])
    assert not found.right and "no sum or mean" in str(found)


def test_one_sample_is_not_said_of_batches():
    twice = lambda w, b, x, y: tuple([g * min(x.shape[1], 2) for g in some] for some in gradients(w, b, x, y))  # noqa: E731
    one = diagnose(twice, X[:, :1], Y[:, :1], sizes=[3, 4, 2])
    assert one.right and one.singly and one.verdict.startswith("RIGHT: all equations hold, of one sample at a time;")
    assert diagnose(twice, X, Y, sizes=[3, 4, 2]).right is False
    assert diagnose(gradients, X, Y, sizes=[3, 4, 2]).verdict.startswith("RIGHT: all equations hold;")


def test_what_was_not_given_is_not_said_to_hold():
    of = Network([3, 4, 2], seed=1)
    right = of.backprop(X, Y)
    for given, said in (
        (right.deltas, "RIGHT: BP1 and BP2 hold; of BP3 and BP4 nothing was given"),
        (right.nabla_w, "RIGHT: BP1 and BP4 and BP2 hold; of BP3 nothing was given"),
        ((right.nabla_b, right.nabla_w), "RIGHT: all equations hold"),
    ):
        assert diagnose(given, X, Y, weights=of.weights, biases=of.biases).verdict.startswith(said)


def test_the_given_point_is_looked_at_too():
    def backprop(weights, biases, x, y):  # eᶻ/(1 + eᶻ) is NaN where z is large
        sigma = lambda z: np.exp(z) / (1 + np.exp(z))  # noqa: E731
        return gradients(weights, biases, x, y, sigma, lambda z: sigma(z) * (1 - sigma(z)))

    assert diagnose(backprop, X, Y, sizes=[3, 4, 2]).right
    found = diagnose(backprop, 1e4 * X, Y, sizes=[3, 4, 2])
    assert found.right is False and "with the given weights, x and y" in str(found)
    assert diagnose(gradients, 1e4 * X, Y, sizes=[3, 4, 2]).right


def test_a_given_point_that_shows_nothing_is_not_judged():
    of = Network([3, 4, 2], activation="relu")
    step = lambda z: np.where(z > 0, 1, 0)  # noqa: E731
    kinked = lambda w, b, x, y: gradients(w, b, x, y, lambda z: np.where(z > 0, z, 0 * z), step)  # noqa: E731
    of.biases = [0 * b for b in of.biases]
    assert diagnose(kinked, 0 * X, Y, activation="relu", weights=of.weights, biases=of.biases).right  # z is exactly 0
    found = diagnose(gradients, 1e308 * np.ones((3, 1)), Y[:, :1], sizes=[3, 4, 2])
    assert found.right is None and found.verdict.startswith("NOT JUDGED at the given weights, x and y")


# -- arguments and candidates of other kinds -----------------------------------------------------------------

SIZES = [3, 4, 2]


def of_cost(error):
    """Gradients of a cost with ∇ₐC = error(a, y)."""

    def backprop(weights, biases, x, y):
        a = x
        for w, b in zip(weights, biases, strict=True):
            a = sigmoid(w @ a + b)
        return gradients(weights, biases, x, a - error(a, y))

    return backprop


def test_a_cost_with_a_power_is_judged():
    cost = Cost("quartic", lambda a, y: add_up((a - y) ** 4) / 4, lambda a, y: (a - y) ** 3)
    assert diagnose(of_cost(lambda a, y: (a - y) ** 3), X, Y, cost=cost, sizes=SIZES).right
    assert diagnose(of_cost(lambda a, y: (a - y) ** 2), X, Y, cost=cost, sizes=SIZES).right is False


def test_a_gradient_that_is_not_that_of_its_cost_is_refused():
    cost = Cost("mine", lambda a, y: add_up((a - y) * (a - y)) / 2, lambda a, y: 3 * (a - y))
    with pytest.raises(ValueError, match="cost: the gradient of 'mine' is not its derivative: at a random point"):
        diagnose(of_cost(lambda a, y: 3 * (a - y)), X, Y, cost=cost, sizes=SIZES)


def test_nothing_wrong_in_floats_is_said_to_be_right_there():
    def backprop(weights, biases, x, y):
        a = [x]
        for w, b in zip(weights, biases, strict=True):
            a.append(sigmoid(w @ a[-1] + b))
        above = (a[-1] - y) * a[-1] * (1 - a[-1])
        below = weights[1].T @ (2 * above) * a[1] * (1 - a[1])
        some = [below @ a[0].T, above @ a[1].T]
        some = some if x.dtype == object else [w.astype(np.float32) for w in some]
        return [d.sum(axis=1, keepdims=True) for d in (below, above)], some

    assert diagnose(backprop, X, Y, sizes=SIZES).unexplained == ["BP2 at layer 2: it is 2 times the right one"]


def test_the_end_of_the_process_is_a_finding():
    def backprop(weights, biases, x, y):
        raise SystemExit(3)

    found = diagnose(backprop, X, Y, sizes=SIZES)
    assert found.right is False and "it ends the process (SystemExit: 3)" in found.failure


class Keeping:
    """A class that keeps Wᵀ besides, from the beginning."""

    def __init__(self, factor=1):
        of = Network(SIZES, seed=4)
        self.weights, self.biases, self.factor = of.weights, of.biases, factor
        self.WT = [w.T.copy() for w in of.weights]

    def backprop(self, x, y):
        a = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            a.append(sigmoid(w @ a[-1] + b))
        above = (a[-1] - y) * a[-1] * (1 - a[-1])
        below = self.WT[1] @ above * a[1] * (1 - a[1])
        return [d.sum(axis=1, keepdims=True) for d in (below, above)], [self.factor * (below @ a[0].T), above @ a[1].T]


def test_parameters_that_are_kept_elsewhere_are_not_judged_at_others():
    found = diagnose(Keeping(), X, Y)
    assert found.right is None and "it keeps parameters in `WT[1]` too" in found.verdict
    assert names(diagnose(Keeping(2), X, Y)) == ["nabla-w-doubled"]
