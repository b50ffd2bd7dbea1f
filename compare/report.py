"""The report of a comparison: rows, counts, the first divergence, and its forms for reading."""

import dataclasses
import html
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from tabulate import tabulate

from compare.comparison.mismatch import Mismatch, mismatches, summary
from compare.comparison.rows import LISTED, SHOWN, Pair, Row, apart, hex_of, plain_row, text_of
from compare.numbers.arithmetic import Arithmetic
from engine.files import write_json
from explicit import Backprop, Network
from explicit.elementwise import Array

if TYPE_CHECKING:
    from compare.comparison.rows import Accuracy
    from compare.page.page import Page
    from compare.referees.opinion import Opinion
    from engine.drawing.picture import Graph


class Report:
    """What a comparison found.

    Attributes
    ----------
    exact : True when every δ and every gradient equals its adjoint.  Never True for a network with
        its own `matmul`: its order of sums is outside the contract, even where the bits agree.
    rows : one `Row` per z node and sample, by layer, sample and unit
    counts : {"z": (equal, all), "a": …, "b": …, "w": …}
    first_divergence : the first `Row` that differs, walking backward from the cost; None if none does
    record : the explicit side's `Backprop`
    accuracy : over balls, one `compare.comparison.rows.Accuracy` per z node and sample: float64's δ beside the
        true one; `bits` is the precision that served and `floats` the comparison in float64
    y : the targets (n_L, B), in the report's arithmetic
    opinions : one `compare.referees.opinion.Opinion` per referee that was asked
    classified : one `compare.comparison.mismatch.Mismatch` per row that differs: "rounding" or "wrong", and why
    """

    accuracy: "Sequence[Accuracy]" = ()
    bits: int | None = None
    floats: "Report | None" = None
    y: Array
    opinions: "Sequence[Opinion]" = ()

    def __init__(self, network: Network, arithmetic: Arithmetic, record: Backprop, pairs: list[Pair]) -> None:
        self.network, self.arithmetic, self.record, self.pairs = network, arithmetic, record, pairs

    @property
    def all_equal(self) -> bool:
        """Whether every pair of numbers is equal."""
        return all(pair.equal.all() for pair in self.pairs)

    @property
    def exact(self) -> bool:
        """Whether everything is equal, under the order contract."""
        return self.network.matmul is None and self.all_equal

    @cached_property
    def rows(self) -> list[Row]:
        """One row per z node and sample."""
        return self.rows_of("z")

    def rows_of(self, quantity: str) -> list[Row]:
        """The rows of one quantity, by layer: "z", "a", "b" or "w".

        Raises
        ------
        ValueError
            The quantity is none of these.
        """
        if quantity not in ("z", "a", "b", "w"):
            raise ValueError(f"quantity: expected 'z', 'a', 'b' or 'w', got {quantity!r}")
        return [self._with_opinions(row) for pair in self._by_layer(quantity) for row in pair.rows()]

    def _with_opinions(self, row: Row) -> Row:
        if row.quantity != "z" or not self.opinions or row.sample is None or isinstance(row.unit, tuple):
            return row
        place = (row.unit - 1, row.sample)
        said = {o.name: float(o.distances[row.layer - 2][place]) for o in self.opinions}
        return dataclasses.replace(row, referees=said)

    def _by_layer(self, quantity: str) -> list[Pair]:
        return sorted((p for p in self.pairs if p.quantity == quantity), key=lambda p: p.layer)

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """How many numbers are equal, and how many there are, by quantity."""
        return {
            quantity: (
                sum(int(p.equal.sum()) for p in self._by_layer(quantity)),
                sum(p.equal.size for p in self._by_layer(quantity)),
            )
            for quantity in ("z", "a", "b", "w")
        }

    def different(self) -> Iterator[Row]:
        """The rows that differ, walking backward from the cost: layer by layer a, z, b, w."""
        return (self._with_opinions(row) for pair in self.pairs for row in pair.rows(only_different=True))

    @cached_property
    def classified(self) -> list[Mismatch]:
        """Every row that differs, in the order of `different`, with its kind, its bound and its cause."""
        return mismatches(self)

    @property
    def first_divergence(self) -> Row | None:
        """The first row that differs, walking backward from the cost."""
        return next(self.different(), None)

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

        made = report_page(self, sample)
        if path is not None:
            made.save(path)
        return made

    # -- forms for reading -----------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The question: network, samples and arithmetic."""
        net, samples = self.network, len(self.record.costs)
        names = [f.name for f in net.activation_functions]
        activations = "/".join(names if len(set(names)) > 1 else names[:1])
        return (
            f"{'-'.join(map(str, net.sizes))}, {activations}, {net.cost.name}, "
            f"{samples} sample{'s' if samples > 1 else ''}; "
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
        at = "" if first.sample is None else f" of sample {first.sample}"
        how = "" if first.ulps is None else f" ({apart(first)} apart)"
        word = "ROUNDED OTHERWISE" if all(m.kind == "rounding" for m in self.classified) else "DIFFERENT"
        return (
            f"{word}: {said} Walking backward from the cost, the first to differ is {first.name}{at}: "
            f"{text_of(first.delta)} against the adjoint {text_of(first.adjoint)}{how}. {summary(self.classified)}"
        )

    def _opinions(self, form: str) -> str:
        """What the referees say of all z nodes."""
        head = ["referee", "nodes", "max ULP", "at", "max relative", "max |difference| / max |δ|", "order"]
        body = [
            [
                o.name,
                f"{sum(int((d == d).sum()) for d in o.distances):,}",
                f"{o.largest:,.0f}",
                o.at,
                f"{o.relative:.2g}",
                f"{o.normwise:.2g}",
                "" if o.order is None else f"{o.order:.2f}",
            ]
            for o in self.opinions
        ]
        return tabulate(body, head, tablefmt=form, disable_numparse=True)

    def _summary(self, form: str) -> str:
        head = ["layer", "made by", "δ = adjoint", "∂C/∂a", "∂C/∂b", "∂C/∂w", "max ULP"]
        body = []
        for layer in sorted({pair.layer for pair in self.pairs}):
            pairs = {p.quantity: p for p in self.pairs if p.layer == layer}
            worst = [p.max_ulps for p in pairs.values() if p.max_ulps is not None]
            cells = [f"{int(pairs[q].equal.sum()):,}/{pairs[q].equal.size:,}" for q in ("z", "a", "b", "w")]
            body.append([layer, pairs["z"].made_by, *cells, max(worst) if worst else "–"])
        return tabulate(body, head, tablefmt=form, disable_numparse=True)

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

    def _accuracy(self, form: str) -> str:
        """The nodes at which float64 is worst, and what that says."""
        worst = sorted(self.accuracy, key=lambda a: a.error, reverse=True)[:LISTED]
        body = [
            [a.name, a.sample, repr(a.float64), a.true, f"{a.error:.3g}", "no digit left" if a.lost else ""]
            for a in worst
        ]
        head = ["node", "sample", "δ in float64", "true δ", "error in ULP", ""]
        return tabulate(body, head, tablefmt=form, disable_numparse=True)

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

    def _table(self, form: str) -> str:
        """All z nodes of a small report; the first rows that differ of a large one."""
        if self.counts["z"][1] <= SHOWN:
            rows = self.rows + [row for row in self.different() if row.quantity != "z"][:LISTED]
        else:
            rows = [row for _, row in zip(range(LISTED), self.different(), strict=False)]
        if not rows:
            return ""
        floats = self.arithmetic.name == "float64"
        hex_head = ["δ in hex", "adjoint in hex"] if floats else []
        asked = [o.name for o in self.opinions]
        head = ["node", "sample", "δ", "adjoint", *hex_head, "equal", *(f"{name}, ULP" for name in asked)]
        body = []
        for row in rows:
            hexes = [hex_of(row.delta), hex_of(row.adjoint)] if floats else []
            mark = "yes" if row.equal else "NO" if row.ulps is None else f"NO, {apart(row)}"
            sample = "sum" if row.sample is None else row.sample
            said = [f"{row.referees[name]:,.0f}" if name in row.referees else "" for name in asked]
            body.append([row.name, sample, text_of(row.delta), text_of(row.adjoint), *hexes, mark, *said])
        return tabulate(body, head, tablefmt=form, disable_numparse=True)

    def __str__(self) -> str:
        parts = [self.title, self._table("simple"), self._summary("simple"), self.verdict]
        if self.opinions:
            parts.append(self._opinions("simple"))
        if self.accuracy:
            parts += [self._accuracy("simple"), self.accuracy_in_words]
        return "\n\n".join(part for part in parts if part)

    def __repr__(self) -> str:
        return f"<Report {self.title}: {self.verdict}>"

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self.title)}</p>", self._table("html"), self._summary("html")]
        if self.opinions:
            parts.append(self._opinions("html"))
        if self.accuracy:
            parts += [self._accuracy("html"), f"<p>{html.escape(self.accuracy_in_words)}</p>"]
        return "\n".join([*parts, f"<p><strong>{html.escape(self.verdict)}</strong></p>"])

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data: every z node, and every other number that differs."""
        others = [row for row in self.different() if row.quantity != "z"]
        first = self.first_divergence
        return {
            "title": self.title,
            "arithmetic": self.arithmetic.name,
            "exact": self.exact,
            "verdict": self.verdict,
            "counts": {q: {"equal": e, "all": n} for q, (e, n) in self.counts.items()},
            "first_divergence": None if first is None else plain_row(first),
            "z": [plain_row(row) for row in self.rows],
            "different": [plain_row(row) for row in others],
        } | self._kinds_as_dict() | self._opinions_as_dict() | self._accuracy_as_dict()

    def _kinds_as_dict(self) -> dict[str, Any]:
        kinds = [m.kind for m in self.classified]
        return {"classified": {kind: kinds.count(kind) for kind in ("rounding", "wrong", "undecided")}}

    def _opinions_as_dict(self) -> dict[str, Any]:
        if not self.opinions:
            return {}
        # As text, as all floats here: they may be inf or NaN.
        return {
            "referees": [
                {
                    "name": o.name,
                    "max_ulps": repr(o.largest),
                    "at": o.at,
                    "max_relative": repr(o.relative),
                    "normwise": repr(o.normwise),
                    "order": None if o.order is None else repr(o.order),
                }
                for o in self.opinions
            ]
        }

    def _accuracy_as_dict(self) -> dict[str, Any]:
        if not self.accuracy:
            return {}
        texts = ({"float64": repr(a.float64), "error": repr(a.error)} for a in self.accuracy)
        nodes = [dataclasses.asdict(a) | t for a, t in zip(self.accuracy, texts, strict=True)]
        return {"bits": self.bits, "accuracy": nodes}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON, whole or not at all; floats are given in decimal and in hex.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        write_json(path, self.as_dict())
