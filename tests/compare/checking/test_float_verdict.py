"""What is asked besides one sample of exact numbers: batches, floats, other sizes; and one verdict that joins all."""

import sys

import numpy as np
import pytest

from compare.checking.check import check

X, Y = np.array([[0.5, -0.3], [-1.0, 0.8]]), np.array([[1.0, 0.0]])
SIZES = [2, 3, 3, 1]


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def whole(weights, biases, x, y, sigma=sigmoid, prime=lambda z, a: a * (1 - a)):
    """Right for batches: gradients summed."""
    zs, activations = [], [x]
    for w, b in zip(weights, biases, strict=True):
        zs.append(w @ activations[-1] + b)
        activations.append(sigma(zs[-1]))
    delta = (activations[-1] - y) * prime(zs[-1], activations[-1])
    nabla_b, nabla_w = [None] * len(weights), [None] * len(weights)
    for i in reversed(range(len(weights))):
        nabla_b[i], nabla_w[i] = delta.sum(axis=1, keepdims=True), delta @ activations[i].T
        if i:
            delta = (weights[i].T @ delta) * prime(zs[i - 1], activations[i])
    return nabla_b, nabla_w


def changed(change):
    """The right code, with its result changed by a function of nabla_b, nabla_w and the number of samples."""

    def backprop(weights, biases, x, y):
        nabla_b, nabla_w = whole(weights, biases, x, y)
        return change(nabla_b, nabla_w, x.shape[1])

    return backprop


# -- batches -----------------------------------------------------------------------------------------


def mean(b, w, m):
    return [v / m for v in b], [v / m for v in w]


def rounded_mean(b, w, m):
    return [v * (1 / m) for v in b], [v * (1 / m) for v in w]


def one_left_out(b, w, m):
    return [v / m for v in b], [w[0], *(v / m for v in w[1:])]


def doubled(b, w, m):
    return (b, w) if m == 1 else ([2 * v for v in b], [2 * v for v in w])


def exiting(weights, biases, x, y):
    if x.shape[1] > 1:
        raise SystemExit("one sample, please")
    return whole(weights, biases, x, y)


def last_alone(weights, biases, x, y):
    return whole(weights, biases, x[:, -1:], y[:, -1:])


def first_alone(weights, biases, x, y):
    return whole(weights, biases, x[:, :1], y[:, :1])


def columns(weights, biases, x, y):
    each = [whole(weights, biases, x[:, s : s + 1], y[:, s : s + 1]) for s in range(x.shape[1])]
    return [np.hstack(b) for b in zip(*(e[0] for e in each), strict=True)], whole(weights, biases, x, y)[1]


def flat(weights, biases, x, y):
    return whole(weights, biases, x.ravel()[: weights[0].shape[1], None], y.ravel()[: len(biases[-1]), None])


def raising(weights, biases, x, y):
    assert x.shape[1] == 1, "one sample, please"
    return whole(weights, biases, x, y)


@pytest.mark.parametrize(
    ("candidate", "options", "said"),
    [
        (whole, {}, "are summed"),
        (whole, {"reduction": "sum"}, "are summed"),
        (changed(mean), {}, "are averaged"),
        (changed(mean), {"reduction": "mean"}, "are averaged"),
        (changed(rounded_mean), {}, "are averaged"),
        (columns, {}, "one column per sample"),
        (first_alone, {}, "but for the first"),
        (flat, {}, "of a batch it reads the first numbers"),
        (raising, {}, "it takes one sample at a time, and no batch (test_float_verdict.py"),
        (exiting, {}, "it takes one sample at a time, and no batch (test_float_verdict.py"),
    ],
)
def test_right_code_in_any_convention_is_right_and_the_convention_is_said(candidate, options, said):
    report = check(candidate, X, Y, sizes=SIZES, **options)
    assert report.right is True and report.proved is True, str(report)
    assert said in report.floats.batch and said[1:] in str(report)
    takes_batches = candidate not in (columns, first_alone, flat, raising, exiting)
    assert report.joined.startswith("RIGHT:" if takes_batches else "RIGHT for one sample at a time:")


