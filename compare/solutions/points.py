"""Points for a solution: which of BP1–BP4 hold, layer by layer from the cost backward, and what is beside them.

What is no matter of a layer has a row of its own, without a layer: "batch" (how the samples are put together), "C"
(the regularisation term), "update" (of a training step) and "code" (repeated calls, precision).  Which of these rows
there are depends on what is asked alone (`asked`), so that every solution of one task is marked out of one total.
A mistake costs the point of its own row: one that has layers those of the equations there, unless it is one of the
update, which shows in BP1 but is not made there.  A reversed sign of a training step may have been made in either
place, with the same numbers: it counts as the update's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tabulate import tabulate

from compare.mistakes.known import find
from compare.mistakes.slots import DELTA_SLOTS

EQUATIONS = ("BP1", "BP2", "BP3", "BP4")
BESIDE = ("batch", "C", "update", "code")
_SAID = {True: "holds", False: "does not hold", None: "cannot be said"}


@dataclass(frozen=True)
class Mark:
    """One equation at one layer (2 is the first with weights), or what is beside the equations, at no layer.

    holds:  None where it cannot be said
    worth:  points
    """

    layer: int | None
    equation: str
    holds: bool | None
    worth: Fraction

    @property
    def points(self) -> Fraction:
        """What the solution gets: nothing where the equation does not hold, or where it cannot be said."""
        return self.worth if self.holds else Fraction(0)


@dataclass(frozen=True)
class Marks:
    """The marks of a solution, and their sum.

    why:  of rows that cannot be said, the reasons, a line each
    """

    rows: tuple[Mark, ...]
    why: tuple[str, ...] = ()

    @property
    def points(self) -> Fraction:
        """What the solution gets in all."""
        return sum((row.points for row in self.rows), Fraction(0))

    @property
    def most(self) -> Fraction:
        """What a right solution gets."""
        return sum((row.worth for row in self.rows), Fraction(0))

    @property
    def in_words(self) -> str:
        """The sum: "7 of 8 points"."""
        unsaid = sum(row.holds is None for row in self.rows)
        plural = "" if self.most == 1 else "s"
        said = f"{_number(self.points)} of {_number(self.most)} point{plural}"
        return f"{said}; {unsaid} of {len(self.rows)} rows could not be judged" if unsaid else said

    def table(self, form: str = "simple") -> str:
        """The rows, in a format of tabulate."""
        body = [
            [row.layer or "", row.equation, _SAID[row.holds], f"{_number(row.points)} of {_number(row.worth)}"]
            for row in self.rows
        ]
        return tabulate(body, ["layer", "equation", "", "points"], tablefmt=form, disable_numparse=True)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        rows = [
            {"layer": r.layer, "equation": r.equation, "holds": r.holds, "points": _plain(r.points),
             "of": _plain(r.worth)}
            for r in self.rows
        ]  # fmt: skip
        return {"points": _plain(self.points), "of": _plain(self.most), "rows": rows, "why": list(self.why)}


def marks(rows: Iterable[Mapping[str, Any]], scheme: Mapping[str, Fraction], why: Iterable[str] = ()) -> Marks:
    """Marks of rows (each with layer, equation, holds); what has no place in the scheme is worth 1.

    From the output backward; what has no layer comes last.
    """
    made = [Mark(r["layer"], r["equation"], r["holds"], scheme.get(r["equation"], Fraction(1))) for r in rows]
    return Marks(tuple(sorted(made, key=lambda r: (-(r.layer or 0), _ORDER.index(r.equation)))), tuple(why))


_ORDER = (*EQUATIONS, *BESIDE)


def asked(samples: int, conventions: Mapping[str, Any], step: bool) -> list[str]:
    """Which rows beside the equations a task has: "batch" if there is one, "C" if λ was declared, …, "code" always."""
    has = {
        "batch": samples > 1 or "reduction" in conventions,
        "C": "regularisation" in conventions,
        "update": step,
        "code": True,
    }
    return [place for place in BESIDE if has[place]]


def judged(diagnosis: Mapping[str, Any], asked: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a diagnosis (`Diagnosis.to_dict`): its equations, and what is asked beside them.

    A row holds where no finding has its place there, so that a solution with a finding never gets all points.
    """
    findings = diagnosis["findings"]
    wrong = dict.fromkeys(place for finding in findings if (place := _beside(finding)))
    rows = [{**e, "holds": True} if _is_of_update(e, findings) else dict(e) for e in diagnosis["equations"]]
    return rows + [_row(place, place not in wrong) for place in dict.fromkeys((*asked, *wrong))]


