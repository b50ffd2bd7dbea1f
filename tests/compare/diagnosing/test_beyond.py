"""What the catalogue does not hold must get no name of it; and mistakes that only a batch shows."""

import numpy as np
import pytest

from compare import diagnose
from explicit import Network

RANDOM = np.random.RandomState(1)
X, Y = RANDOM.randn(3, 5), RANDOM.rand(2, 5)
SIZES = [3, 4, 2]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def right(weights, biases, x, y, difference=lambda a, y: a - y, sigma=sigmoid, slope=lambda a: a * (1 - a)):
    a = [x]
    for w, b in zip(weights, biases, strict=True):
        a.append(sigma(w @ a[-1] + b))
    delta, nabla_b, nabla_w = difference(a[-1], y) * slope(a[-1]), [], []
    for i in reversed(range(len(weights))):
        nabla_b.insert(0, delta.sum(axis=1, keepdims=True))
        nabla_w.insert(0, delta @ a[i].T)
        if i:
            delta = (weights[i].T @ delta) * slope(a[i])
    return nabla_b, nabla_w


def change(function):
    """Right code, with something done to each of its gradients and the number of samples."""

    def backprop(weights, biases, x, y):
        return tuple([function(g, x.shape[1]) for g in group] for group in right(weights, biases, x, y))

    return backprop


def said(candidate, x=X, y=Y, **options):
    return diagnose(candidate, x, y, **{"sizes": SIZES, **options})


def names(found):
    return [m.name for m in found.mistakes]


# -- batches -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", [None, "sum"])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda w, b, x, y: right(w, b, x, y[:, :1]),
        lambda w, b, x, y: right(w, b, x, y[:, ::-1]),
        lambda w, b, x, y: right(w, b, x[:, : (x.shape[1] + 1) // 2], y[:, : (x.shape[1] + 1) // 2]),
        change(lambda g, m: g / m**0.5),
    ],
    ids=["one target for all", "targets in another order", "half of the batch", "root of m"],
)
def test_a_batch_that_follows_from_its_samples_in_no_way_is_wrong_and_has_no_name(wrong, reduction):
    found = said(wrong, reduction=reduction)
    assert not found.right and found.mistakes == [] and "no sum or mean" in str(found)


def test_targets_spread_over_a_batch():
    def in_rows(weights, biases, x, y):
        a = [x]
        for w, b in zip(weights, biases, strict=True):
            a.append(sigmoid(a[-1] @ w + b))
        delta = (a[-1] - y.ravel()).sum(axis=1, keepdims=True) * a[-1] * (1 - a[-1])  # (m, 1) − (m,)
        nabla_b, nabla_w = [], []
        for i in reversed(range(len(weights))):
            nabla_b.insert(0, delta.mean(axis=0))
            nabla_w.insert(0, a[i].T @ delta / len(x))
            if i:
                delta = (delta @ weights[i].T) * a[i] * (1 - a[i])
        return nabla_b, nabla_w

    assert names(said(in_rows, X.T, Y[:1].T, sizes=[3, 4, 1], layout="rows")) == ["y-broadcast"]


def test_the_last_sample_alone_in_one_layer():
    def backprop(weights, biases, x, y):
        each = [right(weights, biases, x[:, s : s + 1], y[:, s : s + 1]) for s in range(x.shape[1])]
        nabla_b = [sum(b[i] for b, _ in each) for i in (0, 1)]
        return nabla_b, [each[-1][1][0], sum(w[1] for _, w in each)]

    found = said(backprop)
    assert names(found) == ["last-sample-only"] and found.findings[0].layers == (2,)
    assert "of ∂C/∂w there" in str(found)


@pytest.mark.parametrize("rest", [slice(1, None), slice(None, -1)])
def test_samples_that_are_left_out_are_no_layers_that_are(rest):
    found = said(lambda w, b, x, y: right(w, b, x[:, rest], y[:, rest]))
    assert not found.right and found.mistakes == [] and "samples are left out" in str(found)