@pytest.mark.parametrize(
    ("candidate", "options", "name"),
    [
        (changed(one_left_out), {}, "∂C/∂w²"),
        (changed(doubled), {}, "∂C/∂b⁴"),
        (last_alone, {}, "∂C/∂b⁴"),
        (changed(mean), {"reduction": "sum"}, "∂C/∂b⁴"),
        (whole, {"reduction": "mean"}, "∂C/∂b⁴"),
        (columns, {"reduction": "sum"}, "one column per sample"),
    ],
)
@pytest.mark.parametrize("flint", [True, False])
def test_what_is_wrong_on_batches_is_wrong(candidate, options, name, flint, monkeypatch):
    if not flint:
        monkeypatch.setitem(sys.modules, "compare.numbers.ball", None)
    report = check(candidate, X, Y, sizes=SIZES, **options)
    assert report.right is False and report.proved is not True, str(report)
    assert name in report.joined and "of a batch" in report.joined


@pytest.mark.parametrize("count", [2, 5])
def test_the_given_samples_are_asked_as_a_batch_too(count):
    x, y = np.random.RandomState(0).randn(2, count), np.full((1, count), 0.5)

    def at_that_count(change):
        return changed(lambda b, w, m: change(b, w, m) if m == count else (b, w))

    for change in (doubled, mean, one_left_out):
        report = check(at_that_count(change), x, y, sizes=SIZES)
        assert report.proved is True and report.right is False, str(report)
        assert f"but wrong in floats: of a batch of {count}, ∂C/∂" in report.joined
    for right in (whole, changed(mean), changed(rounded_mean), columns, first_alone, flat, raising):
        assert check(right, x, y, sizes=SIZES).right is True

    def none_of_that_count(weights, biases, x, y):
        assert x.shape[1] != count, "not so many"
        return whole(weights, biases, x, y)

    report = check(none_of_that_count, x, y, sizes=SIZES)
    assert report.right is None and f"of a batch of {count}: " in report.joined and "not so many" in report.joined


def test_the_first_sample_for_b_beside_the_sum_for_w_is_not_right():
    def half(weights, biases, x, y):
        return first_alone(weights, biases, x, y)[0], whole(weights, biases, x, y)[1]

    report = check(half, X, Y, sizes=SIZES)
    assert report.right is None and report.proved is True
    assert "wrong for batches: their samples are summed in ∂C/∂w, and left out of ∂C/∂b" in report.joined
    assert check(half, X, Y, sizes=SIZES, reduction="sum").right is False


def test_what_saturated_floats_do_not_show_of_batches_the_proof_does():
    weights = [np.full((3, 2), 300.0), np.full((3, 3), 300.0), np.full((1, 3), 300.0)]
    options = {"weights": weights, "biases": [np.zeros((len(w), 1)) for w in weights]}
    report = check(whole, X, Y, **options)
    assert "does not show in floats" in report.floats.batch and "whose samples are summed" in report.reason
    assert report.joined == "RIGHT: proved as an identity, and right in floats."
    assert check(columns, X, Y, **options).joined.startswith("RIGHT for one sample at a time: ")


def test_a_batch_that_differs_over_the_field_alone_is_not_proved():
    def tiny(b, w, m):
        return b, [v * (1 + 2.0**-40 * (m > 1)) if v.dtype == object else v for v in w]

    report = check(changed(tiny), X, Y, sizes=SIZES)
    assert report.proved is None and report.right is None and report.floats.holds is True


def test_a_batch_that_raises_where_one_was_declared_is_not_decided():
    report = check(raising, X, Y, sizes=SIZES, reduction="mean")
    assert report.right is None and "one sample, please" in report.joined
    with pytest.raises(ValueError, match="reduction: expected 'sum', 'mean' or None"):
        check(whole, X, Y, sizes=SIZES, reduction="max")


# -- other sizes -------------------------------------------------------------------------------------


class Sized:
    """A class that takes sizes."""

    shift = 0

    def __init__(self, sizes, scale=1.0):
        rng = np.random.RandomState(1)
        self.sizes, self.scale = sizes, scale
        self.weights = [rng.randn(n, m) for m, n in zip(sizes, sizes[1:], strict=False)]
        self.biases = [rng.randn(n, 1) for n in sizes[1:]]

    def backprop(self, x, y):
        return whole(self.weights, self.biases, x, y)


class TwoLayers(Sized):
    """Right for two layers of weights: W of the last layer is used for all."""

    def backprop(self, x, y):
        weights = self.weights
        a = [x]
        for w, b in zip(weights, self.biases, strict=True):
            a.append(sigmoid(w @ a[-1] + b))
        deltas = [(a[-1] - y) * a[-1] * (1 - a[-1])]
        for i in range(len(weights) - 1, 0, -1):
            back = weights[-1].T @ deltas[-1]
            deltas.insert(0, np.resize(back, a[i].shape) * a[i] * (1 - a[i]))
        both = zip(deltas, a[:-1], strict=True)
        return [d.sum(axis=1, keepdims=True) for d in deltas], [d @ below.T for d, below in both]


