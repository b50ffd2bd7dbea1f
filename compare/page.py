"""A page that steps through the backward pass: the textbook's δ on the left, the graph's adjoints on the right.

    page_steps      the reverse pass as contributions, one edge each
    page_equations  BP1–BP4 for each unit, in symbols and in numbers
    page_network    the left picture; page_picture: the right one, made ready
    page_parts      the tables: δ beside adjoint, and the cost meter
    assets/         page.html, page.css, page.js
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from compare.page_equations import FORMULAS, Card, Number, Textbook, plain
from compare.page_network import network_svg
from compare.page_parts import Numbers, meter, table
from compare.page_picture import Ready
from compare.page_steps import Contribution, contributions, names
from compare.pictures import traced_sample
from compare.tracing import Traced
from engine import Value
from engine.drawing.picture import Graph
from engine.drawing.text import scale
from engine.files import write_whole
from engine.notation import symbol
from engine.reverse import nodes
from engine.scalars import same_bits

if TYPE_CHECKING:
    from compare.reporting import Report

MOST = 2_000  # nodes that are stepped through one by one; of a larger graph the unit view
PREFIX = "graph-"

IN_SUM = "A sum hands its adjoint, {delta}, on to each of its terms unchanged."
IN_COST = "Inside the cost, on the way to ∂C/∂a of the output: the first factor of BP1."
INPUT = "∂C/∂a¹ is the sum of BP2 once more, without σ′. The textbook stops before it."
CONSTANT = "A constant: the pass computes its adjoint too, and nothing asks for it."
TARGET = "∂C/∂y: the textbook has no use for it."


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


def report_page(report: "Report", sample: int = 0) -> Page:
    """The page for one sample of a report.

    Above 2,000 nodes it shows the unit view, a box per neuron, and says so.

    Raises
    ------
    ValueError
        There is no such sample.
    """
    traced = traced_sample(report, sample, "page")
    order = nodes(traced.cost)
    # The report's own adjoints may come from a graph that was built otherwise.
    other = any(
        not same_bits(traced.zs[row.layer - 2][_unit(row) - 1, 0].grad, row.adjoint)
        for row in report.rows_of("z")
        if row.sample == sample
    )
    textbook = Textbook(report, sample)
    made = _Units(report, textbook, traced, order) if len(order) > MOST else _Values(textbook, traced, order)
    notes = []
    if len(report.record.costs) > 1:
        notes.append("Gradients of parameters are those of this sample; the report adds them over the samples.")
    if other:
        notes.append("The report compared a graph that was built otherwise; the steps are those of the network's own.")
    numbers = Numbers(scale(plain(node.grad) for node in order))
    data = made.data(numbers)
    rows = table(report, sample, made.done, [card for card in made.cards if card.quantity != "z"], made.grads, numbers)
    data["numbers"] = numbers.shown
    count = len(report.record.costs)
    shown = f" Shown: sample {sample} of {count} (counted from 0)." if count > 1 else ""
    html = _template().substitute(
        title=escape(f"Backward pass of {'-'.join(map(str, report.network.sizes))}"),
        question=escape(f"{report.title}.{shown}"),
        note=escape(made.note),
        verdict=escape(report.verdict),
        verdict_class="same" if report.all_equal else "different",
        notes="".join(f"<p>{escape(note)}</p>" for note in notes),
        equations="".join(
            f'<li id="{tag}"><b>{tag}</b> <span>{escape(formula)}</span></li>' for tag, formula in FORMULAS.items()
        ),
        network=network_svg(report, sample),
        picture=made.picture.text,
        last=len(data["steps"]),
        table=rows,
        meter=meter(report.network),
        style=_asset("page.css"),
        data=embedded(data),
        script=_asset("page.js"),
    )
    return Page(html, f"{len(order):,} nodes, {len(data['steps']):,} steps, {made.picture_note}")


class _Values:
    """Every node of the graph, and a step for each contribution."""

    def __init__(self, textbook: Textbook, traced: Traced, order: list[Value]) -> None:
        graph = Graph(traced.cost, level="value", prefix=PREFIX)
        svg = graph.svg()
        self.order, self.index = order, {node: i for i, node in enumerate(order)}
        self.what = _named(traced, order)
        self.buttons = {
            f"n{i}": _button(layer, unit[0]) for i, (letter, layer, *unit) in self.what.items() if letter == "z"
        }
        self.picture = Ready(svg, PREFIX, self.buttons)
        self.cards = list(textbook.cards())
        self.steps = contributions(traced.cost)
        self.grads = {key: plain(order[i].grad) for i, key in self.what.items()}
        self.picture_note = graph.note
        self.note = f"Graph: {graph.note}. Each step is one contribution on one edge, in the order of the real pass."
        self.done = {self.what[step.target]: i for i, step in enumerate(self.steps, 1) if step.target in self.what}
        self._child = {self.index[p]: i for i, node in enumerate(order) for p in node.parents}

    def data(self, numbers: Numbers) -> dict[str, Any]:
        called = names(self.order)
        cards = {card.key: i for i, card in enumerate(self.cards)}
        owners: dict[int, tuple[Any, ...]] = {}
        steps = []
        for step in self.steps:
            self._own(step, owners)
            box, edges = self._shapes(step)
            shown: dict[str, Any] = {
                "child": called[step.child],
                "target": self._title(step.target, called),
                "from": f"n{step.child}",
                "box": box,
                "edges": edges,
                "adjoint": numbers.of(step.adjoint),
                "partial": numbers.of(1 if step.partial is None else step.partial),
                "part": numbers.of(step.part),
                "total": numbers.of(step.total),
                "nth": step.nth,
                "of": step.of,
            }
            key = self.what.get(step.target, ("",))
            card = cards.get(("z", *key[1:]) if key[0] == "a" else key)
            steps.append(shown | ({"note": self._note(step, key, owners)} if card is None else {"card": card}))
        zs = [(f"{key[1]}_{key[2]}", f"n{i}", self.done.get(key, 0)) for i, key in self.what.items() if key[0] == "z"]
        return {
            "seed": {"box": f"n{len(self.order) - 1}", "total": numbers.of(plain(self.order[-1].grad))},
            "steps": steps,
            "cards": [_card(card, self.done, numbers) for card in self.cards],
            "zs": zs,
        }

    def _own(self, step: Contribution, owners: dict[int, tuple[Any, ...]]) -> None:
        """A product and a partial sum belong to the z that they are summed into."""
        of_child = self.what.get(step.child)
        if of_child is not None and of_child[0] == "z":
            owners.setdefault(step.target, of_child)
        elif of_child is None and step.child in owners:
            owners.setdefault(step.target, owners[step.child])

    def _title(self, i: int, called: list[str]) -> str:
        node = self.order[i]
        return called[i] if node.label or node.parents else f"constant {called[i]}"

    def _note(self, step: Contribution, key: tuple[Any, ...], owners: dict[int, tuple[Any, ...]]) -> str:
        if key[0] in ("x", "y"):
            return INPUT if key[0] == "x" else TARGET
        if not (self.order[step.target].label or self.order[step.target].parents):
            return CONSTANT
        owner = owners.get(step.target)
        return IN_COST if owner is None else IN_SUM.format(delta=symbol("δ", *owner[1:]))

    def _shapes(self, step: Contribution) -> tuple[str, list[str]]:
        """The target's box, and the ids of the arrows that the contribution goes along, against their heads.

        Partial sums that the picture folds into ∑ have no box: the ∑ stands for them.
        """
        top = step.child
        while f"n{top}" not in self.picture.ids:
            top = self._child[top]
        drawn = f"n{step.target}" in self.picture.ids
        place = self._terms(step.child) - 1 if step.operand else 0
        edges = [f"n{top}out"] + ([f"n{top}in{place}"] if drawn else [])
        return f"n{step.target}" if drawn else f"n{top}op", edges

    def _terms(self, node: int) -> int:
        """How many terms the picture shows of a sum, or operands of another op."""
        parents = self.order[node].parents
        first = self.index[parents[0]]
        return len(parents) if f"n{first}" in self.picture.ids else self._terms(first) + 1


class _Units:
    """A box per neuron, and a step for each δ; parameters layer by layer."""

    def __init__(self, report: "Report", textbook: Textbook, traced: Traced, order: list[Value]) -> None:
        graph = Graph(traced.cost, level="unit", prefix=PREFIX)
        svg = graph.svg()
        self.report, self.cards = report, list(textbook.cards(parameters=False))
        self.buttons = {f"unit{c.layer}_{c.unit[0]}": _button(c.layer, c.unit[0]) for c in self.cards}
        self.picture, self.picture_note = Ready(svg, PREFIX, self.buttons), graph.note
        self.note = (
            f"The graph has {len(order):,} nodes, more than the {MOST:,} that a page steps through one by one: this is "
            f"the unit view, and each step is one δ. Graph: {graph.note}."
        )
        self.grads = {("z", c.layer, *c.unit): plain(traced.zs[c.layer - 2][c.unit[0] - 1, 0].grad) for c in self.cards}
        self.done: dict[tuple[Any, ...], int] = {}
        self.order = order

    def data(self, numbers: Numbers) -> dict[str, Any]:
        steps: list[dict[str, Any]] = []
        biases: list[tuple[str, int, int]] = []
        sizes = self.report.network.sizes
        for i, card in enumerate(self.cards):
            key, box = card.key, f"unit{card.layer}_{card.unit[0]}"
            total = numbers.of(self.grads[key])
            steps.append({"target": symbol("z", *key[1:]), "box": box, "edges": [], "total": total, "card": i})
            self.done[key] = len(steps)
            if i + 1 < len(self.cards) and self.cards[i + 1].layer == card.layer:
                continue
            n, below, layer = sizes[card.layer - 1], sizes[card.layer - 2], card.layer
            steps.append({
                "tags": ["BP3", "BP4"],
                "edges": [],
                "note": f"Layer {layer}: {n:,} numbers ∂C/∂b = δ (BP3), and {n * below:,} products ∂C/∂w = a·δ (BP4). "
                f"Each δ is stored once and used {below + 1:,} times.",
            })  # fmt: skip
            biases += [
                (f"b{layer}_{c.unit[0]}", len(steps), numbers.of(c.result)) for c in self.cards if c.layer == layer
            ]
        return {
            "seed": {"box": f"n{len(self.order) - 1}", "total": numbers.of(plain(self.order[-1].grad))},
            "steps": steps,
            "cards": [_card(card, self.done, numbers) for card in self.cards],
            "fills": biases,
            "zs": [(f"{c.layer}_{c.unit[0]}", f"unit{c.layer}_{c.unit[0]}", self.done[c.key]) for c in self.cards],
        }


def _named(traced: Traced, order: list[Value]) -> dict[int, tuple[Any, ...]]:
    """What the textbook calls the nodes: ("z", layer, unit), a, b, ("w", layer, j, k), ("x", k), ("y", k)."""
    index = {node: i for i, node in enumerate(order)}
    # By the labels that tracing gave; leaves of one kind that are not in the graph do not matter.
    leaves = {node.label: i for i, node in enumerate(order) if not node.parents}
    found: dict[int, tuple[Any, ...]] = {}
    below = 0
    for layer, (zs, activations) in enumerate(zip(traced.zs, traced.activations, strict=True), start=2):
        below = below or sum(label.startswith("a¹") for label in leaves)
        for j in range(1, len(zs) + 1):
            found[leaves[symbol("b", layer, j)]] = ("b", layer, j)
            for k in range(1, below + 1):
                found[leaves[symbol("w", layer, j, k)]] = ("w", layer, j, k)
            found[index[activations[j - 1, 0]]] = ("a", layer, j)
            found[index[zs[j - 1, 0]]] = ("z", layer, j)  # the identity's a is z itself
        below = len(zs)
    for label, i in leaves.items():
        if label[:2] == "a¹" or label[:1] == "y":
            found[i] = ("x" if label[0] == "a" else "y", label)
    return found


def _button(layer: int, unit: int) -> str:
    return f"{symbol('z', layer, unit)} in the graph: go to the step that completes {symbol('δ', layer, unit)}"


def _unit(row: Any) -> int:
    return int(row.unit)


def _card(card: Card, done: Mapping[tuple[Any, ...], int], numbers: Numbers) -> dict[str, Any]:
    place = "_".join(map(str, (card.layer, *card.unit)))
    return {
        "tag": card.tag,
        "name": card.name,
        "symbols": card.symbols,
        "numbers": [
            [numbers.of(item.value), done.get(item.key, 0)] if isinstance(item, Number) else item
            for item in card.numbers
        ],
        "result": numbers.of(card.result),
        "fill": {"z": "d", "b": "b", "w": "w"}[card.quantity] + place,
        "weights": ["_".join(map(str, weight)) for weight in card.weights],
        "done": done[card.key],
    }


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
    return files("compare").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Template(_asset("page.html"))
