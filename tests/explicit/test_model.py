"""Models: uses with names, shapes, parameters, records."""

import numpy as np
import pytest

from explicit import Network
from explicit.layers import (
    Add,
    BatchNorm,
    Conv2d,
    Dense,
    Embedding,
    Flatten,
    Hinge,
    LSTMCell,
    MaxPool2d,
    Quadratic,
    Sigma,
)
from explicit.model import Model, Use


def small(**options):
    return Model([Dense(2, 3), Sigma("tanh"), Dense(3, 1), Sigma("sigmoid")], **options)


X, Y = np.array([[0.5, -0.25], [-1.0, 2.0]]), np.array([[1.0, 0.0]])


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_the_books_network_is_a_model(cost):
    network = Network([2, 3, 1], activation=["tanh", "sigmoid"], cost=cost, seed=3)
    model = small(cost=cost)
    for i, name in enumerate(("dense1", "dense2")):
        model.parameters[f"{name}.W"] = network.weights[i]
        model.parameters[f"{name}.b"] = network.biases[i][:, 0]
    book, record = network.backprop(X, Y), model.backprop(X, Y)
    for i, name in enumerate(("dense1", "dense2")):
        assert book.deltas[i].tobytes() == record.deltas[f"{name}.z"].tobytes()
        assert book.nabla_w[i].tobytes() == record.gradients[f"{name}.W"].tobytes()
        assert book.nabla_b[i][:, 0].tobytes() == record.gradients[f"{name}.b"].tobytes()
    assert book.costs.tobytes() == record.costs.tobytes() and book.cost == record.cost


def test_a_record_names_everything():
    record = small().backprop(X, Y)
    assert list(record.values) == ["x", "y", "dense1.z", "tanh1.a", "dense2.z", "sigmoid1.a", "cost.C"]
    assert record.made_by["sigmoid1.a"] == ("BP1 quadratic",)
    assert record.made_by["dense2.z"] == ("BP2 sigmoid",)
    assert record.made_by["x"] == ("BP2 dense",)
    assert "y" not in record.deltas
    assert {n: g.shape for n, g in record.gradients.items()} == {
        "dense1.W": (3, 2), "dense1.b": (3,), "dense2.W": (1, 3), "dense2.b": (1,),
    }  # fmt: skip


def test_a_name_that_is_read_twice_has_both_readers():
    uses = [Use(Dense(2, 2), "d", ("x",)), Use(Dense(2, 2), "f"), Use(Add(), "sum", ("d", "f"))]
    record = Model(uses).backprop(X, np.zeros((2, 2)))
    assert record.made_by["d.z"] == ("BP2 add", "BP2 dense")


def test_a_sequence_of_other_layers():
    layers = [Conv2d(1, 3, kernel=3, padding=1), Sigma("relu"), MaxPool2d(2), Flatten(), Dense(48, 10)]
    model = Model(layers, cost="softmax_cross_entropy", seed=0)
    record = model.backprop(np.ones((1, 8, 8, 2)), np.eye(10)[:, :2])
    assert record.deltas["conv2d1.z"].shape == (3, 8, 8, 2) and record.costs.shape == (2,)
    again = Model(layers, cost="softmax_cross_entropy", seed=0)
    assert all((model.parameters[n] == again.parameters[n]).all() for n in model.parameters)


def test_parameters_are_copied_and_checked():
    model = small()
    given = {name: np.ones_like(p) for name, p in model.parameters.items()}
    model.parameters = given
    given["dense1.W"][0, 0] = 7.0
    assert model.parameters["dense1.W"][0, 0] == 1.0
    with pytest.raises(ValueError, match=r"parameters: expected dense1.W, dense1.b"):
        model.parameters = {"W": np.ones((3, 2))}
    with pytest.raises(ValueError, match=r"parameters\['dense1.W'\]: expected shape \(3, 2\), got \(2, 3\)"):
        model.parameters = given | {"dense1.W": np.ones((2, 3))}
    with pytest.raises(ValueError, match="finite"):
        model.parameters = given | {"dense1.b": np.full(3, np.nan)}


@pytest.mark.parametrize(
    ("layers", "x", "message"),
    [
        ([Dense(2, 3), Dense(4, 1)], (2,), r"dense2, which reads dense1.z: expected 4 features .* got shape \(3,\)"),
        ([Conv2d(2, 1, 2)], (1, 4, 4), r"conv2d1, which reads x: expected \(2, H, W\), got shape \(1, 4, 4\)"),
        ([Conv2d(1, 1, 2, stride=2)], (1, 5, 5), r"leaves the last 1 of 5 places unread; crop them, or pad"),
        ([Conv2d(1, 1, 6)], (1, 5, 5), r"expected at least 6 places for a window of 6, got 5"),
        ([MaxPool2d(2)], (1, 3, 3), r"maxpool2d1, which reads x: .*unread"),
    ],
)
def test_shapes_that_do_not_fit_name_both_layers(layers, x, message):
    with pytest.raises(ValueError, match=message):
        Model(layers).backprop(np.ones((*x, 1)), np.ones((1, 1)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Model([Dense(2, 1)], cost="quadratik"), "cost: unknown name 'quadratik'; known: quadratic, "),
        (lambda: Model([Dense(2, 1)], cost=None), "cost: expected a cost"),
        (lambda: Model([Use(Dense(2, 1), "a"), Use(Dense(1, 1), "a")]), "a name of its own"),
        (lambda: Model([Use(Dense(2, 1), "a", ("b.z",))]), "reads 'b.z', which no use before it makes"),
        (lambda: Model([Use(Dense(2, 1), "a", ("x",), {"V": "W"})]), "its parameters are W, b, got V"),
        (lambda: Model([Use(LSTMCell(2, 1), "a")]), "expected reads for x, h, c"),
        (
            lambda: Model([Use(Dense(2, 3), "a", ("x",), {"W": "W"}), Use(Dense(3, 2), "b", (), {"W": "W"})]),
            r"b: parameter 'W' has shape \(3, 2\) elsewhere, here \(2, 3\)",
        ),
        (lambda: Conv2d(1, 1, 2, stride=0), "stride: expected an int ≥ 1, got 0"),
        (lambda: Conv2d(1, 1, (2, 2, 2)), "kernel: expected an int or 2 of them"),
    ],
)
def test_what_cannot_be_a_model_says_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    with pytest.raises(TypeError, match="layers: expected layers or uses"):
        Model(["dense"])


def test_bad_numbers_are_named():
    with pytest.raises(ValueError, match="'y' is missing"):
        small().backprop(X)
    with pytest.raises(ValueError, match=r"tokens: expected ints from 0 to 4, got 5.0 at \[1, 0\]"):
        Model([Use(Embedding(5, 2), "e", ("tokens",))]).backprop(tokens=[[0], [5]], y=np.ones((2, 2, 1)))
    with pytest.raises(ValueError, match="batch norm: expected at least two samples"):
        Model([BatchNorm(2)]).backprop(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="class numbers from 0 to 2, got 3.0 in sample 0"):
        Model([Dense(2, 3)], cost=Hinge()).backprop(X, [[3, 0]])


def test_several_costs_are_added():
    uses = [
        Use(Dense(2, 1), "a", ("x",)),
        Use(Quadratic(), "one", ("a", "y")),
        Use(Quadratic(), "two", ("a", "y")),
    ]
    both = Model(uses, cost=None).backprop(X, Y)
    once = Model(uses[:2], cost=None).backprop(X, Y)
    assert (both.costs == 2 * once.costs).all() and (both.deltas["a.z"] == 2 * once.deltas["a.z"]).all()