def test_a_class_is_asked_at_sizes_of_its_own_and_at_others():
    for candidate, options in ((Sized, {"sizes": [2, 3, 1]}), (Sized([2, 3, 1]), {})):
        report = check(candidate, X, Y, **options)
        assert report.right is True and report.others.sizes == (2, 4, 5, 3, 1) and report.others.holds is True
        wrong = check(TwoLayers if options else TwoLayers([2, 3, 1]), X, Y, **options)
        assert wrong.proved is True and wrong.right is False and "at 2-4-5-3-1" in wrong.joined, str(wrong)
    with pytest.raises(ValueError, match="sizes: needed for the class Sized"):
        check(Sized, X, Y)


def test_a_function_that_fixes_its_layers_is_right_and_the_limit_said():
    def two(weights, biases, x, y):
        network = TwoLayers([2, 3, 1])
        network.weights, network.biases = weights, biases
        return network.backprop(x, y)

    def unpacked(weights, biases, x, y):
        (_, _), (_, _) = weights, biases
        return whole(weights, biases, x, y)

    assert "RIGHT for the layers 2-3-1 alone: proved" in repr(check(two, X, Y, sizes=[2, 3, 1]))
    for candidate in (two, unpacked):
        report = check(candidate, X, Y, sizes=[2, 3, 1])
        assert report.right is True and "2-3-1 alone" in str(report)


def test_what_is_said_of_other_sizes_is_true_whatever_the_verdict_at_the_given_ones():
    def wrong_unless(layers):
        def backprop(weights, biases, x, y):
            b, w = whole(weights, biases, x, y)
            return b, [v if len(w) == layers else 2 * v for v in w]

        return backprop

    everywhere, here = (check(wrong_unless(n), X, Y, sizes=[2, 3, 1]) for n in (0, 4))
    for report in (everywhere, here):
        assert report.right is False and "right for" not in str(report).lower() and "right too" not in str(report)
    assert "it was asked at other layers, too: at 2-4-5-3-1 ∂C/∂w⁵₁₁ is" in everywhere.others.said
    assert here.others.said == "at 2-4-5-3-1 it is right, in floats"


def test_an_object_that_was_set_by_hand_is_not_judged_by_its_class():
    class Other(Sized):
        sigma = "sigmoid"

        def backprop(self, x, y):
            if self.sigma == "tanh":
                return whole(self.weights, self.biases, x, y, np.tanh, lambda z, a: 1 - a * a)
            return super().backprop(x, y)

    network = Other([2, 3, 1])
    network.sigma = "tanh"
    report = check(network, X, Y, activation="tanh")
    assert report.right is True and report.others.said == "it was asked at 2-3-1 alone"


# -- floats ------------------------------------------------------------------------------------------


def test_results_are_copied_before_the_candidate_writes_into_them_again():
    buffers = {}

    def backprop(weights, biases, x, y):
        found = whole(weights, biases, x, y)
        if x.dtype == object:
            return found
        for g, group in enumerate(found):
            for i, array in enumerate(group):
                buffers.setdefault((g, i), np.empty(array.shape))[...] = array
        return tuple([buffers[g, i] for i in range(len(weights))] for g in (0, 1))

    x, y = np.hstack([X, -X]), np.hstack([Y, Y])
    network = Sized(SIZES)
    report = check(backprop, x, y, weights=network.weights, biases=network.biases)
    assert report.right is True and report.max_ulps < 100 and report.notes == ()


def lost_in_a_large_sum(b, w, m):
    return [(v + 1e20) - 1e20 for v in b], w


def by_type(b, w, m):
    return b, [v if v.dtype == object else -v for v in w]


def test_an_identity_whose_floats_are_wrong_is_not_right():
    for change in (lost_in_a_large_sum, by_type):
        report = check(changed(change), X, Y, sizes=SIZES)
        assert report.proved is True and report.floats.holds is False and report.right is False
        assert "WRONG: proved as an identity, but wrong in floats" in str(report)
        assert report.to_dict()["right"] is False and report.to_dict()["floats"]["holds"] is False


