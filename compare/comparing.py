"""Run both backpropagations on the same numbers and set the results side by side."""

from collections.abc import Sequence
from typing import Any

from compare.comparison.accuracy import with_balls
from compare.comparison.two_sides import two_sides
from compare.numbers.arithmetic import ARITHMETICS, Arithmetic
from compare.referees.opinion import check as check_referees
from compare.report import Report
from engine.nn import MLP
from explicit import Network


def compare(
    network: Network | MLP,
    x: Any,
    y: Any,
    *,
    cost: Any = None,
    arithmetic: str | Arithmetic = "float64",
    progress: bool = False,
    referees: Sequence[str] = (),
) -> Report:
    """Differentiate a network twice, and compare δ with the adjoint at every z node; and z, a and C before.

    One side is `explicit`: BP1–BP4 on arrays, the whole batch at once.  The other is `engine`: the
    forward code traced on Values, sample after sample, ``C₁.backward()``, ``C₂.backward()``, …, so
    that parameters add up over the samples in ascending order.  For an MLP it is the graph that the
    MLP itself builds, and the textbook's side gets its parameters; the MLP is left as it was.

    Parameters
    ----------
    network : an explicit `Network` or an `engine.nn.MLP`; equations of the caller's own are asked once, so that
        what they would remember of a call before does not show
    x, y : inputs (n₁, B) and targets (n_L, B), samples in columns
    cost : for an MLP, the cost ("quadratic" unless given); a Network has its own
    arithmetic : "float64" (equality is identical bits), "rational" (exact ``==``), "finite field" (σ and
        σ′ random functions), "ball" (enclosures, extra `exact`), "symbolic" (formulas, extra
        `symbolic`), or an `Arithmetic`
    progress : whether to show a progress bar on stderr
    referees : outside opinions on δ, a column each, in float64: "torch", "jax", "autograd", "finite
        differences", "complex step" (extras `torch`, `jax`, `referees`; the last two need none)

    Returns
    -------
    a `Report`; ``report.exact`` is the verdict

    Raises
    ------
    TypeError, ValueError
        A wrong argument, or a network that has no meaning in the arithmetic or for a referee.
    ImportError
        An optional library is missing; the message names the extra.

    >>> report = compare(Network([2, 3, 1]), [[0.5], [-1.0]], [[1.0]])
    >>> report.exact
    True
    >>> row = report.rows[0]
    >>> row.name, row.delta == row.adjoint, row.ulps
    ('δ²₁', True, 0)
    """
    check_referees(referees)
    if referees and getattr(arithmetic, "name", arithmetic) != "float64":
        raise ValueError(f"referees: they compute in float64, got arithmetic={arithmetic!r:.60}")
    if not isinstance(arithmetic, Arithmetic):
        if arithmetic not in ARITHMETICS:
            raise ValueError(f"arithmetic: unknown name {arithmetic!r}; known: {', '.join(ARITHMETICS)}")
        if arithmetic == "ball":
            return Report.of(with_balls(network, x, y, cost, progress))
        arithmetic = ARITHMETICS[arithmetic]()
    return Report.of(two_sides(network, x, y, cost, arithmetic, progress, referees))
