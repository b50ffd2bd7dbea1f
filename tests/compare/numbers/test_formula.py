"""Symbols: δ and the adjoint as formulas."""

import pytest

sympy = pytest.importorskip("sympy", reason="sympy (the extra `symbolic`) is not installed")

from compare import compare
from compare.numbers.formula import Formula
from explicit import Network


def report(sizes, **keywords):
    network = Network(sizes, **keywords)
    return compare(network, [[0.5]] * sizes[0], [[1.0]] * sizes[-1], arithmetic="symbolic")


def test_the_formula_of_every_delta():
    r = report([1, 2, 1])
    assert r.exact
    texts = {f["node"]: f["delta"] for f in r.formulas}
    a, y, w = sympy.symbols("a³₁ y₁ w³₁₂")
    sigma = sympy.Function("σ′")
    expected = (a - y) * sigma(sympy.Symbol("z³₁")) * w * sigma(sympy.Symbol("z²₂"))
    found = sympy.sympify(texts["δ²₂"].replace("σ′", "S"), {"S": sigma})
    assert sympy.expand(found - expected) == 0
    assert {f["difference"] for f in r.formulas} == {"0"}


def test_latex_has_the_books_indices():
    latex = report([1, 2, 1]).formulas[0]["delta_latex"]
    assert "w^{3}_{11}" in latex
    assert "z^{2}_{1}" in latex


def test_deep_and_wide_networks_and_cross_entropy():
    assert report([2, 3, 2, 2], activation="relu").exact
    assert report([2, 2, 2], cost="cross_entropy").exact


def test_a_wrong_equation_shows_in_the_difference(monkeypatch):
    import explicit.network as textbook

    right = textbook.bp2
    wrong = lambda W, delta, sigma_prime, matmul=None: right(W, delta, sigma_prime) * 2  # noqa: E731
    wrong.tag = "BP2"
    monkeypatch.setattr(textbook, "bp2", wrong)
    r = report([1, 1, 1])
    assert not r.exact
    assert r.formulas[0]["difference"] != "0"


def test_what_is_refused():
    with pytest.raises(ValueError, match="up to 40 units"):
        report([50, 10, 1])
    with pytest.raises(ValueError, match="one sample"):
        compare(Network([1, 1]), [[0.5, 1.0]], [[0.0, 1.0]], arithmetic="symbolic")
    with pytest.raises(ValueError, match="arithmetic='symbolic'"):
        compare(Network([1, 1]), [[0.5]], [[0.0]]).formulas
    with pytest.raises(TypeError, match="no order"):
        Formula(1) < 2  # noqa: B015