def test_differences_with_a_step_that_rounding_swallows_are_wrong():
    def differences(weights, biases, x, y):
        return whole(weights, biases, x, y, lambda z: z, lambda z, a: ((z + 1e-20) - z) / 1e-20)

    report = check(differences, X, Y, sizes=[2, 3, 1], activation="identity")
    assert report.proved is not False and report.floats.holds is False and report.right is False


def test_exp_that_overflows_is_wrong_at_the_samples_where_it_does():
    def backprop(weights, biases, x, y):
        return whole(weights, biases, x, y, lambda z: np.exp(z) / (1 + np.exp(z)))

    network = Sized([2, 3, 1])
    right = check(backprop, X, Y, weights=network.weights, biases=network.biases)
    assert right.right is True
    large = check(backprop, 1e4 * X, Y, weights=network.weights, biases=network.biases)
    assert large.proved is True and large.right is False and "nan" in large.joined


@pytest.mark.parametrize("scale", [1, 5, 20])
def test_other_writings_of_sigma_are_right_in_floats_also_where_they_lose_digits(scale):
    writings = (
        lambda z: 1 - 1 / (1 + np.exp(z)),
        lambda z: 0.5 * (1 + np.tanh(z / 2)),
        lambda z: np.exp(z) / (1 + np.exp(z)),
    )
    for sigma in writings:
        def backprop(weights, biases, x, y, sigma=sigma):
            return whole(weights, biases, x, y, sigma)

        network = Sized(SIZES)
        report = check(backprop, scale * X, Y, weights=network.weights, biases=network.biases)
        assert report.floats.holds is True and report.right is not False, str(report)


def test_code_that_runs_on_floats_alone_is_held_to_the_bound():
    def floats(factor):
        def backprop(weights, biases, x, y):
            b, w = whole(weights, biases, x.astype(float), y.astype(float))
            return b, [factor * v for v in w]

        return backprop

    report = check(floats(1), X, Y, sizes=SIZES)
    assert report.right is None and report.floats.holds is True and "NOT DECIDED" in report.joined
    assert check(floats(1 + 1e-9), X, Y, sizes=SIZES).right is False


def test_relu_at_its_kink_accuses_nobody():
    def backprop(weights, biases, x, y):
        return whole(weights, biases, x, y, lambda z: np.maximum(z, 0), lambda z, a: (z >= 0) * 1.0)

    weights, biases = [np.ones((2, 2)), np.ones((1, 2))], [np.zeros((2, 1)), np.zeros((1, 1))]
    report = check(backprop, np.zeros((2, 1)), [[1.0]], activation="relu", weights=weights, biases=biases)
    assert report.right is None and "at the kink" in report.floats.reason


def test_float32_inside_is_wrong_and_its_size_said():
    def narrow(b, w, m):
        return b, [v if v.dtype == object else v.astype(np.float32).astype(np.float64) for v in w]

    assert ", that of float32 one of " in check(changed(narrow), X, Y, sizes=SIZES).joined
    assert "float32" not in check(changed(by_type), X, Y, sizes=SIZES).joined


def test_sys_exit_is_a_finding():
    def exiting(weights, biases, x, y):
        sys.exit("no gradients today")

    report = check(exiting, X, Y, sizes=SIZES)
    assert report.right is None and "SystemExit: no gradients today" in report.failure


def test_float32_is_not_judged_and_said():
    def backprop(weights, biases, x, y):
        return tuple([v.astype(np.float32) for v in group] for group in whole(weights, biases, x, y))

    report = check(backprop, X, Y, sizes=SIZES)
    assert report.right is None and "float32" in report.joined


@pytest.mark.parametrize("shortcut", [True, False])
def test_cross_entropy_with_and_without_the_short_cut_holds_in_floats(shortcut):
    def backprop(weights, biases, x, y):
        first = []

        def prime(z, a):
            if first:
                return a * (1 - a)
            first.append(1)
            return 1 if shortcut else a * (1 - a) / (a * (1 - a))

        return whole(weights, biases, x, y, sigmoid, prime)

    report = check(backprop, X, Y, sizes=SIZES, cost="cross_entropy")
    assert report.right is True, str(report)


def test_a_function_that_remembers_is_wrong_and_breaks_nothing():
    total = []

    def backprop(weights, biases, x, y):
        b, w = whole(weights, biases, x, y)
        total[:] = [p + q for p, q in zip(total, b + w, strict=True)] if total else b + w
        return total[: len(b)], total[len(b) :]

    report = check(backprop, X, Y, sizes=SIZES)
    assert report.right is False and any("two calls" in note for note in report.notes)
