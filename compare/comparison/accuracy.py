"""How far float64's δ is from the true δ: the same comparison over balls, at a precision that decides."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

from compare.comparison.outcome import Outcome
from compare.comparison.rows import Accuracy
from compare.comparison.two_sides import two_sides
from compare.extras import need
from compare.numbers.arithmetic import ball, float64

START, MOST = 128, 8192  # bits


def with_balls(network: Any, x: Any, y: Any, cost: Any = None, progress: bool = False) -> Outcome:
    """Both sides over balls, with the precision raised until every branch is decided and every δ is sharp.

    The outcome's `accuracy` sets float64's δ beside the true one; `bits` is the precision that served.

    Raises
    ------
    ImportError
        python-flint is missing (the extra `exact`).
    compare.numbers.ball.Undecided
        Some question is not decided at the highest precision (8,192 bits).
    """
    need("flint", "exact", "balls")
    from compare.numbers.ball import Undecided, precision

    floats = two_sides(network, x, y, cost, float64(), progress)
    bits = START
    while True:
        with precision(bits):
            try:
                found = two_sides(network, x, y, cost, ball(), progress)
                sharp = all(map(_sharp, (row.delta for row in found.rows)))
            except Undecided:
                if bits >= MOST:
                    raise
                sharp = False
            if sharp or bits >= MOST:
                accuracy = [_accuracy(row, ball) for row, ball in zip(floats.rows, found.rows, strict=True)]
                return replace(found, accuracy=accuracy, bits=bits, floats=floats)
        bits *= 2


def _sharp(ball: Any) -> bool:
    """Whether the ball is narrower than a thousandth of an ULP of its midpoint."""
    middle, radius = _exactly(ball.x.mid()), _exactly(ball.x.rad())
    return radius * 1000 <= Fraction(math.ulp(float(middle)))


def _exactly(ball: Any) -> Fraction:
    mantissa, exponent = ball.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _accuracy(row: Any, ball: Any) -> Accuracy:
    true = _exactly(ball.delta.x.mid())
    if not math.isfinite(row.delta):
        return Accuracy(row.name, row.sample, row.delta, str(ball.delta), math.inf, True)
    off = abs(Fraction(row.delta) - true)
    error = float(off / Fraction(math.ulp(float(true))))
    return Accuracy(row.name, row.sample, row.delta, str(ball.delta), error, off > abs(true) / 2)
