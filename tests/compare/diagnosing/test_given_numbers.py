"""δ and gradients as numbers: how the samples of a batch were put together, and in which shapes they come."""

from contextlib import suppress

import numpy as np
import pytest

from compare.diagnosing.diagnose import diagnose
from compare.mistakes import catalogue, mistaken
from compare.mistakes.slots import SLOTS
from explicit import Network

SIZES, M = [3, 4, 2], 5
RANDOM = np.random.RandomState(0)
X, Y = RANDOM.randn(3, M), RANDOM.uniform(0.1, 0.9, (2, M))


def network():
    return Network(SIZES, seed=1)


def found(given, x=X, y=Y, **options):
    of = network()
    return diagnose(given, x, y, **{"weights": of.weights, "biases": of.biases, **options})


def names(diagnosis):
    assert not diagnosis.unexplained
    return [m.name for m in diagnosis.mistakes]


def divided(record, b, w=None):
    return [g / b for g in record.nabla_b], [g / (w or b) for g in record.nabla_w]


RIGHT = network().backprop(X, Y)
LAST = network().backprop(X[:, -1:], Y[:, -1:])
MEAN = network().backprop(X.mean(axis=1, keepdims=True), Y.mean(axis=1, keepdims=True))


@pytest.mark.parametrize("declared", [None, "sum", "mean"])
def test_columns_of_bias_gradients_are_not_summed(declared):
    m = M if declared == "mean" else 1
    given = [d / m for d in RIGHT.deltas], divided(RIGHT, m)[1]
    assert names(found(given, reduction=declared)) == ["bias-not-summed-over-batch"]
    one = [RIGHT.deltas[0], RIGHT.nabla_b[1]], RIGHT.nabla_w  # in one layer alone
    assert names(found(one)) == ["bias-not-summed-over-batch"]
    both = RIGHT.deltas, divided(RIGHT, M)[1]
    assert names(found(both)) == ["bias-not-summed-over-batch"]  # the division went with the sum


@pytest.mark.parametrize("flat", [False, True])
def test_of_one_sample_delta_is_the_bias_gradient(flat):
    deltas = [d[:, 0] if flat else d for d in LAST.deltas]
    assert found((deltas, LAST.nabla_w), X[:, -1:], Y[:, -1:]).right


def test_deltas_of_a_mean():
    deltas = [d / M for d in RIGHT.deltas]
    assert found(deltas, reduction="mean").right and found(RIGHT.deltas, reduction="mean").right
    assert "δ is divided by the number of samples" in found(deltas).notes[0] and found(deltas).right
    assert names(found(deltas, reduction="sum")) == ["mean-for-sum"]
    wrong = mistaken(network(), "sigma-prime-of-a").backprop(X, Y)
    assert names(found([d / M for d in wrong.deltas], reduction="mean")) == ["sigma-prime-of-a"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (divided(RIGHT, M, 1), "reductions-differ"),
        (divided(RIGHT, 1, M), "reductions-differ"),
        (divided(RIGHT, M**2), "averaged-twice"),
        ((LAST.nabla_b, LAST.nabla_w), "last-sample-only"),
        (divided(LAST, M), "last-sample-only"),
        ((MEAN.nabla_b, MEAN.nabla_w), "activations-averaged"),
        (divided(MEAN, 1 / M), "activations-averaged"),
    ],
)
def test_how_a_batch_is_put_together(given, name):
    assert names(found(given)) == [name]
    assert name in names(found(given, reduction="mean"))
    assert names(found(given[1])) == ([name] if name != "reductions-differ" else [])


def test_activations_averaged_layer_by_layer():
    wrong = mistaken(network(), "activations-averaged").backprop(X, Y)
    assert names(found((wrong.nabla_b, wrong.nabla_w))) == ["activations-averaged"]


def test_a_mistake_of_the_batch_beside_one_of_the_equations():
    wrong = mistaken(network(), "sigma-prime-of-a").backprop(X, Y)
    assert names(found(divided(wrong, M**2))) == ["sigma-prime-of-a", "averaged-twice"]


def test_what_comes_of_several_mistakes_is_a_note():
    two = network().backprop(X[:, :2], Y[:, :2])  # 1/m² is half the mean
    diagnosis = found(divided(two, 4), X[:, :2], Y[:, :2])
    assert names(diagnosis) == ["averaged-twice"]
    assert "the same numbers come from factor-half" in diagnosis.notes


def equations():
    """The mistakes in the equations that can be made in the network."""
    for record in catalogue.values():
        if record.slot in SLOTS and not record.parts and record.equation != "update":
            with suppress(ValueError):
                mistaken(network(), record.name)
                yield record.name


