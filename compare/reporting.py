"""The report of a comparison: rows, counts, the first divergence, and its forms for reading."""

import dataclasses
import html
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from compare.arithmetic import Arithmetic
from compare.classify import Mismatch, mismatches, summary
from compare.ulp import identical, ulps
from engine.files import write_json
from engine.notation import symbol
from explicit import Backprop, Network

if TYPE_CHECKING:
    from compare.accuracy import Accuracy
    from compare.page import Page
    from compare.referees import Opinion
    from engine.drawing.picture import Graph

Array = npt.NDArray[Any]

SHOWN = 64  # z nodes that are listed one by one; a larger report lists only what differs
LISTED = 20  # rows that differ


@dataclass(frozen=True)
class Row:
    """One number, twice.

    quantity:  "z" (δ beside the adjoint of z), "a", "b" or "w" (∂C/∂a, ∂C/∂b, ∂C/∂w)
    layer:     as in the book, the input is 1
    unit:      from 1 on; for a weight wⱼₖ the pair (j, k)
    sample:    from 0 on, the column of x; None for parameters, which are summed over the samples
    delta:     the number of the explicit side
    adjoint:   the number of the engine's side
    equal:     by the arithmetic's equality, for floats identical bits
    ulps:      their distance in ULP for floats, None for other numbers
    referees:  for a z node, the distance of each referee's opinion from delta in ULP; NaN: it has none
    """

    quantity: str
    layer: int
    unit: int | tuple[int, int]
    sample: int | None
    delta: Any
    adjoint: Any
    equal: bool
    ulps: int | float | None
    referees: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """δ²₁, ∂C/∂w²₁₃, …."""
        indices = self.unit if isinstance(self.unit, tuple) else (self.unit,)
        if self.quantity == "z":
            return symbol("δ", self.layer, *indices)
        return "∂C/∂" + symbol(self.quantity, self.layer, *indices)


@dataclass(frozen=True, eq=False)
class Pair:
    """One quantity of one layer on both sides; made_by is the equation that made the layer's δ."""

    quantity: str
    layer: int
    made_by: str
    explicit: Array
    adjoint: Array

    @cached_property
    def equal(self) -> Array:
        """Element by element, whether the two are the same number."""
        return identical(self.explicit, self.adjoint)

    @cached_property
    def max_ulps(self) -> int | float | None:
        """The largest distance; None for numbers that are no floats."""
        if self.explicit.dtype != np.float64 or self.adjoint.dtype != np.float64:
            return None
        return max((row.ulps or 0 for row in self.rows(only_different=True)), default=0)

    def row(self, place: tuple[int, int]) -> Row:
        """The two numbers at an index of the arrays."""
        j, k = place
        a, b = _number(self.explicit, place), _number(self.adjoint, place)
        per_sample = self.quantity in "za"
        return Row(
            self.quantity,
            self.layer,
            (j + 1, k + 1) if self.quantity == "w" else j + 1,
            k if per_sample else None,
            a,
            b,
            bool(self.equal[place]),
            ulps(a, b) if type(a) is float and type(b) is float else None,
        )

    def rows(self, only_different: bool = False) -> Iterator[Row]:
        """The rows, sample by sample for z and a, in reading order for parameters."""
        places = np.argwhere(~self.equal) if only_different else np.argwhere(np.ones_like(self.equal))
        if self.quantity in "za":
            places = places[np.lexsort((places[:, 0], places[:, 1]))]
        return (self.row((int(j), int(k))) for j, k in places)


def _number(array: Array, place: tuple[int, int]) -> Any:
    return array[place].item() if array.dtype == np.float64 else array[place]


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
    accuracy : over balls, one `compare.accuracy.Accuracy` per z node and sample: float64's δ beside the
        true one; `bits` is the precision that served and `floats` the comparison in float64
    y : the targets (n_L, B), in the report's arithmetic
    opinions : one `compare.referees.Opinion` per referee that was asked
    classified : one `compare.classify.Mismatch` per row that differs: "rounding" or "wrong", and why
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

        Arguments and errors: see `compare.pictures.report_graph`.
        """
        from compare.pictures import report_graph

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
        from compare.page import report_page

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
        how = "" if first.ulps is None else f" ({_apart(first)} apart)"
        word = "ROUNDED OTHERWISE" if all(m.kind == "rounding" for m in self.classified) else "DIFFERENT"
        return (
            f"{word}: {said} Walking backward from the cost, the first to differ is {first.name}{at}: "
            f"{_text(first.delta)} against the adjoint {_text(first.adjoint)}{how}. {summary(self.classified)}"
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
            hexes = [_hex(row.delta), _hex(row.adjoint)] if floats else []
            mark = "yes" if row.equal else "NO" if row.ulps is None else f"NO, {_apart(row)}"
            sample = "sum" if row.sample is None else row.sample
            said = [f"{row.referees[name]:,.0f}" if name in row.referees else "" for name in asked]
            body.append([row.name, sample, _text(row.delta), _text(row.adjoint), *hexes, mark, *said])
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
            "first_divergence": None if first is None else _plain(first),
            "z": [_plain(row) for row in self.rows],
            "different": [_plain(row) for row in others],
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


def _text(number: Any) -> str:
    """A number in full: 17 digits for a float; a long exact number as its nearest float and its length."""
    text = repr(number) if isinstance(number, float) else str(number)
    if len(text) <= 44:
        return text
    try:
        return f"≈ {number.to_float():.6g} ({len(text)} digits)" if hasattr(number, "to_float") else text
    except OverflowError:
        return f"{text[:12]}… ({len(text)} digits)"


def _apart(row: Row) -> str:
    return "the sign of zero" if row.ulps == 0 else f"{row.ulps:,} ULP"


def _hex(number: Any) -> str:
    # What a wrong graph leaves may be no float: a node that no path leads to has the int 0.
    return number.hex() if isinstance(number, float) else ""


def _plain(row: Row) -> dict[str, Any]:
    def number(x: Any) -> Any:
        # As text: JSON has no inf and no NaN, and readers differ in the last digit of a decimal.
        return {"decimal": repr(x), "hex": x.hex()} if isinstance(x, float) else {"exact": str(x)}

    return {
        "name": row.name,
        "quantity": row.quantity,
        "layer": row.layer,
        "unit": row.unit,
        "sample": row.sample,
        "delta": number(row.delta),
        "adjoint": number(row.adjoint),
        "equal": row.equal,
        "ulps": None if row.ulps is None else str(row.ulps) if row.ulps == float("inf") else row.ulps,
    } | ({"referees": {name: repr(d) for name, d in row.referees.items()}} if row.referees else {})
