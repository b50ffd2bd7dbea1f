"""Opinions from outside on δ: libraries, finite differences, the complex step."""

import json
import math
import sys

import numpy as np
import pytest

from compare import Rational, compare
from compare.referees.differences import STEPS, central_differences
from compare.referees.opinion import REFEREES, opinion
from engine.nn import MLP
from explicit import ACTIVATIONS, COSTS, Activation, Cost, Network

LIBRARIES = ["torch", "jax", "autograd"]
ONE = np.ones((1, 1))
WITHOUT = ["finite differences", "complex step"]
ANALYTIC = ["sigmoid", "tanh", "softplus", "identity"]


def available(name):
    if name in LIBRARIES:
        pytest.importorskip(name, reason=f"the referee {name!r} needs {name}")
    return name


def problem(activation, cost="quadratic", seed=0, samples=4):
    last = "sigmoid" if cost == "cross_entropy" else activation
    network = Network([3, 5, 4, 2], [activation, activation, last], cost, seed)
    random = np.random.RandomState(seed + 1)
    return network, random.randn(3, samples), random.uniform(0.1, 0.9, (2, samples))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries' own imports
@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_a_library_agrees_within_rounding(name, activation, cost):
    network, x, y = problem(activation, cost)
    report = compare(network, x, y, referees=[available(name)])
    (said,) = report.opinions
    assert report.exact
    assert said.name == name and said.normwise < 1e-13 and said.order is None
    assert [d.shape for d in said.deltas] == [d.shape for d in report.record.deltas]
    assert all(d.dtype == np.float64 for d in said.deltas)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_agrees_where_sigma_saturates_and_on_one_sample(name):
    available(name)
    for activation in ("sigmoid", "tanh", "softplus"):
        network, x, y = problem(activation, samples=1)
        network.weights = [3 * W for W in network.weights]
        assert opinion(name, network, x, y, network.backprop(x, y).deltas).normwise < 1e-12


@pytest.mark.parametrize("activation", ANALYTIC)
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_the_complex_step_agrees_within_rounding(activation, cost):
    network, x, y = problem(activation, cost)
    (said,) = compare(network, x, y, referees=["complex step"]).opinions
    # Where an output is close to 1, 1 − a loses digits, and each side loses others.
    assert said.normwise < (1e-13 if cost == "quadratic" else 1e-11)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus", "softsign"])
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_finite_differences_converge_with_order_2(activation, cost):
    network, x, y = problem(activation, cost)
    (said,) = compare(network, x, y, referees=["finite differences"]).opinions
    assert said.order == pytest.approx(2, abs=0.1)
    assert said.normwise < 1e-8


def test_where_the_cost_is_quadratic_in_z_there_is_no_truncation_error():
    for activation in ("identity", "relu", "leaky_relu"):
        network, x, y = problem(activation)
        (said,) = compare(network, x, y, referees=["finite differences"]).opinions
        assert said.order is None and said.normwise < 1e-9


def test_a_wrong_delta_has_order_0():
    network, x, y = problem("tanh")
    deltas = network.backprop(x, y).deltas
    for wrong in (1.5, 1 + 1e-6, -1.0):
        for layer in range(3):
            changed = [d.copy() for d in deltas]
            changed[layer][np.unravel_index(np.abs(deltas[layer]).argmax(), deltas[layer].shape)] *= wrong
            said = opinion("finite differences", network, x, y, changed)
            assert abs(said.order) < 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", LIBRARIES + WITHOUT)
def test_every_referee_finds_a_wrong_derivative(name):
    """σ decides; the wrong σ′ is the caller's."""
    right = ACTIVATIONS["tanh"]
    wrong = Activation("tanh", right.function, lambda z, a: 1 - a)
    network, x, y = problem(wrong)
    report = compare(network, x, y, referees=[available(name)])
    (said,) = report.opinions
    assert not report.exact and said.relative > 1e-3
    assert name != "finite differences" or abs(said.order) < 0.1


