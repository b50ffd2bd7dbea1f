"""Points for a solution: which of BP1–BP4 hold, layer by layer, walking backward from the cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tabulate import tabulate

EQUATIONS = ("BP1", "BP2", "BP3", "BP4")
_SAID = {True: "holds", False: "does not hold", None: "cannot be said"}


@dataclass(frozen=True)
class Mark:
    """One equation at one layer (2 is the first with weights): whether it holds, and what it is worth."""

    layer: int
    equation: str
    holds: bool | None
    worth: Fraction

    @property
    def points(self) -> Fraction:
        """What the solution gets: nothing where the equation does not hold, or where it cannot be said."""
        return self.worth if self.holds else Fraction(0)


@dataclass(frozen=True)
class Marks:
    """The marks of a solution, and their sum."""

    rows: tuple[Mark, ...]

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
        return f"{said}; {unsaid} of {len(self.rows)} equations could not be judged" if unsaid else said

    def table(self, form: str = "simple") -> str:
        """The rows, in a format of tabulate."""
        body = [
            [row.layer, row.equation, _SAID[row.holds], f"{_number(row.points)} of {_number(row.worth)}"]
            for row in self.rows
        ]
        return tabulate(body, ["layer", "equation", "", "points"], tablefmt=form, disable_numparse=True)

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        rows = [
            {"layer": r.layer, "equation": r.equation, "holds": r.holds, "points": _plain(r.points),
             "of": _plain(r.worth)}
            for r in self.rows
        ]  # fmt: skip
        return {"points": _plain(self.points), "of": _plain(self.most), "rows": rows}


def marks(equations: Iterable[Mapping[str, Any]], scheme: Mapping[str, Fraction]) -> Marks:
    """Marks of equations (each with layer, equation, holds); an equation without a place in the scheme is worth 1."""
    rows = [Mark(e["layer"], e["equation"], e["holds"], scheme.get(e["equation"], Fraction(1))) for e in equations]
    return Marks(tuple(sorted(rows, key=lambda row: (-row.layer, row.equation))))


def unmarked(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """The equations of a network of which nothing can be said, since the solution did not run."""
    last = len(sizes)
    return [
        {"layer": layer, "equation": equation, "holds": None}
        for layer in range(last, 1, -1)
        for equation in ("BP1" if layer == last else "BP2", "BP3", "BP4")
    ]


def scheme(text: str) -> dict[str, Fraction]:
    """What each equation is worth, from "BP1=2,BP2=0.5"; equations that are not named are worth 1.

    Raises
    ------
    ValueError
        The text is no such list.

    >>> scheme("BP1=2,BP2=0.5")
    {'BP1': Fraction(2, 1), 'BP2': Fraction(1, 2)}
    """
    worth: dict[str, Fraction] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in EQUATIONS:
            raise ValueError(f"expected points such as BP1=2,BP2=3, got {part!r}; equations: {', '.join(EQUATIONS)}")
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