def test_the_first_sample_alone():
    found = said(lambda w, b, x, y: right(w, b, x[:, :1], y[:, :1]))
    assert found.mistakes == [] and "only the first sample of a batch counts" in str(found)


def test_division_by_one_sample_less():
    found = said(change(lambda g, m: g / np.float64(m - 1)))
    assert not found.right and found.mistakes == [] and "not finite" in str(found)


# -- what is no float32 ------------------------------------------------------------------------------------


def central_differences(h):
    def backprop(weights, biases, x, y):
        def cost():
            a = x
            for w, b in zip(weights, biases, strict=True):
                a = sigmoid(w @ a + b)
            return 0.5 * float(((a - y) ** 2).sum())

        def slope(p, i):
            kept = p[i]
            p[i] = kept + h
            more = cost()
            p[i] = kept - h
            less = cost()
            p[i] = kept
            return (more - less) / (2 * h)

        return tuple(
            [np.array([slope(p, i) for i in np.ndindex(p.shape)]).reshape(p.shape) for p in some]
            for some in (biases, weights)
        )

    return backprop


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w, b, x, y: right(w, b, x, y, lambda a, y: a - y + 1e-8),
        change(lambda g, m: np.round(g.astype(float), 8)),
        central_differences(1e-5),
        central_differences(1e-7),
    ],
    ids=["an epsilon", "eight decimals", "central differences", "short central differences"],
)
def test_what_is_nearly_right_is_not_called_float32(wrong):
    found = said(wrong)
    assert not found.right and found.mistakes == []
    assert all("it is right to" in said_ for said_ in found.unexplained), found.unexplained


# -- what is not finite, or not what it is in exact arithmetic --------------------------------------------------


def test_infinite_gradients_fit_nothing():
    found = said(change(lambda g, m: g * np.inf))
    assert not found.right and "not finite" in str(found)


def test_what_is_right_in_exact_arithmetic_is_asked_in_floats_too():
    found = said(change(lambda g, m: (g + 1e16) - 1e16))
    assert not found.right and "something else than in floats" in str(found)


def test_float32_for_floats_only_is_seen():
    def backprop(weights, biases, x, y):
        group = right(weights, biases, x, y)
        if x.dtype == object:
            return group
        return tuple([g.astype(np.float32).astype(float) for g in some] for some in group)

    assert names(said(backprop)) == ["float32-inside"]


# -- calls -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1])
def test_what_adds_up_over_calls_hides_nothing_of_the_rest(which):
    kept = {}

    def backprop(weights, biases, x, y):
        groups = list(right(weights, biases, x, y))
        key = tuple(g.shape for g in groups[which])
        kept[key] = [a + b for a, b in zip(groups[which], kept[key], strict=True)] if key in kept else groups[which]
        groups[which] = kept[key]
        return tuple(groups)

    assert names(said(backprop)) == ["accumulated-over-calls"]


def test_arguments_that_are_changed_are_told():
    def backprop(weights, biases, x, y):
        found = right(weights, biases, x, y)
        x -= 1
        return found

    found = said(backprop)
    assert found.right and "it changes the x that it is given" in found.notes


# -- mistakes that cancel, lone zeros, orders -----------------------------------------------------------------------


def test_twice_the_gradient_of_w_is_one_mistake():
    found = said(lambda w, b, x, y: (right(w, b, x, y)[0], [2 * g for g in right(w, b, x, y)[1]]))
    assert names(found) == ["nabla-w-doubled"]
    assert [e.holds for e in found.equations] == [True, True, False, True, True, False]


def test_doubled_numbers_without_a_bias_gradient_are_those_of_two_mistakes():
    found = said(lambda w, b, x, y: ([0 * g for g in right(w, b, x, y)[0]], [2 * g for g in right(w, b, x, y)[1]]))
    assert names(found) == ["factor-two", "bias-forgotten"]
    assert any("nabla-w-doubled" in note for note in found.notes)


def test_transposed_products_of_mirrored_sizes_are_no_lists_in_another_order():
    wrong = lambda w, b, x, y: (right(w, b, x, y)[0], [g.T for g in right(w, b, x, y)[1]])  # noqa: E731
    assert names(said(wrong, X[:2], Y, sizes=[2, 4, 4, 2])) == ["bp4-transposed"]


