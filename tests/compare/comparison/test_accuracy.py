"""Balls: float64's δ beside the true one."""

import math
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("flint", reason="python-flint (the extra `exact`) is not installed")

from compare import Rational, compare, moons
from compare.numbers.ball import Ball, Undecided, precision
from explicit import ACTIVATIONS, Network

X, Y = moons(3)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_float64_is_near_the_truth_and_both_sides_err_alike(activation):
    report = compare(Network([2, 3, 1], activation=activation), X, Y, arithmetic="ball")
    assert report.exact
    assert report.floats.exact
    assert len(report.accuracy) == 12
    assert not any(a.lost for a in report.accuracy)
    assert "Both sides carry the same rounding error" in str(report)


def test_the_error_is_the_distance_from_the_exact_delta():
    # relu and quadratic cost are rational: the true δ is known exactly, without balls.
    network = Network([2, 3, 1], activation="relu", seed=2)
    balls = compare(network, X, Y, arithmetic="ball")
    exact = compare(network, X, Y, arithmetic="rational")
    for accuracy, row in zip(balls.accuracy, exact.rows, strict=True):
        true = Fraction(row.delta.numerator, row.delta.denominator)
        off = abs(Fraction(accuracy.float64) - true)
        ulp = Fraction(math.ulp(float(true)))
        # The midpoint is within a thousandth of an ULP of the truth.
        assert abs(Fraction(accuracy.error) - off / ulp) <= Fraction(2, 1000)


def test_a_node_that_has_lost_all_digits_is_marked():
    network = Network([1, 1])
    network.weights, network.biases = [np.array([[40.0]])], [np.array([[0.0]])]
    report = compare(network, [[1.0]], [[0.0]], arithmetic="ball")
    (accuracy,) = report.accuracy  # a rounds to 1, so a(1 − a) is 0 and the true δ is e⁻⁴⁰
    assert accuracy.float64 == 0.0
    assert accuracy.lost
    assert "no digit left" in str(report)


def test_the_precision_is_raised_until_a_branch_is_decided():
    tiny = 2.0**-200
    network = Network([2, 1], activation="relu")
    network.weights, network.biases = [np.array([[1.0, -1.0]])], [np.array([[1.0]])]
    report = compare(network, [[tiny], [1.0]], [[0.0]], arithmetic="ball")  # z = (1 + 2⁻²⁰⁰) − 1
    assert report.bits >= 256
    assert report.accuracy[0].lost  # float64 has z = 0 and relu′ = 0


def test_balls_do_not_answer_what_they_cannot_decide():
    with precision(64):
        third = Ball(1) / 3
        nothing = third * 3 - 1
        with pytest.raises(Undecided, match="higher precision"):
            nothing > 0  # noqa: B015
        assert third > 0
        assert nothing == 0
        assert third != 0


def test_balls_enclose_exact_numbers():
    x = Ball(Rational(1, 3)) * 3
    assert x == 1
    with precision(128):
        assert Ball(0.1) == Rational(0.1)
        assert Ball(0.1) != Rational("0.1")
    for bad in (math.inf, math.nan):
        with pytest.raises(ValueError, match="no ball"):
            Ball(bad)
    with pytest.raises(TypeError, match=r"Ball\(value\)"):
        Ball("1")
    with pytest.raises(TypeError):
        float(x)


def test_a_wrong_delta_is_no_overlap(monkeypatch):
    import explicit.network as textbook

    right = textbook.bp2
    wrong = lambda *args: right(*args) * (1 + 2.0**-50)  # noqa: E731
    wrong.tag = "BP2"
    monkeypatch.setattr(textbook, "bp2", wrong)
    report = compare(Network([2, 3, 1]), X, Y, arithmetic="ball")
    assert not report.all_equal
    assert report.first_divergence.layer == 2
