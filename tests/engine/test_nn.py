import random

import pytest

from engine import Value, grad
from engine.nn import MLP, Layer, Module, Neuron
from engine.ops import TABLE
from engine.reverse import nodes


@pytest.fixture(autouse=True)
def seed():
    random.seed(5)


def test_a_neuron_sums_from_the_bias_left_to_right():
    n = Neuron(3, activation="tanh")
    n.b.data = 0.1
    x = [0.3, -0.7, 0.9]
    a = n(x)
    z = ((n.b.data + n.w[0].data * x[0]) + n.w[1].data * x[1]) + n.w[2].data * x[2]
    assert n.z.data.hex() == z.hex() and a.parents == (n.z,) and a._op == "tanh"


def test_every_one_parent_row_is_an_activation():
    for name in [name for name, op in TABLE.items() if op.dy is None]:
        n = Neuron(1, activation=name)
        n.w[0].data = 1.0
        assert n([0.5]).data == getattr(Value(0.5), name)().data
    assert Neuron(1, activation="identity").nonlin is False
    assert Neuron(1, nonlin=False)([2.0])._op == "+"


def test_interface_is_micrograds():
    mlp = MLP(2, [16, 16, 1])
    assert isinstance(mlp, Module) and len(mlp.parameters()) == 337
    assert str(Neuron(2)) == "ReLUNeuron(2)" and str(Neuron(2, nonlin=False)) == "LinearNeuron(2)"
    assert str(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert str(MLP(1, [1])) == "MLP of [Layer of [LinearNeuron(1)]]"
    assert isinstance(mlp([1.0, 2.0]), Value) and isinstance(Layer(2, 2)([1.0, 2.0]), list)
    mlp([1.0, 2.0]).backward()
    assert any(p.grad for p in mlp.parameters())
    mlp.zero_grad()
    assert all(type(p.grad) is int and p.grad == 0 for p in mlp.parameters())


def test_pre_activations_are_kept_and_labelled():
    mlp = MLP(2, [3, 2], activation="sigmoid", output="tanh")
    assert mlp.z is None
    out = mlp([0.5, -1.0])
    assert [[z.label for z in layer] for layer in mlp.z] == [["z²₁", "z²₂", "z²₃"], ["z³₁", "z³₂"]]
    assert [a.label for a in out] == ["a³₁", "a³₂"] and out[1].parents == (mlp.z[1][1],)
    first = mlp.z[0][0]
    mlp([0.1, 0.1])
    assert mlp.z[0][0] is not first
    assert [p.label for p in mlp.layers[0].neurons[1].parameters()] == ["w²₂₁", "w²₂₂", "b²₂"]
    first, second = mlp([0.1, 0.1])
    assert {*mlp.z[0], mlp.z[1][0]} <= set(nodes(first)) and {*mlp.z[0], mlp.z[1][1]} <= set(nodes(second))


def test_adjoints_of_z_can_be_asked_for():
    mlp = MLP(2, [3, 1], activation="tanh")
    loss = (mlp([0.5, -1.0]) - 1) ** 2
    (output,) = mlp.z[1]
    assert grad(loss, output) == 2 * (output.data - 1)
    hidden = mlp.z[0][0]
    w = mlp.layers[1].neurons[0].w[0]
    a = hidden.tanh().data
    assert grad(loss, hidden) == 2 * (output.data - 1) * w.data * (1 - a * a)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Neuron(0), r"Neuron\(nin\): expected at least 1 input, got 0"),
        (lambda: Layer(2, 0), r"Layer\(nout\): expected at least 1 neuron, got 0"),
        (lambda: MLP(2, []), r"MLP\(nouts\): expected at least one layer"),
        (lambda: MLP(2, [1], output="selu"), r"one of .*tanh.*identity; got 'selu'"),
        (lambda: Neuron(2, activation="add"), r"got 'add'"),
        (lambda: Neuron(2)([1.0]), r"Neuron\(x\): expected 2 inputs, got 1"),
        (lambda: MLP(2, [1])([1.0, 2.0, 3.0]), r"expected 2 inputs, got 3"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
