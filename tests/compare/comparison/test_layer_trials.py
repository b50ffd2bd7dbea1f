"""Every kind of layer: all that it makes has the δ that reverse mode finds, in bits."""

import numpy as np
import pytest

from compare.comparison import layer_trials
from compare.comparison.layer_trials import KINDS, sides, trial
from compare.comparison.models import adjoints_of
from engine import Value
from explicit.layers import Dense, Sigma, Softmax, equation
from explicit.layers.softmax import Softmax as RightSoftmax
from explicit.model import Model


@pytest.mark.parametrize("name", KINDS)
def test_every_number_has_the_adjoints_bits(name):
    found = trial(name, cases=10, seed=1)
    assert found.numbers > 300 and found.different == 0


@pytest.mark.parametrize("name", KINDS)
def test_no_array_that_a_layer_makes_is_left_uncompared(name):
    model, inputs = KINDS[name](np.random.default_rng(0))
    compared = sides(model, inputs)
    for use in model.uses:
        for made in use.layer.makes:
            values = model.forward(inputs)[f"{use.name}.{made}"]
            adjoints, _ = adjoints_of(model, inputs)
            nodes = sum(a is not None for a in adjoints[f"{use.name}.{made}"].flat)
            assert compared[f"{use.name}.{made}"].size == nodes
            # Another name has the node, or it is no node: above the diagonal of attention, targets' share of one.
            assert nodes == values.size or use.layer.kind in ("attention", "flatten", "concat"), (use.name, made)
    assert {f"∂C/∂{name}" for name in model.parameters} <= set(compared)


@pytest.mark.parametrize("name", ["residual", "lstm", "rnn, readouts at the end", "gpt block", "conv2d"])
def test_without_anchors_the_order_is_another(name, monkeypatch):
    backward = Value.backward
    monkeypatch.setattr(Value, "backward", lambda self, seed=None, after=(): backward(self, seed))
    assert trial(name, cases=10, seed=1).different > 0


def test_a_wrong_equation_is_caught(monkeypatch):
    class Diagonal(RightSoftmax):
        @equation("e", "δᵉ = δᵖ/S")
        def exponentials(self, at):
            at.d.e += at.d.p * (1 / at.S)

    class Slightly(RightSoftmax):
        @equation("z", "δᶻ = 1.001 δᵉ ⊙ e")
        def bp2(self, at):
            at.d.z += at.d.e * at.e * 1.001

    for wrong in (Diagonal, Slightly):
        make = layer_trials._sequence((4,), (3,), Dense(4, 3), wrong())
        monkeypatch.setitem(KINDS, "wrong", make)
        assert trial("wrong", cases=1).different > 0


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="name: unknown kind 'conv9d'"):
        trial("conv9d")


def test_infinities_and_nan_compare_equal():
    model = Model([Dense(2, 2), Sigma("relu"), Dense(2, 3), Softmax()])
    for value in (1e308, -1e308, 5e-324, -0.0):
        x = np.array([[value], [0.5]])
        found = sides(model, {"x": x, "y": np.array([[1.0], [0.0], [0.0]])})
        assert all(equal.all() for equal in found.values())
