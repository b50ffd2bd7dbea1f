"""Mismatches of float64: rounding, wrong, or undecided; and why."""

import dataclasses
import json
import math

import numpy as np
import pytest

import explicit.network
from compare import compare
from compare.comparison.mismatch import Mismatch, summary
from explicit import Activation, Network
from explicit.equations import bp2, bp4


def data(network, samples=4):
    random = np.random.RandomState(0)
    n, m = network.sizes[0], network.sizes[-1]
    return random.randn(n, samples), random.uniform(0.1, 0.9, (m, samples))


def kinds(report):
    return {m.kind for m in report.classified}


def planted(monkeypatch, name, wrong, tag=""):
    """Make one of explicit's equations wrong for a test."""
    wrong.tag = tag
    monkeypatch.setattr(explicit.network, name, wrong)


def test_an_exact_report_has_nothing_to_classify():
    network = Network([2, 3, 1])
    assert compare(network, *data(network)).classified == []


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "softplus", "softsign"])
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_blas_mode_differs_by_rounding_only(activation, cost):
    network = Network([100, 50, 20], [activation, "sigmoid"], cost, matmul=np.matmul)
    network.weights = [W / math.sqrt(W.shape[1]) for W in network.weights]
    report = compare(network, *data(network, 3))
    assert not report.exact
    assert len(report.classified) > 1000 and kinds(report) == {"rounding"}
    assert {m.cause for m in report.classified if m.difference} == {"sums in the order of matmul=np.matmul"}
    bounded = [m for m in report.classified if m.row.quantity != "cost"]  # C is held against that of its outputs
    assert all(m.difference <= m.bound < math.inf and m.share <= 1 for m in bounded)
    assert [m.row for m in report.classified] == list(report.different())
    text = str(report)
    assert f"All {len(report.classified):,} mismatches are rounding" in text
    assert "The largest in ULP is" in text and "apart beside the a-priori bound" in text
    assert "EXACT" not in text


def test_the_short_cut_differs_by_rounding_and_is_named():
    network = Network([4, 5, 3], cost="cross_entropy", shortcut=True)
    report = compare(network, *data(network))
    assert kinds(report) == {"rounding"}
    assert {m.cause for m in report.classified} == {"δᴸ by the short cut a − y"}
    network.matmul = np.matmul
    causes = {m.cause for m in compare(network, *data(network)).classified}
    assert "sums in the order of matmul=np.matmul; δᴸ by the short cut a − y" in causes


def test_a_wrong_equation_is_wrong_and_named(monkeypatch):
    def without_sigma_prime(W, delta, sigma_prime, matmul=None):
        return bp2(W, delta, np.ones_like(sigma_prime), matmul)

    planted(monkeypatch, "bp2", without_sigma_prime, tag=bp2.tag)
    network = Network([3, 4, 4, 2])
    report = compare(network, *data(network))
    first = report.classified[0]
    assert first.kind == "wrong" and first.cause == "BP2" and first.row.name == "δ³₁"
    assert kinds(report) == {"wrong"}
    assert report.classified[-1].cause == "after δ³₁, the first to be wrong"
    assert "wrong, further apart than rounding can bring them; the first is δ³₁ of sample 0" in report.verdict


def test_an_error_too_small_to_see_is_wrong_too(monkeypatch):
    planted(monkeypatch, "bp4", lambda a, d, matmul=None: bp4(a, d, matmul) * (1 + 1e-10))
    network = Network([3, 4, 2], "tanh", matmul=np.matmul)
    found = compare(network, *data(network)).classified
    wrong = [m for m in found if m.kind == "wrong"]
    assert {m.row.quantity for m in wrong} == {"w"} and len(wrong) > 10
    assert wrong[0].cause == "BP4" and wrong[0].share > 1
    assert all(m.row.quantity != "w" for m in found if m.kind == "rounding")


def test_no_bound_is_known_for_an_activation_of_the_callers_own():
    twice = Activation("twice", lambda z: z + z, lambda z, a: 0 * z + 2)
    network = Network([30, 20, 2], twice, matmul=np.matmul)
    report = compare(network, *data(network))
    assert kinds(report) == {"undecided"}
    assert "undecided: no rounding bound is known for the activation 'twice'" in str(report)


def test_a_kink_is_undecided():
    # b + w₁a₁ + w₂a₂ = 1e-18 + 0.03 − 0.03 is 0 from the bias on, and 1e-18 if the bias comes last.
    network = Network([2, 2, 1], ["relu", "identity"], matmul=np.matmul)
    network.weights = [[[0.1, -0.1], [1.0, 1.0]], [[1.0, 1.0]]]
    network.biases = [[[1e-18], [0.0]], [[0.5]]]
    report = compare(network, [[0.3], [0.3]], [[0.0]])
    undecided = [m for m in report.classified if m.kind == "undecided"]
    assert "wrong" not in kinds(report)
    assert undecided and all("unit 1 of layer 2, sample 0, is so close to the kink" in m.cause for m in undecided)
    assert report.to_dict()["classified"]["undecided"] == len(undecided)


def test_what_differs_in_exact_arithmetic_is_wrong(monkeypatch):
    planted(monkeypatch, "bp4", lambda a, d, matmul=None: bp4(a, d, matmul) + 1)
    network = Network([2, 2, 1], "relu")
    report = compare(network, [[0.5], [1.0]], [[1.0]], arithmetic="rational")
    assert kinds(report) == {"wrong"}
    assert all(m.bound == 0 and m.cause == "the rational values differ" for m in report.classified)
    assert "wrong: the rational values differ." in report.verdict


def test_json_counts_the_kinds(tmp_path):
    network = Network([30, 20, 2], matmul=np.matmul)
    report = compare(network, *data(network))
    report.to_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read["classified"] == {"rounding": len(report.classified), "wrong": 0, "undecided": 0}


def test_the_summary_of_nothing_and_of_a_zero_of_either_sign():
    assert summary([]) == ""
    network = Network([1, 2, 1], "identity", matmul=lambda A, B: A @ B + 0.0)  # −0.0 + 0.0 is 0.0
    network.weights = [[[-1.0], [-1.0]], [[0.0, 0.0]]]
    found = [m for m in compare(network, [[1.0]], [[2.0]]).classified if m.difference == 0]
    assert found and {m.cause for m in found} == {"the sign of a zero"} and found[0].share == 0


def test_an_adjoint_that_no_path_gives_is_the_int_0_and_said_to_be():
    network = Network([2, 2, 1], "relu")
    network.biases = [[[-9.0], [9.0]], [[9.0]]]  # the first unit is off: its δ is 0.0
    report = compare(network, [[0.5], [0.5]], [[1.0]])
    (pair,) = [p for p in report.pairs if p.quantity == "w" and p.layer == 2]
    unreached = pair.adjoint.astype(object)
    unreached[0] = 0
    pairs = [dataclasses.replace(p, adjoint=unreached) if p is pair else p for p in report.pairs]
    report = dataclasses.replace(report, pairs=pairs)
    first = report.classified[0]
    assert (first.kind, first.difference, first.row.ulps) == ("rounding", 0, None)
    assert "no path of the graph leads to" in first.cause
    assert "in ULP" not in summary(report.classified[:1]) and str(report)


def test_a_difference_beside_the_bound_0_is_beyond_it():
    row = compare(Network([1, 1]), [[1.0]], [[1.0]]).rows[0]
    assert Mismatch(row, "wrong", 1.0, 0.0, "").share == math.inf