def test_a_kink_within_the_step_leaves_finite_differences_no_opinion():
    network = Network([1, 1, 1], ["relu", "identity"])
    network.weights, network.biases = [[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]]
    x, y = np.array([[0.0, 1e-6, 1.0]]), np.array([[3.0, 3.0, 3.0]])
    (said,) = compare(network, x, y, referees=["finite differences"]).opinions
    assert np.isnan(said.deltas[0]).tolist() == [[True, True, False]]
    assert np.isnan(said.distances[0]).tolist() == [[True, True, False]]
    assert not np.isnan(said.deltas[1]).any()


def test_the_truncation_error_falls_fourfold_as_h_is_halved():
    network, x, y = problem("tanh")
    deltas = network.backprop(x, y).deltas
    errors = [
        max(float(np.abs(d - e).max()) for d, e in zip(central_differences(network, x, y, h)[0], deltas, strict=True))
        for h in STEPS[:5]
    ]
    assert [round(a / b, 1) for a, b in zip(errors, errors[1:], strict=False)] == pytest.approx([4] * 4, abs=0.1)


def test_finite_differences_are_exact_in_a_weight_for_rationals_and_a_quadratic_cost():
    """C is a polynomial of degree 2 in one weight of the last layer, whatever the hidden σ; of any layer, for
    identities.  A central difference of a quadratic has no truncation error, and rationals do not round."""
    random = np.random.RandomState(0)

    def rational(*shape):
        values = random.randint(-9, 10, shape)
        made = np.empty(shape, dtype=object)
        for place, value in np.ndenumerate(values):
            made[place] = Rational(int(value), int(random.randint(1, 10)))
        return made

    def cost(network, x, y):
        return network.backprop(x, y).cost

    for hidden, layers in (("softsign", [1]), ("relu", [1]), ("identity", [0, 1])):
        network = Network([2, 3, 2], [hidden, "identity"])
        network.weights = [rational(3, 2), rational(2, 3)]
        network.biases = [rational(3, 1), rational(2, 1)]
        x, y = rational(2, 2), rational(2, 2)
        nabla_w = network.backprop(x, y).nabla_w
        for layer in layers:
            for place in np.ndindex(network.weights[layer].shape):
                for h in (Rational(1, 2), Rational(7)):
                    costs = []
                    for step in (h, -h):
                        network.weights[layer][place] = network.weights[layer][place] + step
                        costs.append(cost(network, x, y))
                        network.weights[layer][place] = network.weights[layer][place] - step
                    difference = (costs[0] - costs[1]) / (2 * h)
                    assert type(difference) is Rational and difference == nabla_w[layer][place]


def test_a_column_each_and_a_table():
    network, x, y = problem("tanh")
    report = compare(network, x, y, referees=WITHOUT)
    row = report.rows[0]
    assert set(row.referees) == set(WITHOUT)
    assert row.referees["complex step"] == report.opinions[1].distances[0][0, 0]
    assert row.referees["complex step"] < row.referees["finite differences"] < math.inf
    text = str(report)
    assert "finite differences, ULP" in text and "complex step, ULP" in text and "order" in text
    assert "2.00" in text and "finite differences, ULP" in report._repr_html_()
    assert report.rows_of("w")[0].referees == {}


def test_json_has_the_referees(tmp_path):
    network, x, y = problem("tanh")
    compare(network, x, y, referees=WITHOUT).to_json(tmp_path / "r.json")
    read = json.loads((tmp_path / "r.json").read_text())
    assert [r["name"] for r in read["referees"]] == WITHOUT
    assert float(read["referees"][0]["order"]) == pytest.approx(2, abs=0.1)
    assert set(read["z"][0]["referees"]) == set(WITHOUT)


def test_an_mlp_and_a_network_with_blas_have_referees_too():
    x, y = np.random.RandomState(0).randn(2, 3), np.zeros((1, 3))
    assert compare(MLP(2, [3, 1]), x, y, referees=["finite differences"]).opinions[0].normwise < 1e-8
    network = Network([2, 3, 1], matmul=np.matmul)
    assert compare(network, x, y, referees=["complex step"]).opinions[0].normwise < 1e-13


