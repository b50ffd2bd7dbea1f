"""Certificates: what holds is proved, and every wrong equation is refuted with a counter-example."""

import json
from fractions import Fraction

import numpy as np
import pytest

import explicit.network as textbook
from compare import mistaken, prove
from compare.mistakes import catalogue
from compare.numbers.field import Functions
from explicit import Network, bp1, bp2, bp3, bp4
from explicit.equations import equation

SIZES = [3, 4, 4, 4, 2]  # square layers: a W that is not transposed fits


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
@pytest.mark.parametrize("sizes", [[1, 1], [2, 3, 1], SIZES])
def test_the_four_equations_are_proved(sizes, cost):
    certificate = prove(sizes, cost=cost)
    layers, arguments = len(sizes) - 1, 3 * sum(sizes[1:])
    assert (certificate.samples, certificate.arguments, certificate.trials) == (3, arguments, 2)
    if cost == "quadratic":  # polynomials: the theorem's own degree, and nothing is divided by
        assert certificate.degree == 2 * layers + 1
        each = Fraction(2 * layers + 1, 2**61 - 1 - arguments * (arguments - 1))
        assert certificate.probability == each**2
    assert certificate.probability < Fraction(1, 2**100)
    shown = {(i.layer, i.equation): i.total for i in certificate.identities}
    for layer, (below, here) in enumerate(zip(sizes, sizes[1:], strict=False), start=2):
        assert shown[layer, "BP1" if layer == layers + 1 else "BP2"] == 2 * 3 * here
        assert shown[layer, "BP3"] == 2 * here
        assert shown[layer, "BP4"] == 2 * here * below


@pytest.mark.long
def test_the_bound_is_that_of_the_design_for_784_30_10():
    # d = 5, and 3 · 40 arguments of σ that were seen to be distinct.
    assert prove([784, 30, 10]).probability == Fraction(5, 2**61 - 1 - 120 * 119) ** 2


def test_a_network_is_proved_whatever_its_activations():
    assert prove(Network([2, 3, 3, 1], activation=["relu", "tanh", "softplus"])).proved


def test_the_same_seed_gives_the_same_certificate():
    assert prove([2, 3, 1], seed=4) == prove([2, 3, 1], seed=4)


def test_more_trials_where_less_risk_is_asked_for():
    assert prove([2, 3, 1], below=Fraction(1, 2**200)).trials == 4


def test_a_point_at_which_arguments_of_sigma_coincide_is_drawn_again(monkeypatch):
    class Twice(Functions):
        """At the first point every sample is the same: the same z."""

        def uniform(self):
            return 7 if self.first else super().uniform()

        def __init__(self, seed):
            super().__init__(seed)
            self.first = str(seed).endswith(" 0")

    monkeypatch.setattr("compare.checking.prove.Functions", Twice)
    assert prove([2, 3, 1]).proved


# Why they pass: what a certificate is about has no such mistake.
PASSES = {
    "tanh-prime-one-minus-a": "about the formula of one σ′; a certificate is about any σ",
    "sigmoid-prime-of-z": "as above",
    "relu-prime-at-zero": "as above",
    "sum-for-mean": "the sum is right",
    "regularisation-missing": "C without λ has no such term",
    "regularisation-doubled": "as above",
    "regularisation-on-biases": "as above",
    "updated-w": "is made in a training step, which has an η",
    "step-ascends": "as above",
    "eta-forgotten": "as above",
}


@pytest.mark.parametrize("name", list(catalogue))
def test_a_mistake_of_the_catalogue_is_not_proved(name):
    made = None
    for cost, activation in (("quadratic", "tanh"), ("cross_entropy", "sigmoid"), ("quadratic", "relu")):
        try:
            made = mistaken(Network([3, 3, 3, 3], activation, cost=cost), name)
        except ValueError:
            continue
        break
    if name == "float32-inside":
        with pytest.raises(TypeError, match="forces floats"):
            prove(made)
    elif name in PASSES:
        assert made is None or prove(made).proved  # None: cannot be made outside a training step
    else:
        certificate = prove(made)
        assert certificate.proved is False and certificate.counterexample is not None


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_what_an_object_remembers_is_proved_neither_fresh_nor_after_calls(calls):
    made = mistaken(Network([2, 3, 1]), "accumulated-over-calls")
    for _ in range(calls):
        made.backprop(np.ones((2, 2)), np.ones((1, 2)))
    certificate = prove(made)
    assert certificate.proved is False and certificate.counterexample is not None


@equation("BP1", "δᴸ = ∇ₐC")
def without_sigma_prime_1(grad_a, sigma_prime):
    return grad_a * 1


@equation("BP2", "δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹")
def without_sigma_prime_2(W, delta, sigma_prime, matmul=None):
    return bp2(W, delta, sigma_prime * 0 + 1)


@equation("BP2", "δˡ = (Wˡ⁺¹δˡ⁺¹) ⊙ σ′(zˡ)")
def not_transposed(W, delta, sigma_prime, matmul=None):
    return bp2(W.T if W.shape[0] == W.shape[1] else W, delta, sigma_prime)


@equation("BP2", "δˡ = −((Wˡ⁺¹)ᵀδˡ⁺¹) ⊙ σ′(zˡ)")
def wrong_sign(W, delta, sigma_prime, matmul=None):
    return -1 * bp2(W, delta, sigma_prime)


@equation("BP1", "δᴸ = −∇ₐC ⊙ σ′(zᴸ)")
def wrong_sign_1(grad_a, sigma_prime):
    return -1 * bp1(grad_a, sigma_prime)


