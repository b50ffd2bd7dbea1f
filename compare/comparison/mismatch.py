"""Why two float64 numbers differ: by rounding, or because one of them is wrong."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.comparison.outcome import Outcome
from compare.comparison.rows import FORWARD, Misshapen, Row
from compare.rounding.bounds import Bounds, rounding_bounds
from compare.rounding.ulp import identical

EQUATIONS = {
    "forward z": "z = Wa + b",
    "forward a": "σ",
    "b": "BP3",
    "w": "BP4",
    "a": "the factor before ⊙ σ′",
}


@dataclass(frozen=True)
class Mismatch:
    """A row of a report that differs, and why.

    row:         the two numbers; `row.ulps` is their distance in ULP
    kind:        "rounding": no further apart than two roundings of one exact number can be, so there is an exact
                 value that agrees with both within the a-priori bound;
                 "wrong": further apart than that, so their exact values differ;
                 "undecided": there is no finite bound, and `cause` says why
    difference:  |δ − adjoint| as a float, NaN if one of them is NaN; None for numbers that are no floats
    bound:       the sum of both a-priori bounds, which is twice `compare.rounding.bounds.rounding_bounds`;
                 0 for exact numbers; ∞ where there is none, as for C, which is held against that of its outputs
    cause:       the order or the function that made the difference, where it can be told, else ""
    """

    row: Row
    kind: str
    difference: float | None
    bound: float
    cause: str

    @property
    def share(self) -> float:
        """The difference as a share of the bound: above 1 it is wrong; 0 for equal values such as ±0.0."""
        if not self.difference:
            return 0.0
        return self.difference / self.bound if self.bound else math.inf


def mismatches(outcome: Outcome) -> list[Mismatch]:
    """Every row that differs, in the order of `Outcome.different`, with its kind and its cause.

    Float64 rows are held to the bounds of `compare.rounding.bounds`.  In exact arithmetics there is no rounding:
    what differs there is wrong.  Where no bound is known (an activation of the caller's own) rows
    are "undecided".
    """
    rows = list(outcome.different())
    if outcome.arithmetic.name != "float64":
        return [Mismatch(row, "wrong", None, 0.0, f"the {outcome.arithmetic.name} values differ") for row in rows]
    if not rows:
        return []
    bounds, why = None, ""
    try:
        bounds = rounding_bounds(outcome.network, outcome.record, outcome.y)
    except (TypeError, ValueError) as error:
        why = str(error)
    found: list[Mismatch] = []
    first_wrong: Row | None = None
    for row in rows:
        if isinstance(row.delta, Misshapen):
            one = Mismatch(row, "wrong", None, 0.0, str(row.delta))
        elif bounds is None:
            one = Mismatch(row, "undecided", _difference(row), math.inf, why)
        elif row.quantity == "cost":
            one = _of_cost(outcome, row, found)
        else:
            one = _classify(outcome, bounds, row, first_wrong)
        if one.kind == "wrong" and first_wrong is None:
            first_wrong = row
        found.append(one)
    return found


def _difference(row: Row) -> float:
    # The engine leaves the int 0 at a node to which no path leads.
    delta, adjoint = float(row.delta), float(row.adjoint)
    return 0.0 if delta == adjoint else abs(delta - adjoint)


def _classify(outcome: Outcome, bounds: Bounds, row: Row, first_wrong: Row | None) -> Mismatch:
    unit = row.unit if isinstance(row.unit, tuple) else (row.unit, 1 if row.sample is None else row.sample + 1)
    bound = 2 * float(bounds.of(row.quantity, row.layer)[unit[0] - 1, unit[1] - 1])
    difference = _difference(row)
    if bound == math.inf:
        return Mismatch(row, "undecided", difference, bound, _why_unbounded(bounds, row))
    # The difference of two floats is itself rounded: by less than its last digit, which the bound has to spare.
    if difference <= bound:
        return Mismatch(row, "rounding", difference, bound, _why_rounded(outcome, row, difference))
    return Mismatch(row, "wrong", difference, bound, _why_wrong(outcome, row, first_wrong))


def _of_cost(outcome: Outcome, row: Row, found: list[Mismatch]) -> Mismatch:
    """C differs as its outputs do; if the graph's outputs give another C than the graph's, it is computed otherwise."""
    (outputs,) = (p.adjoint for p in outcome.pairs if (p.quantity, p.layer) == ("forward a", row.layer))
    sample = slice(row.sample, (row.sample or 0) + 1)
    again = outcome.network.cost_per_sample(outputs[:, sample], outcome.y[:, sample])
    place = ("forward a", row.layer, row.sample)
    kinds = {m.kind for m in found if (m.row.quantity, m.row.layer, m.row.sample) == place}
    if not kinds or not identical(again, np.array([row.adjoint])).all():
        return Mismatch(row, "wrong", _difference(row), math.inf, "the cost is computed otherwise")
    kind = next(kind for kind in ("wrong", "undecided", "rounding") if kind in kinds)
    difference = _difference(row)
    cause = _why_rounded(outcome, row, difference) if kind == "rounding" else "its outputs differ"
    return Mismatch(row, kind, difference, math.inf, cause)


def _why_unbounded(bounds: Bounds, row: Row) -> str:
    # A kink of this layer or of one further on reaches ∂C/∂z; one before it, ∂C/∂w only by a finite error.
    for layer, unit, sample in () if row.quantity in FORWARD else bounds.kinks:
        if layer >= row.layer and row.sample in (None, sample):
            at = f"unit {unit} of layer {layer}, sample {sample}"
            return f"z of {at}, is so close to the kink at 0 that rounding decides on its side"
    return "a number is not finite, or so large that another order of sums could overflow"


def _why_rounded(outcome: Outcome, row: Row, difference: float) -> str:
    if type(row.adjoint) is not float:
        return "no path of the graph leads to the parameter or node: its adjoint is the int 0"
    if difference == 0:
        return "the sign of a zero"
    network, causes = outcome.network, []
    if network.matmul is not None:
        causes.append(f"sums in the order of matmul={_name(network.matmul)}")
    # The forward pass and ∂C/∂aᴸ are made before δᴸ and do not know of the short cut.
    if network.shortcut and row.quantity not in FORWARD and (row.quantity, row.layer) != ("a", len(network.sizes)):
        causes.append("δᴸ by the short cut a − y")
    return "; ".join(causes)


def _why_wrong(outcome: Outcome, row: Row, first_wrong: Row | None) -> str:
    if first_wrong is not None and (first_wrong.layer, first_wrong.quantity) != (row.layer, row.quantity):
        return f"after {first_wrong.name}, the first to be wrong"
    if row.quantity == "z":
        return outcome.record.made_by[row.layer - 2]
    if row.quantity == "a":
        last = row.layer == len(outcome.network.sizes)
        return f"∇ₐC of the cost {outcome.network.cost.name!r}" if last else "BP2, " + EQUATIONS["a"]
    return EQUATIONS[row.quantity]


def _name(function: Any) -> str:
    if isinstance(function, np.ufunc):
        return f"np.{function.__name__}"
    return str(getattr(function, "__name__", None) or type(function).__name__)


def summary(found: list[Mismatch]) -> str:
    """What the mismatches are, in a sentence or two; "" if there is none."""
    if not found:
        return ""
    of_kind = {kind: [m for m in found if m.kind == kind] for kind in ("wrong", "undecided", "rounding")}
    wrong, undecided, rounding = of_kind["wrong"], of_kind["undecided"], of_kind["rounding"]
    said = []
    if wrong and wrong[0].difference is not None:
        first = wrong[0]
        said.append(
            f"{_count(wrong, found)} wrong, further apart than rounding can bring them; the first is "
            f"{_place(first)}, {_distance(first)} ({first.cause})."
        )
    elif wrong:
        said.append(f"{_count(wrong, found)} wrong: {wrong[0].cause}.")
    if undecided:
        said.append(f"{_count(undecided, found)} undecided: {undecided[0].cause}.")
    if rounding:
        causes = ", ".join(dict.fromkeys(m.cause for m in rounding if m.cause))
        said.append(f"{_count(rounding, found)} rounding{f' ({causes})' if causes else ''}.")
        # Two maxima: near 0 a tiny difference is many ULP.
        bounded = [m for m in rounding if m.bound < math.inf]
        most, closest = max(bounded, key=_ulps), max(bounded, key=lambda m: m.share)
        largest = max(bounded, key=lambda m: m.difference or 0.0)
        if most.row.ulps is not None:
            said.append(f"The largest in ULP is {_place(most)}: {most.row.ulps:,} ULP, {_distance(most)}.")
        if largest is not most:
            ulp = f"{largest.row.ulps:,} ULP, " if largest.row.ulps is not None else ""
            said.append(f"The largest in size is {_place(largest)}: {ulp}{_distance(largest)}.")
        said.append(f"None reaches more than {closest.share:.2g} of its bound.")
    return " ".join(said)


def _ulps(mismatch: Mismatch) -> float:
    return mismatch.row.ulps if mismatch.row.ulps is not None else 0


def _count(some: list[Mismatch], found: list[Mismatch]) -> str:
    if len(some) < len(found):
        return f"{len(some):,} of {len(found):,} mismatches {'is' if len(some) == 1 else 'are'}"
    return f"All {len(found):,} mismatches are" if len(found) > 1 else "The one mismatch is"


def _place(mismatch: Mismatch) -> str:
    row = mismatch.row
    return row.name if row.sample is None else f"{row.name} of sample {row.sample}"


def _distance(mismatch: Mismatch) -> str:
    bound = f" beside the a-priori bound {mismatch.bound:.3g}" if mismatch.bound < math.inf else ""
    return f"{mismatch.difference:.3g} apart{bound}"
