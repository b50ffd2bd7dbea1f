"""A page that steps through the backward pass: the textbook's δ on the left, the graph's adjoints on the right.

    steps      the reverse pass as contributions, one edge each
    equations  BP1–BP4 for each unit, in symbols and in numbers
    network    the left picture; picture: the right one, made ready
    tables     δ beside adjoint, and the cost meter
    of_values  what the page of a small network shows; of_units: that of a larger one
    assets/    page.html, page.css, page.js
"""

import json
import os
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from compare.comparison.outcome import Outcome
from compare.page.equations import FORMULAS, Textbook, plain
from compare.page.graph import rows_at, traced_sample
from compare.page.network import network_svg
from compare.page.of_units import MOST, UnitView
from compare.page.of_values import ValueView, card_data
from compare.page.tables import Numbers, meter, table
from engine.drawing.text import scale
from engine.files import write_whole
from engine.reverse import nodes
from engine.scalars import same_bits


class Page:
    """One self-contained HTML page; in a notebook it shows itself in a sandboxed frame.

    html : the page as text
    note : one line: what it shows
    """

    def __init__(self, html: str, note: str) -> None:
        self.html, self.note = html, note

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all. Errors: OSError, the file cannot be written."""
        write_whole(path, self.html)

    def __repr__(self) -> str:
        return f"<Page: {self.note}>"

    def _repr_html_(self) -> str:
        return (
            '<iframe sandbox="allow-scripts" title="The backward pass, step by step" '
            f'style="width:100%;height:860px;border:0" srcdoc="{escape(self.html)}"></iframe>'
        )


def report_page(outcome: Outcome, sample: int, title: str, verdict: str) -> Page:
    """The page for one sample of a report, with the report's words for the question and the answer.

    Above 2,000 nodes it shows the unit view, a box per neuron, and says so.

    Raises
    ------
    ValueError
        There is no such sample.
    """
    traced = traced_sample(outcome, sample, "page")
    order = nodes(traced.cost)
    # The report's own adjoints may come from a graph that was built otherwise.
    other = any(
        not same_bits(traced.zs[layer - 2][unit - 1, 0].grad, row.adjoint)
        for (layer, unit), row in rows_at(outcome, sample).items()
    )
    textbook = Textbook(outcome, sample)
    made = UnitView(outcome, textbook, traced, order) if len(order) > MOST else ValueView(textbook, traced, order)
    notes = []
    if len(outcome.record.costs) > 1:
        notes.append("Gradients of parameters are those of this sample; the report adds them over the samples.")
    if other:
        notes.append("The report compared a graph that was built otherwise; the steps are those of the network's own.")
    numbers = Numbers(scale(plain(node.grad) for node in order))
    data = made.data(numbers)
    data["seed"] = {"box": f"n{len(order) - 1}", "total": numbers.of(plain(order[-1].grad))}
    data["cards"] = [card_data(card, made.done, numbers) for card in made.cards]
    rows = table(outcome, sample, made.done, [card for card in made.cards if card.quantity != "z"], made.grads, numbers)
    data["numbers"] = numbers.shown
    count = len(outcome.record.costs)
    shown = f" Shown: sample {sample} of {count} (counted from 0)." if count > 1 else ""
    html = _template().substitute(
        title=escape(f"Backward pass of {'-'.join(map(str, outcome.network.sizes))}"),
        question=escape(f"{title}.{shown}"),
        note=escape(made.note),
        verdict=escape(verdict),
        verdict_class="same" if outcome.all_equal else "different",
        notes="".join(f"<p>{escape(note)}</p>" for note in notes),
        equations="".join(
            f'<li id="{tag}"><b>{tag}</b> <span>{escape(formula)}</span></li>' for tag, formula in FORMULAS.items()
        ),
        network=network_svg(outcome, sample),
        picture=made.picture.text,
        last=len(data["steps"]),
        table=rows,
        meter=meter(outcome.network),
        style=_asset("page.css"),
        data=embedded(data),
        script=_asset("page.js"),
    )
    return Page(html, f"{len(order):,} nodes, {len(data['steps']):,} steps, {made.picture_note}")


def embedded(data: Any) -> str:
    """Data as JSON that can stand in a script element: nothing in it can end the element.

    >>> embedded("</script><b>")
    '"\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _asset(name: str) -> str:
    return files("compare.page").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Template(_asset("page.html"))