@equation("BP2", "δˡ = (Wˡ⁺¹ summed over the wrong index) ⊙ σ′(zˡ)")
def wrong_index(W, delta, sigma_prime, matmul=None):
    return bp2(np.roll(W, 1, axis=0), delta, sigma_prime)


@equation("BP4", "∂C/∂wⱼₖ = aⱼδₖ")
def wrong_index_4(a, delta):
    return bp4(np.roll(a, 1, axis=0), delta)


@equation("BP3", "∂C/∂bⱼ = −δⱼ")
def wrong_sign_3(delta):
    return -1 * bp3(delta)


@equation("BP2", "δˡ = (1 + 10⁻⁹)((Wˡ⁺¹)ᵀδˡ⁺¹) ⊙ σ′(zˡ)")
def invisible(W, delta, sigma_prime, matmul=None):
    return bp2(W, delta, sigma_prime) * (1 + 2.0**-30)


WRONG = {
    "bp1": [without_sigma_prime_1, wrong_sign_1],
    "bp2": [without_sigma_prime_2, not_transposed, wrong_sign, wrong_index, invisible],
    "bp3": [wrong_sign_3],
    "bp4": [wrong_index_4],
}


def _planted(name, wrong, position):
    """The right equation with the wrong one in its place at one call: calls go from the last layer down."""
    right = getattr(textbook, name)
    calls = iter(range(1000))

    def planted(*args):
        return (wrong if next(calls) % _calls(name) == position else right)(*args[: _arity(name)])

    planted.tag, planted.formula = right.tag, right.formula
    return planted


def _calls(name):
    return {"bp1": 1, "bp2": 3, "bp3": 4, "bp4": 4}[name]


def _arity(name):
    return {"bp1": 2, "bp2": 3, "bp3": 1, "bp4": 2}[name]


@pytest.mark.parametrize(
    ("name", "wrong", "position"),
    [
        pytest.param(name, wrong, position, id=f"{wrong.__name__}-{position}")
        for name, wrongs in WRONG.items()
        for wrong in wrongs
        for position in range(_calls(name))
        if not (wrong is not_transposed and position == 0)  # W⁵ is 2×4: it does not fit untransposed
    ],
)
def test_a_wrong_equation_is_refuted_at_every_position(monkeypatch, name, wrong, position):
    monkeypatch.setattr(textbook, name, _planted(name, wrong, position))
    certificate = prove(SIZES)
    assert certificate.proved is False
    row = certificate.counterexample
    # bp1 and bp2 run from the output down; bp3 and bp4 over the layers in ascending order.
    layer = {"bp1": 5, "bp2": 4 - position}.get(name, 2 + position)
    assert row.layer == layer
    assert row.quantity == {"bp1": "z", "bp2": "z", "bp3": "b", "bp4": "w"}[name]
    assert "Counter-example" in str(certificate)


def test_a_instead_of_z_is_refuted():
    assert prove(_SigmaPrimeOfA(SIZES)).proved is False


class _SigmaPrimeOfA(Network):
    """A learner's mistake: σ′(a) in the place of σ′(z)."""

    def backprop(self, x, y):
        right = [f.derivative for f in self.activation_functions]
        mistaken = self.with_parameters(self.weights, self.biases)
        mistaken.activation_functions = [
            type(f)(f.name, f.function, lambda z, a, d=d: d(a, a))
            for f, d in zip(self.activation_functions, right, strict=True)
        ]
        return Network.backprop(mistaken, x, y)


class _WrongLayer(Network):
    """Another: Wˡ⁺² in the place of Wˡ⁺¹."""

    def backprop(self, x, y):
        record = super().backprop(x, y)
        sigma_prime = self.activation_functions[0].derivative(record.zs[0], record.activations[1])
        record.deltas[0] = bp2(self.weights[2], record.deltas[1], sigma_prime)
        return record


def test_the_wrong_layers_w_is_refuted_where_it_stands():
    certificate = prove(_WrongLayer(SIZES))
    assert (certificate.proved, certificate.counterexample.layer) == (False, 2)


def test_degrees_of_the_callers_own_equations_are_counted():
    class Roundabout(Network):
        """Right, but by a detour of higher degree: δ·(z + 1)/(z + 1)."""

        def backprop(self, x, y):
            record = super().backprop(x, y)
            record.deltas[0] = record.deltas[0] * (record.zs[0] + 1) / (record.zs[0] + 1)
            return record

    certificate = prove(Roundabout([2, 3, 1]))
    assert certificate.proved
    assert certificate.degree > prove([2, 3, 1]).degree


def test_the_certificate_reads_and_is_json(tmp_path):
    certificate = prove([2, 3, 1])
    text = str(certificate)
    assert text.startswith("PROVED: BP1–BP4 for 2-3-1, any σ, quadratic cost")
    assert "modulo p" in text
    certificate.to_json(tmp_path / "c.json")
    data = json.loads((tmp_path / "c.json").read_text())
    assert data["proved"] is True
    assert Fraction(data["probability"]["at_most"]) == certificate.probability
    assert data["probability"]["log2"] < -100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prove([2]), "sizes"),
        (lambda: prove([2, 1], below=0), "below"),
        (lambda: prove(Network([2, 1]), cost="quadratic"), "cost"),
        (lambda: prove([2, 1], cost="cubic"), "cubic"),
        (lambda: prove(Network([2, 1], cost="cross_entropy", shortcut=True)), "shortcut|short cut"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