def test_a_lone_zero_stands_for_zeros():
    found = said(lambda w, b, x, y: ([0, right(w, b, x, y)[0][1]], [0, right(w, b, x, y)[1][1]]))
    assert names(found) == ["layer-skipped"]


def test_lists_from_the_last_layer_to_the_first_are_recognised():
    found = said(lambda w, b, x, y: tuple(g[::-1] for g in right(w, b, x, y)))
    assert found.right and "begin with the last layer" in found.notes[0]


def test_another_activation_than_was_declared_is_guessed():
    found = said(lambda w, b, x, y: right(w, b, x, y, sigma=np.tanh, slope=lambda a: 1 - a * a))
    assert not found.right and found.mistakes == []
    assert any("with activation='tanh', cost='quadratic' it would be right" in note for note in found.notes)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("quantity", [0, 1])
def test_a_factor_is_seen_where_relu_makes_zeros(seed, quantity):
    def backprop(weights, biases, x, y):
        groups = right(weights, biases, x, y, sigma=lambda z: np.maximum(z, 0), slope=lambda a: 1.0 * (a > 0))
        return tuple([3 * g for g in group] if i == quantity else group for i, group in enumerate(groups))

    tag = "BP4" if quantity else "BP3"
    found = said(backprop, activation="relu", seed=seed)
    assert found.unexplained == [f"{tag} at layer {layer}: it is 3 times the right one" for layer in (3, 2)]


def test_the_numbers_at_a_kink_are_of_a_point_there():
    def backprop(weights, biases, x, y):
        return right(weights, biases, x, y, sigma=lambda z: np.maximum(z, 0), slope=lambda a: 1.0 * (a >= 0))

    # σ′ is taken of a here: a ≥ 0 is always true, as if it were left out.
    found = said(backprop, activation="relu")
    assert "no-sigma-prime" in names(found)

    def at_zero(weights, biases, x, y):
        z = [weights[0] @ x + biases[0]]
        a = [x, np.maximum(z[0], 0)]
        z.append(weights[1] @ a[1] + biases[1])
        delta = [None, (np.maximum(z[1], 0) - y) * (z[1] >= 0)]
        delta[0] = (weights[1].T @ delta[1]) * (z[0] >= 0)
        return [d.sum(axis=1, keepdims=True) for d in delta], [d @ b.T for d, b in zip(delta, a, strict=True)]

    (finding,) = said(at_zero, activation="relu").findings
    assert finding.mistakes[0].name == "relu-prime-at-zero"
    one, other = finding.numbers.split(", computed ")
    assert " × 0 = " in one and " × 1 = " in other


def test_unequal_layers_in_rows_are_tried_on_equal_ones():
    def in_rows(weights, biases, x, y):
        a = [x]
        for w, b in zip(weights, biases, strict=True):
            a.append(sigmoid(a[-1] @ w + b))
        delta, nabla_b, nabla_w = (a[-1] - y) * a[-1] * (1 - a[-1]), [], []
        for i in reversed(range(len(weights))):
            nabla_b.insert(0, delta.sum(axis=0))
            nabla_w.insert(0, a[i].T @ delta)
            if i:
                delta = (delta @ weights[i]) * a[i] * (1 - a[i])
        return nabla_b, nabla_w

    found = said(in_rows, X.T, Y.T, layout="rows")
    assert found.failure and names(found) == ["w-not-transposed"]


# -- arguments ---------------------------------------------------------------------------------------------------


def test_a_class_is_no_candidate():
    with pytest.raises(TypeError, match="the class Network itself"):
        diagnose(Network, X, Y)


def test_cross_entropy_of_outputs_beyond_one_is_refused():
    with pytest.raises(ValueError, match="cross_entropy needs outputs between 0 and 1, got relu"):
        said(right, activation="relu", cost="cross_entropy")


def test_one_sample_may_be_a_vector():
    assert said(right, X[:, 0], Y[:, 0]).right
