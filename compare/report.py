"""The report of a comparison: its numbers, and its forms for reading."""

import os
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.comparison.mismatch import Mismatch, mismatches, summary
from compare.comparison.outcome import Outcome
from compare.comparison.rows import FORWARD, apart, text_of
from compare.readable import Readable, Table, name_of
from compare.report_tables import accuracy_table, as_plain, layers_table, opinions_table, rows_table

if TYPE_CHECKING:
    from compare.page.page import Page
    from engine.drawing.picture import Graph


class Report(Outcome, Readable):
    """What a comparison found: the numbers of an `Outcome`, in words, tables and pictures.

    Attributes
    ----------
    exact : True when z, a and C, every δ and every gradient are equal on both sides.  Never True for a network
        with its own `matmul`: its order of sums is outside the contract, even where the bits agree.
    rows : one `Row` per z node and sample, by layer, sample and unit
    counts : {"z": (equal, all), "a": …, "b": …, "w": …} of the adjoints; of the forward pass "forward z",
        "forward a" and "cost"
    first_divergence : the first `Row` that differs, of the forward pass, then walking backward from the cost
    classified : one `compare.comparison.mismatch.Mismatch` per row that differs: "rounding" or "wrong", and why
    record, y, opinions, accuracy, bits, floats : see `compare.comparison.outcome.Outcome`
    """

    @classmethod
    def of(cls, outcome: Outcome) -> "Report":
        """The report of an outcome."""
        values = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
        return cls(**values | {"floats": outcome.floats and cls.of(outcome.floats)})

    @cached_property
    def classified(self) -> list[Mismatch]:
        """Every row that differs, in the order of `different`, with its kind, its bound and its cause."""
        return mismatches(self)

    # -- pictures ----------------------------------------------------------------------------------

    def graph(self, sample: int = 0, level: str = "auto", **options: Any) -> "Graph":
        """The graph of one sample, δ beside the adjoint in each z node, = or ≠ in colour too.

        Arguments and errors: see `compare.page.graph.report_graph`.
        """
        from compare.page.graph import report_graph

        return report_graph(self, sample, level, **options)

    def save(self, path: str | os.PathLike[str], **options: Any) -> str:
        """Write the picture (.svg, .dot, .png, .pdf), whole or not at all, and return its one-line note.

        Options: those of `graph`.  Errors: as `graph` and `engine.drawing.picture.Graph.save`.
        """
        return self.graph(**options).save(path)

    def page(self, path: str | os.PathLike[str] | None = None, sample: int = 0) -> "Page":
        """A self-contained HTML page that steps through one sample's backward pass, δ beside adjoints.

        Written to path if one is given, whole or not at all; in a notebook the result shows itself.
        Above 2,000 nodes the page shows the unit view and says so.

        Raises
        ------
        ValueError
            There is no such sample.
        OSError
            The file cannot be written.
        """
        from compare.page.page import report_page

        made = report_page(self, sample, self.title, self.verdict)
        if path is not None:
            made.save(path)
        return made

    # -- forms for reading -----------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The question: network, samples and arithmetic."""
        samples = len(self.record.costs)
        return (
            f"{name_of(self.network)}, {samples} sample{'s' if samples > 1 else ''}; "
            f"{self.arithmetic.name}, equal means {self.arithmetic.equality}"
        )

    @property
    def verdict(self) -> str:
        """The answer, in one sentence or two."""
        counts = self.counts
        z = "{:,} of {:,} z nodes".format(*counts["z"])
        equal, total = (counts["b"][i] + counts["w"][i] for i in (0, 1))
        said = f"δ equals the adjoint at {z}; {equal:,} of {total:,} parameter gradients are equal."
        nan = sum(int(np.isnan(p.explicit).sum()) for p in self.pairs if p.explicit.dtype == np.float64)
        if nan:
            said += f" {nan:,} of all numbers are NaN on the textbook's side."
        if self.exact:
            return f"{self.arithmetic.word}: {said}"
        if self.network.matmul is not None:
            said += " The sums were taken by the network's own matmul, outside the order contract."
        if self.network.shortcut:
            said += " δᴸ = a − y is a short cut: equal to BP1 in exact arithmetic, but rounded otherwise."
        first = self.first_divergence
        if first is None:
            return f"EQUAL HERE: {said}"
        way, theirs = "Walking backward from the cost, the first to differ is", "the adjoint"
        if first.quantity in FORWARD:
            way, theirs = "Already in the forward pass the two differ, first at", "the graph's"
        at = "" if first.sample is None else f" of sample {first.sample}"
        how = "" if first.ulps is None else f" ({apart(first)} apart)"
        word = "ROUNDED OTHERWISE" if all(m.kind == "rounding" for m in self.classified) else "DIFFERENT"
        return (
            f"{word}: {said} {way} {first.name}{at}: "
            f"{text_of(first.delta)} against {theirs} {text_of(first.adjoint)}{how}. {summary(self.classified)}"
        )

    @property
    def accuracy_in_words(self) -> str:
        """How far float64 is from the truth, over balls."""
        assert self.floats is not None
        worst = max(self.accuracy, key=lambda a: a.error)
        lost = sum(a.lost for a in self.accuracy)
        same = (
            "Both sides carry the same rounding error: their bits are identical."
            if self.floats.all_equal
            else "The two sides round differently: their bits are not identical."
        )
        return (
            f"Balls of {self.bits} bits. float64's δ is off by at most {worst.error:.3g} ULP, at "
            f"{worst.name} of sample {worst.sample}; {lost} of {len(self.accuracy):,} nodes "
            f"have no correct digit. {same}"
        )

    @property
    def formulas(self) -> list[dict[str, str]]:
        """In symbols: for each z node δ and the adjoint as text and as LaTeX, and their difference.

        Raises
        ------
        ValueError
            The report is not over symbols.
        """
        if self.arithmetic.name != "symbolic":
            raise ValueError(f"formulas: made with arithmetic='symbolic', got {self.arithmetic.name!r}")
        return [
            {
                "node": row.name,
                "delta": str(row.delta),
                "adjoint": str(row.adjoint),
                "delta_latex": row.delta.latex,
                "adjoint_latex": row.adjoint.latex,
                "difference": "0" if row.equal else str(row.delta - row.adjoint),
            }
            for row in self.rows
        ]

    def _parts(self) -> Iterator[str | Table]:
        yield self.title
        yield rows_table(self)
        yield layers_table(self)
        yield self.verdict
        yield opinions_table(self.opinions)
        if self.accuracy:
            yield accuracy_table(self)
            yield self.accuracy_in_words

    def __repr__(self) -> str:
        return f"<Report {self.title}: {self.verdict}>"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data: every z node, and every other number that differs."""
        return {"title": self.title, "verdict": self.verdict} | as_plain(self, self.classified)
