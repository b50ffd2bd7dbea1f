"""The report of `diagnose_graph`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from compare.diagnosing_graphs.passes import GraphFinding
from compare.diagnosing_graphs.records import GraphMistake
from compare.readable import Readable, Table

SHOWN = 12


@dataclass(frozen=True)
class Judged:
    """In which arithmetic the nodes of an op were judged.

    op         : as in `_op`
    nodes      : how many
    run        : of how many the backward step was run; 0 where there is none, or none that runs on other numbers
    arithmetic : "rational" or "finite field", then the partial is proved right or wrong; else "float64", then the
                 grads of this graph (or the floats that a step has kept) are within a bound of the right ones, or not
    """

    op: str
    nodes: int
    run: int
    arithmetic: str


@dataclass(frozen=True, eq=False)
class GraphDiagnosis(Readable):
    """What was found in a graph.

    count:      of its nodes
    findings:   in order, walking backward from the root: steps first, then the pass
    judged:     for each op, in which arithmetic
    undecided:  op strings that the op table does not know; what their nodes pass on is not judged
    notes:      what is not as in the op table, or as it should be, and does not matter in this graph
    """

    count: int
    findings: list[GraphFinding]
    judged: list[Judged]
    undecided: list[str]
    notes: list[str]

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, as far as the ops are known."""
        return not self.findings

    @property
    def mistakes(self) -> list[GraphMistake]:
        """The records found, in order; [] for a right graph."""
        return list(dict.fromkeys(m for f in self.findings for m in f.mistakes))

    def _lines(self) -> Iterator[str]:
        verdict = f"{len(self.findings)} found" if self.findings else "RIGHT: every grad is the sum over its uses"
        yield f"{self.count:,} nodes; {verdict}."
        for number, f in enumerate(self.findings, 1):
            for i, m in enumerate(f.mistakes):
                yield f"{number}. {m.sentence} [{m.name}]" if i == 0 else f"   or: {m.sentence} [{m.name}]"
            yield f"   right: {f.mistakes[0].formula}"
            if f.numbers:
                yield f"   {f.numbers}"
            yield f"   fix: {f.mistakes[0].hint}"
        for arithmetic, ops in groupby(sorted(self.judged, key=lambda j: j.arithmetic), lambda j: j.arithmetic):
            exact = "exact, " if arithmetic != "float64" else ""
            yield f"judged in {exact}{arithmetic}: " + ", ".join(f"{j.op} ({j.run} of {j.nodes:,} run)" for j in ops)
        if self.undecided:
            yield f"not judged: the ops {', '.join(self.undecided)}, which are not known"
        yield from (f"note: {note}" for note in self.notes)

    def _parts(self) -> Iterator[str | Table]:
        yield "\n".join(self._lines())
        rows = [[f.mistakes[0].name, ", ".join(f.nodes[:SHOWN]), len(f.nodes)] for f in self.findings if f.nodes]
        yield Table(["mistake", "nodes", "how many"], rows)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain data."""
        return {
            "nodes": self.count,
            "right": self.right,
            "mistakes": [m.name for m in self.mistakes],
            "findings": [
                {"names": [m.name for m in f.mistakes], "nodes": list(f.nodes), "numbers": f.numbers}
                for f in self.findings
            ],
            "judged": [vars(j) for j in self.judged],
            "undecided": list(self.undecided),
            "notes": list(self.notes),
        }
