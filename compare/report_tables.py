"""The tables of a report, and the same as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from compare.comparison.mismatch import Mismatch
from compare.comparison.outcome import Outcome
from compare.comparison.rows import LISTED, SHOWN, apart, count, hex_of, plain_row, text_of
from compare.readable import Table
from compare.referees.opinion import Opinion


def rows_table(outcome: Outcome) -> Table:
    """All z nodes of a small report and the first other rows that differ; these alone of a large one."""
    small = outcome.counts["z"][1] <= SHOWN
    different = islice((row for row in outcome.different() if not small or row.quantity != "z"), LISTED)
    floats = outcome.arithmetic.name == "float64"
    hex_head = ["δ in hex", "adjoint in hex"] if floats else []
    asked = [o.name for o in outcome.opinions]
    head = ["node", "sample", "δ", "adjoint", *hex_head, "equal", *(f"{name}, ULP" for name in asked)]
    body = []
    for row in (*(outcome.rows if small else ()), *different):
        hexes = [hex_of(row.delta), hex_of(row.adjoint)] if floats else []
        mark = "yes" if row.equal else "NO" if row.ulps is None else f"NO, {apart(row)}"
        sample = "sum" if row.sample is None else row.sample
        said = [f"{row.referees[name]:,.0f}" if name in row.referees else "" for name in asked]
        body.append([row.name, sample, text_of(row.delta), text_of(row.adjoint), *hexes, mark, *said])
    return Table(head, body)


def layers_table(outcome: Outcome) -> Table:
    """Layer by layer, how many numbers of each quantity are equal."""
    columns = {
        "forward z": "z", "forward a": "a", "z": "δ = adjoint", "a": "∂C/∂a", "b": "∂C/∂b", "w": "∂C/∂w",
    }  # fmt: skip
    body = []
    for layer in range(2, len(outcome.network.sizes) + 1):
        pairs = {p.quantity: p for p in outcome.pairs if p.layer == layer}
        cells = ["{:,}/{:,}".format(*count([pairs[quantity]])) for quantity in columns]
        worst = [p.max_ulps for p in pairs.values() if p.max_ulps is not None]
        body.append([layer, pairs["z"].made_by, *cells, max(worst) if worst else "–"])
    return Table(["layer", "made by", *columns.values(), "max ULP"], body)


def opinions_table(opinions: Sequence[Opinion]) -> Table:
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
        for o in opinions
    ]
    return Table(head, body)


def accuracy_table(outcome: Outcome) -> Table:
    """Over balls, the nodes at which float64 is worst, and what that says."""
    worst = sorted(outcome.accuracy, key=lambda a: a.error, reverse=True)[:LISTED]
    body = [
        [a.name, a.sample, repr(a.float64), a.true, f"{a.error:.3g}", "no digit left" if a.lost else ""] for a in worst
    ]
    return Table(["node", "sample", "δ in float64", "true δ", "error in ULP", ""], body)


def as_plain(outcome: Outcome, classified: Sequence[Mismatch]) -> dict[str, Any]:
    """The numbers as plain data: every z node, and every other number that differs."""
    first = outcome.first_divergence
    kinds = [m.kind for m in classified]
    data = {
        "arithmetic": outcome.arithmetic.name,
        "exact": outcome.exact,
        "counts": {q: {"equal": e, "all": n} for q, (e, n) in outcome.counts.items()},
        "first_divergence": None if first is None else plain_row(first),
        "z": [plain_row(row) for row in outcome.rows],
        "different": [plain_row(row) for row in outcome.different() if row.quantity != "z"],
        "classified": {kind: kinds.count(kind) for kind in ("rounding", "wrong", "undecided")},
    }
    # As text, as all floats here: they may be inf or NaN.
    if outcome.opinions:
        data["referees"] = [
            {
                "name": o.name,
                "max_ulps": repr(o.largest),
                "at": o.at,
                "max_relative": repr(o.relative),
                "normwise": repr(o.normwise),
                "order": None if o.order is None else repr(o.order),
            }
            for o in outcome.opinions
        ]
    if outcome.accuracy:
        texts = ({"float64": repr(a.float64), "error": repr(a.error)} for a in outcome.accuracy)
        data["bits"] = outcome.bits
        data["accuracy"] = [asdict(a) | t for a, t in zip(outcome.accuracy, texts, strict=True)]
    return data