@pytest.mark.parametrize(
    ("referees", "error", "words"),
    [
        (["psychic"], ValueError, "unknown name 'psychic'; known: torch, jax, autograd, finite differences"),
        ("torch", TypeError, "a list of names"),
        (3, TypeError, "a list of names"),
    ],
)
def test_bad_names_are_refused(referees, error, words):
    with pytest.raises(error, match=words):
        compare(Network([1, 1]), [[1.0]], [[1.0]], referees=referees)


@pytest.mark.parametrize("arithmetic", ["rational", "finite field", "ball", "symbolic"])
def test_referees_compute_in_float64(arithmetic):
    with pytest.raises(ValueError, match="they compute in float64"):
        compare(Network([1, 1], "relu"), [[1.0]], [[1.0]], arithmetic=arithmetic, referees=WITHOUT)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "softsign"])
def test_the_complex_step_refuses_what_is_not_analytic(activation):
    network, x, y = problem(activation)
    with pytest.raises(ValueError, match=f"analytic activations, and '{activation}' is not"):
        compare(network, x, y, referees=["complex step"])


def test_functions_of_the_callers_own_are_refused():
    network = Network([1, 1], Activation("mine", lambda z: z * z, lambda z, a: 2 * z))
    with pytest.raises(ValueError, match="it has no function 'mine' of its own; it knows sigmoid"):
        compare(network, [[1.0]], [[1.0]], referees=WITHOUT)
    cost = Cost("mine", lambda a, y: ((a - y) * (a - y))[0], lambda a, y: (a - y) + (a - y))
    with pytest.raises(ValueError, match="no cost 'mine' of its own; it knows quadratic"):
        compare(Network([1, 1], cost=cost), [[1.0]], [[1.0]], referees=WITHOUT)


@pytest.mark.parametrize("name", LIBRARIES + WITHOUT)
def test_what_was_added_to_the_tables_is_not_taken_for_another(monkeypatch, name):
    """A cost without a formula was judged as cross-entropy, and right δ accused."""
    cost = Cost("mine", lambda a, y: ((a - y) * (a - y))[0], lambda a, y: (a - y) + (a - y))
    monkeypatch.setitem(COSTS, "mine", cost)
    monkeypatch.setitem(ACTIVATIONS, "square", Activation("square", lambda z: z * z, lambda z, a: 2 * z))
    for network, words in (
        (Network([1, 1], cost="mine"), "no cost 'mine' of its own"),
        (Network([1, 1], "square"), "no function 'square' of its own"),
    ):
        with pytest.raises(ValueError, match=words):
            opinion(available(name), network, ONE, ONE / 2, network.backprop(ONE, ONE / 2).deltas)


@pytest.mark.parametrize(("name", "extra"), [("torch", "torch"), ("jax", "jax"), ("autograd", "referees")])
def test_a_missing_library_names_the_extra(monkeypatch, name, extra):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"delta-adjoint\[{extra}\]"):
        compare(Network([1, 1]), [[1.0]], [[1.0]], referees=[name])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_jax_keeps_the_callers_precision():
    available("jax")
    import jax.numpy as jnp

    before = jnp.asarray(np.array([1.0])).dtype
    network, x, y = problem("tanh")
    assert compare(network, x, y, referees=["jax"]).opinions[0].normwise < 1e-13
    assert jnp.asarray(np.array([1.0])).dtype == before


def test_no_referee_calls_explicits_or_the_engines_code(monkeypatch):
    """Of the two packages a referee may use numbers and names only."""
    network, x, y = problem("tanh")
    deltas = network.backprop(x, y).deltas

    def forbidden(*arguments, **keywords):
        raise AssertionError("a referee must do its own work")

    for name in ("forward", "backprop", "feedforward", "cost_per_sample"):
        monkeypatch.setattr(Network, name, forbidden)
    monkeypatch.setattr("explicit.elementwise.apply", forbidden)
    for name in REFEREES:
        if name in LIBRARIES and name not in sys.modules:
            continue
        assert opinion(name, network, x, y, deltas).normwise < 1e-7