@pytest.mark.parametrize("samples", [1, M])
@pytest.mark.parametrize("name", list(equations()))
def test_every_mistake_in_the_equations_is_named(name, samples):
    x, y = X[:, :samples], Y[:, :samples]
    wrong = mistaken(network(), name).backprop(x, y)
    assert name in names(found((wrong.nabla_b, wrong.nabla_w), x, y))


@pytest.mark.parametrize("layout", ["both", "samples", "weights"])
def test_rows_are_turned(layout):
    samples, weights = layout != "weights", layout != "samples"
    of = network()
    x, y = (X.T, Y.T) if samples else (X, Y)

    def ws(arrays):
        return [w.T for w in arrays] if weights else arrays

    for bs in (lambda arrays: [b[:, 0] for b in arrays], lambda arrays: [b.T for b in arrays]):
        parameters = {"weights": ws(of.weights), "biases": [b[:, 0] for b in of.biases]}
        said = found((bs(RIGHT.nabla_b), ws(RIGHT.nabla_w)), x, y, **parameters) if weights else None
        assert said is None or (said.right and "W is (inputs, units)" in said.notes[0])
    columns = [d.T for d in RIGHT.deltas] if samples else RIGHT.deltas
    assert found(columns, x, y, **parameters).right
    assert found(ws(RIGHT.nabla_w), x, y, **parameters).right
    assert found(([b[:, 0] for b in RIGHT.nabla_b], ws(RIGHT.nabla_w)), x, y, **parameters).right
    assert names(found((columns, ws(RIGHT.nabla_w)), x, y, **parameters)) == ["bias-not-summed-over-batch"]
    wrong = mistaken(of, "sigma-prime-twice").backprop(X, Y)
    given = [b[:, 0] for b in wrong.nabla_b], ws(wrong.nabla_w)
    assert names(found(given, x, y, **parameters)) == ["sigma-prime-twice"]


@pytest.mark.long
def test_rows_of_square_shapes():
    square = Network([3, 3, 3], seed=2)
    x, y = X[:, :3], RANDOM.uniform(0.1, 0.9, (3, 3))
    record = square.backprop(x, y)
    parameters = {"weights": [w.T for w in square.weights], "biases": [b[:, 0] for b in square.biases]}
    given = [b[:, 0] for b in record.nabla_b], [w.T for w in record.nabla_w]
    assert diagnose(given, x.T, y.T, **parameters).right


@pytest.mark.parametrize("first", [False, True])
def test_folded_biases_are_unfolded(first):
    def join(weights, biases):
        return [np.hstack([b, w] if first else [w, b]) for w, b in zip(weights, biases, strict=True)]

    of = network()
    parameters = {"weights": join(of.weights, of.biases), "biases": None}
    said = found(join(RIGHT.nabla_w, RIGHT.nabla_b), **parameters)
    assert said.right and f"its {'first' if first else 'last'} column" in said.notes[0]
    wrong = mistaken(of, "bias-halved").backprop(X, Y)
    assert names(found(join(wrong.nabla_w, wrong.nabla_b), **parameters)) == ["bias-halved"]
    assert found(RIGHT.deltas, **parameters).right


def test_the_order_of_the_pair_is_a_note():
    said = found((RIGHT.nabla_w, RIGHT.nabla_b))
    assert said.right and said.notes[0].startswith("it is (nabla_w, nabla_b)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (RIGHT.deltas[:1], "candidate: expected δ of shapes"),
        ([d.T for d in RIGHT.deltas], "candidate: expected δ of shapes"),
        (([b[:1, 0] for b in RIGHT.nabla_b], [w[:1] for w in RIGHT.nabla_w]), "candidate: expected"),
        ([["a"], ["b"]], "candidate: expected lists of arrays of floats"),
        ([], "candidate: expected δ of shapes"),
    ],
)
def test_other_shapes_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        found(given)


def test_parameters_are_needed():
    with pytest.raises(TypeError, match="weights, biases: needed"):
        found(RIGHT.deltas, biases=None)
    with pytest.raises(TypeError, match="weights, biases: needed"):
        found(RIGHT.deltas, weights=None)


def test_odd_shapes_of_bias_gradients_are_described():
    given = [b[:1] * np.ones((1, 2)) for b in RIGHT.nabla_b], RIGHT.nabla_w
    assert "its shape is (1, 2)" in " ".join(found(given).unexplained)


def test_a_mean_that_no_record_explains_is_compared_as_a_mean():
    nabla_b, nabla_w = divided(RIGHT, M)
    said = found((nabla_b, [w * (1 + 0.01 * np.cos(w)) for w in nabla_w]), reduction="mean")
    assert [u.split(":")[0] for u in said.unexplained] == ["BP4 at layer 3", "BP4 at layer 2"]
    instead = said.unexplained[0].split("instead of ")[1]
    assert instead in [f"{g:.6g}" for g in (RIGHT.nabla_w[1] / M).flat]