def reasons(diagnosis: Mapping[str, Any], apart: float | None) -> list[str]:
    """Why equations of a diagnosis cannot be said, a line for each reason.

    apart:  how far the gradients are from the right ones, if that is known
    """
    unsaid: dict[int, list[str]] = {}
    for e in diagnosis["equations"]:
        if e["holds"] is None:
            unsaid.setdefault(e["layer"], []).append(e["equation"])
    names = {layer: {n for f in diagnosis["findings"] if layer in f["layers"] for n in f["names"]} for layer in unsaid}
    strange = {layer for layer in unsaid if any(f" at layer {layer}:" in said for said in diagnosis["unexplained"])}
    said, some = [], False
    for layer, equations in unsaid.items():
        which = f"layer {layer}, {', '.join(equations)}: cannot be said, since"
        if layer in strange:
            said.append(f"{which} no mistake of the catalogue fits ∂C/∂b and ∂C/∂w, and no one δ makes both")
            some = True
        elif "layer-skipped" in names[layer]:
            said.append(f"{which} nothing but zeros came back")
        else:
            said.append(f"{which} what differs from call to call is not judged")
    if some and apart is not None:
        said.append(f"the gradients of the first sample are right to about {apart:.1g} only, relative to the largest")
    return said


def unmarked(sizes: Sequence[int], asked: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a network of which nothing can be said, since the solution did not run."""
    last = len(sizes)
    rows = [
        {"layer": layer, "equation": equation, "holds": None}
        for layer in range(last, 1, -1)
        for equation in ("BP1" if layer == last else "BP2", "BP3", "BP4")
    ]
    return rows + [_row(place, None) for place in asked]


def _row(place: str, holds: bool | None) -> dict[str, Any]:
    return {"layer": None, "equation": place, "holds": holds}


def _beside(finding: Mapping[str, Any]) -> str:
    """The row beside the equations that a finding belongs to; "": it is one of the equations at its layers."""
    if any(find(name).equation == "update" for name in finding["names"]):
        return "update"
    return "" if finding["layers"] else str(finding["equation"])


def _is_of_update(equation: Mapping[str, Any], findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether δ of a layer differs by nothing but mistakes of the update."""
    if equation["holds"] is not False or equation["equation"] not in ("BP1", "BP2"):
        return False
    there = [f for f in findings if equation["layer"] in f["layers"]]
    places = {_beside(f) for f in there if any(find(name).slot in DELTA_SLOTS for name in f["names"])}
    return places == {"update"}


def scheme(text: str) -> dict[str, Fraction]:
    """What each row is worth, from "BP1=2,batch=0.5"; what is not named is worth 1.

    Raises
    ------
    ValueError
        The text is no such list.

    >>> scheme("BP1=2,batch=0.5")
    {'BP1': Fraction(2, 1), 'batch': Fraction(1, 2)}
    """
    worth: dict[str, Fraction] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in _ORDER:
            raise ValueError(f"expected points such as BP1=2,batch=3, got {part!r}; known: {', '.join(_ORDER)}")
        if name in worth:
            raise ValueError(f"{name} is named twice")
        try:
            worth[name] = Fraction(number)
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"{name}: expected a number of points, got {number!r}") from None
        if worth[name] < 0:
            raise ValueError(f"{name}: expected no less than 0 points, got {number}")
    return worth


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _number(number: Fraction) -> str:
    return str(number) if number.denominator == 1 else f"{float(number):.6g}"
