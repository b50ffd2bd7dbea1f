"""Each layer is proved by a lemma of its own, and planted mistakes are refuted."""

import numpy as np
import pytest

from compare.checking.lemmas import lemma, lemmas
from compare.comparison.layer_trials import KINDS
from explicit.layers import Attention, BatchNorm, Conv2d, Dense, LayerNorm, LSTMCell, Softmax, equation
from explicit.layers.layer import down, nothing


@pytest.mark.parametrize("name", KINDS)
def test_every_layer_is_proved(name):
    found = lemmas(*KINDS[name](np.random.default_rng(0)))
    assert found and all(one.proved for one in found), [str(one) for one in found if not one.proved]


def test_equal_uses_share_a_lemma():
    model, inputs = KINDS["lstm"](np.random.default_rng(0))
    assert [one.kind for one in lemmas(model, inputs)] == ["lstmcell", "dense", "quadratic"]


def zeros(*shape):
    return np.zeros((*shape, 2))


class Diagonal(Softmax):
    @equation("S", "nothing")
    def total(self, at):
        pass


class WithoutMean(LayerNorm):
    @equation("a", "∂C/∂a = δˣ")
    def bp2(self, at):
        at.d.a += at.delta_x


class WithoutRoot(LayerNorm):
    @equation("r", "nothing")
    def radius(self, at):
        pass


class ClosedForm(LayerNorm):
    """The closed form of textbooks, δ of μ and r inside."""

    makes = ("xhat", "y")

    @equation("a", "∂C/∂a = (δ̂ − mean δ̂ − x̂ mean(δ̂ x̂))/r")
    def bp2(self, at):
        def mean(v):
            return sum(v[part] for part in self.parts(at)) / len(self.parts(at))

        at.d.a += (at.d.xhat - mean(at.d.xhat) - at.xhat * mean(at.d.xhat * at.xhat)) / at.r


class NotTurned(Conv2d):
    @equation("a", "∂C/∂a = δ ∗ W")
    def bp2(self, at):
        counts, wide = at.z.shape[1:-1], nothing(at.padded.shape, at.d.z.dtype)
        for o in down(self.outputs):
            for r, s in self.windows.taps():
                turned = at.W[o, :, -1 - r, -1 - s][:, None, None, None]
                wide[:, *self.windows.of_tap((r, s), counts)] += at.d.z[o] * turned
        at.d.a += wide[:, *self.windows.inside(at.a.shape[1:-1])]


class Unscaled(Attention):
    @equation("s", "δˢ = δᵉ e √w")
    def scores(self, at):
        at.d.s += at.d.e * at.e * 2


class ForgetsCell(LSTMCell):
    @equation("c", "nothing")
    def bp2_c(self, at):
        pass


class Unscaled10001(Dense):
    @equation("b", "1.001 Σ δ")
    def bp3(self, at):
        at.d.b.add(at.d.z * 1.001)


@pytest.mark.parametrize(
    ("layer", "read", "wrong"),
    [
        (Diagonal(), {"z": zeros(4)}, "it.S"),
        (WithoutMean(3), {"a": zeros(3)}, "in0"),
        (WithoutRoot(3), {"a": zeros(3)}, "it.r"),
        (NotTurned(2, 2, 2), {"a": zeros(2, 3, 3)}, "in0"),
        (Unscaled(2), {q: zeros(3, 4) for q in "qkv"}, "it.s"),
        (ForgetsCell(2, 3), {"x": zeros(2), "h": zeros(3), "c": zeros(3)}, "in2"),
        (Unscaled10001(2, 3), {"a": zeros(2)}, "∂C/∂it.b"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_planted_mistake_is_refuted_at_the_first_point(layer, read, wrong):
    found = lemma(layer, read)
    assert not found.proved and found.points == 1 and wrong in found.different
    assert "REFUTED" in str(found)


def test_a_closed_form_is_proved_too():
    right = ClosedForm(3)
    assert [e for e in right.equations if "mu" in e.quantities or "r" in e.quantities] == []
    assert lemma(right, {"a": zeros(3)}).proved


def test_a_name_that_is_read_three_times():
    attention = Attention(heads=2)
    assert lemma(attention, {q: zeros(3, 4) for q in "qkv"}, same=[0, 0, 0]).proved


def test_batch_norm_couples_its_samples():
    class EachByItself(BatchNorm):
        @equation("mu", "nothing")
        def mean(self, at):
            LayerNorm.mean.run(self, at)
            at.d.mu[...] = 0

    assert lemma(BatchNorm(2), {"a": zeros(2)}).proved
    assert not lemma(EachByItself(2), {"a": zeros(2)}).proved
