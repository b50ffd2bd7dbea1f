"""What `diagnose` found, and its forms for reading."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from compare.diagnosing.findings import Finding
from compare.diagnosing.walk import WalkedLayer
from compare.mistakes.known import Mistake
from compare.readable import Readable, Table, name_of
from explicit import Network, bp3, bp4

EQUATIONS = ("BP1", "BP2", bp3.tag, bp4.tag)
HOLDS = {True: "holds", False: "does not", None: "cannot be said"}


@dataclass(frozen=True)
class Holding:
    """Whether an equation holds at a layer, on the candidate's own numbers of the layer above."""

    layer: int
    equation: str
    holds: bool | None


@dataclass(frozen=True, eq=False)
class Diagnosis(Readable):
    """Somebody's backpropagation, with its mistakes by name.

    network:      ours with the candidate's parameters
    findings:     in the order of the walk backward from the cost
    unexplained:  what differs and fits no mistake, with the patterns that hold
    layers:       of the walk
    arithmetic:   in which formulas were compared: a match in "finite field" or "rational" is exact
    failure:      where the candidate raised, or returned nothing comparable
    notes:        conventions that were recognised, and remarks
    singly:       whether batches were not looked at
    unjudged:     where nothing could be said, although it was asked
    apart:        of what no mistake explains: how far the gradients of the first sample are from the right ones, at
                  most, relative to the largest number of the array; None where that is no finite number
    """

    network: Network
    findings: list[Finding]
    unexplained: list[str]
    layers: list[WalkedLayer]
    arithmetic: str = ""
    failure: str = ""
    notes: list[str] = field(default_factory=list)
    singly: bool = False
    unjudged: str = ""
    apart: float | None = None

    @property
    def right(self) -> bool | None:
        """Whether all is right; None: nothing is wrong, and not all that was asked could be judged."""
        if self.findings or self.unexplained or self.failure:
            return False
        return None if self.unjudged else True

    @property
    def mistakes(self) -> list[Mistake]:
        """The mistakes found, in order; of a class of equal formulas, all.  [] for right code."""
        return list(dict.fromkeys(m for f in self.findings for m in f.mistakes))

    @property
    def conventions(self) -> list[str]:
        """What was recognised and is no mistake."""
        return list(self.notes)

    @property
    def equations(self) -> list[Holding]:
        """Which equations hold, layer by layer from the output backward."""
        return [Holding(layer.number, tag, holds) for layer in self.layers for tag, holds in layer.holds.items()]

    @property
    def first_divergence(self) -> Holding | None:
        """The first equation that does not hold, walking backward from the cost; None if all do.

        Its `holds` is None where a layer is wrong and no equation alone can be blamed.
        """
        for layer in self.layers:
            for tag, holds in layer.holds.items():
                if holds is False or (layer.unexplained and holds is None):
                    return Holding(layer.number, tag, holds)
        return None

    @property
    def title(self) -> str:
        """What was asked about."""
        return f"{name_of(self.network)} cost"

    @property
    def verdict(self) -> str:
        """The diagnosis in a sentence."""
        if self.failure:
            return f"DID NOT RUN: {self.failure}"
        if self.right is not False:
            how = {
                "finite field": "equal in GF(2⁶¹ − 1) at a random point",
                "rational": "equal in exact rational arithmetic at random points",
                "float32": "equal up to the rounding of float32",
            }.get(self.arithmetic, "equal up to rounding")
            held, unsaid = (
                " and ".join(dict.fromkeys(e.equation for e in self.equations if (e.holds is None) is out))
                for out in (False, True)
            )
            what = f"{held} hold; of {unsaid} nothing was given" if unsaid else "all equations hold"
            if self.unjudged:
                return f"NOT JUDGED {self.unjudged}; {what} elsewhere; {how}."
            return f"RIGHT{' for one sample at a time' if self.singly else ''}: {what}; {how}."
        first = self.first_divergence
        where = f"; walking backward from the cost, first in {first.equation} at layer {first.layer}" if first else ""
        if not self.findings:
            return f"WRONG, in a way that no mistake of the catalogue explains{where}."
        count = len(self.findings) + bool(self.unexplained)
        return f"{count} MISTAKE{'S' if count > 1 else ''}{where}."

    def _lines(self) -> Iterator[str]:
        yield self.verdict
        for number, finding in enumerate(self.findings, 1):
            for i, line in enumerate(finding.lines()):
                yield f"{number}. {line}" if i == 0 else line
        if self.unexplained:
            yield "No mistake of the catalogue fits:"
            yield from (f"    {said}" for said in self.unexplained)
        yield from (f"note: {note}" for note in self.notes)

    def _table(self) -> Table:
        rows = []
        for layer in self.layers:
            said = [HOLDS[layer.holds[tag]] if tag in layer.holds else "" for tag in EQUATIONS]
            rows.append([layer.number, *said])
        return Table(["layer", *EQUATIONS], rows)

    def _parts(self) -> Iterator[str | Table]:
        yield self.title
        yield self._table()
        yield "\n".join(self._lines())

    def __repr__(self) -> str:
        names = ", ".join(m.name for m in self.mistakes)
        return f"<Diagnosis {self.title}: {'right' if self.right else names or self.verdict}>"

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain data."""
        first = self.first_divergence
        return {
            "title": self.title,
            "right": self.right,
            "verdict": self.verdict,
            "arithmetic": self.arithmetic,
            "mistakes": [m.name for m in self.mistakes],
            "first_divergence": None if first is None else vars(first),
            "findings": [
                {
                    "names": [m.name for m in f.mistakes],
                    "equation": f.equation,
                    "layers": list(f.layers),
                    "sentence": f.mistakes[0].sentence if f.mistakes else f.text,
                    "computed": f.mistakes[0].formula if f.mistakes else "",
                    "right": f.right,
                    "numbers": f.numbers,
                    "fix": f.mistakes[0].hint if f.mistakes else "",
                }
                for f in self.findings
            ],
            "unexplained": self.unexplained,
            "equations": [vars(e) for e in self.equations],
            "failure": self.failure,
            "notes": list(self.notes),
        }
