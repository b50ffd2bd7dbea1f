"""The parts of a page that are tables: numbers in three spellings, δ beside the adjoint, the cost meter."""

import base64
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from typing import Any

from compare.comparison.outcome import Outcome
from compare.counting import cost, cost_curve
from compare.page.equations import Card, plain
from compare.page.graph import rows_at
from compare.rounding.ulp import same_number
from engine.drawing.text import exact, nearest, number
from engine.notation import symbol
from explicit import Network

LISTED = 200  # rows of a table
COUNTED = 50_000  # parameters of a network whose work is counted: counting runs every step


class Numbers:
    """The numbers of a page, each once: (5 digits, in full, the bits in hex, its shade from −1 to 1)."""

    def __init__(self, full: float) -> None:
        """full: the magnitude that has full colour."""
        self.full = full
        self.shown: list[tuple[str, str, str, float]] = []
        self._index: dict[tuple[str, str, str, float], int] = {}

    def of(self, value: Any) -> int:
        """The place of a number in `shown`."""
        value = plain(value)
        near = nearest(value)
        shade = 0.0
        if near is not None and near == near and near:
            shade = round(max(-1.0, min(1.0, near / self.full)), 3)
        bits = value.hex() if isinstance(value, float) else exact(value)
        item = (number(value), exact(value), bits, shade)
        if item not in self._index:
            self._index[item] = len(self.shown)
            self.shown.append(item)
        return self._index[item]


def table(
    outcome: Outcome,
    sample: int,
    done: Mapping[tuple[Any, ...], int],
    cards: Iterable[Card],
    grads: Mapping[tuple[Any, ...], Any],
    numbers: Numbers,
) -> str:
    """The rows of the table: δ beside the adjoint for every z, then the gradients of the parameters."""
    rows = []
    for (layer, unit), row in sorted(rows_at(outcome, sample).items(), key=lambda one: -one[0][0]):
        verdict = "=" if row.equal else "≠" if row.ulps is None else f"≠ {row.ulps:,} ULP"
        by = outcome.record.made_by[layer - 2]
        node, place = symbol("z", layer, unit), f"{layer}_{unit}"
        at = done.get(("z", layer, unit), 0)
        rows.append(_row(row.name, by, node, row.delta, row.adjoint, verdict, at, numbers, place))
    for card in cards:
        adjoint = grads[card.key]
        verdict = "=" if same_number(card.result, adjoint) else "≠"
        rows.append(
            _row(card.name, card.tag, card.name[4:], card.result, adjoint, verdict, done.get(card.key, 0), numbers)
        )
    if len(rows) > LISTED:
        rest = f'<tr><td colspan="6">… {len(rows) - LISTED:,} more rows are not listed.</td></tr>'
        return "".join([*rows[:LISTED], rest])
    return "".join(rows)


def _row(
    name: str, tag: str, node: str, left: Any, right: Any, verdict: str, done: int, numbers: Numbers, place: str = ""
) -> str:
    mark = f' data-z="{place}"' if place else ""
    kind = "same" if verdict == "=" else "different"
    said = "equal" if verdict == "=" else "different"
    return (
        f'<tr data-done="{done}"{mark}><th scope="row">{escape(name)}</th><td>{escape(tag)}</td>'
        f'<td class="n" data-n="{numbers.of(left)}">{escape(exact(plain(left)))}</td><td>{escape(node)}</td>'
        f'<td class="n" data-n="{numbers.of(right)}">{escape(exact(plain(right)))}</td>'
        f'<td class="{kind}"><span>{escape(verdict)}</span> <span class="quiet">{said}</span></td></tr>'
    )


def meter(network: Network) -> str:
    """The cost meter: what ways to all gradients of one sample take, counted; and the curve over depth."""
    parameters = sum(w.size + b.size for w, b in zip(network.weights, network.biases, strict=True))
    if parameters > COUNTED:
        return f"<p>Not counted here: {parameters:,} parameters are more than {COUNTED:,}.</p>{_curve()}"
    costs = cost(network.sizes)
    least, most = costs.methods[0].work, max(m.work for m in costs.methods)
    rows = []
    for m in costs.methods:
        width = max(0.6, 100 * m.work / most)
        rows.append(
            f'<tr><th scope="row">{escape(m.name)}</th><td class="n">{m.passes:,}</td>'
            f'<td class="n">{m.tally.multiplications:,}</td><td class="n">{m.tally.additions:,}</td>'
            f'<td class="n">{m.tally.evaluations:,}</td>'
            f'<td class="bar"><span>{m.work / least:,.1f} ×</span><i style="width:{width:.1f}%"></i></td></tr>'
        )
    heads = "".join(f'<th scope="col" class="n">{head}</th>' for head in ("passes", "×", "+", "σ, σ′"))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Cost meter">'
        f"<table><caption>Work for all {parameters:,} gradients of one sample of "
        f"{'-'.join(map(str, costs.sizes))} (quadratic cost), counted by running each way</caption>"
        f'<thead><tr><th scope="col">gradients by</th>{heads}<th scope="col">work against δ</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{_curve()}"
    )


@cache
def _curve() -> str:
    """The curve as an image within the page; nothing where pygal is missing."""
    try:
        svg = cost_curve()
    except ImportError:
        return ""
    content = base64.b64encode(svg.encode()).decode()
    return (
        '<details><summary>The same over depth, as a curve</summary><img class="curve" '
        'alt="Work over depth: with δ stored and reused it grows in proportion to the depth; the sum over all '
        f'paths grows exponentially." src="data:image/svg+xml;base64,{content}"></details>'
    )
