"""The page of a larger network: a card per unit, a step per unit."""

from typing import Any

from compare.comparison.outcome import Outcome
from compare.comparison.tracing import Traced
from compare.page.equations import Textbook, plain
from compare.page.of_values import PREFIX, button
from compare.page.picture import Ready
from compare.page.tables import Numbers
from engine import Value
from engine.drawing.picture import Graph
from engine.notation import symbol

MOST = 2_000  # nodes that are stepped through one by one; of a larger graph the unit view


class UnitView:
    """A box per neuron, and a step for each δ; parameters layer by layer."""

    def __init__(self, outcome: Outcome, textbook: Textbook, traced: Traced, order: list[Value]) -> None:
        graph = Graph(traced.cost, level="unit", prefix=PREFIX)
        self.outcome, self.cards = outcome, list(textbook.cards(parameters=False))
        buttons = {f"unit{c.layer}_{c.unit[0]}": button(c.layer, c.unit[0]) for c in self.cards}
        self.picture, self.picture_note = Ready(graph.svg(), PREFIX, buttons), graph.note
        self.note = (
            f"The graph has {len(order):,} nodes, more than the {MOST:,} that a page steps through one by one: this is "
            f"the unit view, and each step is one δ. Graph: {graph.note}."
        )
        self.grads = {("z", c.layer, *c.unit): plain(traced.zs[c.layer - 2][c.unit[0] - 1, 0].grad) for c in self.cards}
        self.done: dict[tuple[Any, ...], int] = {}

    def data(self, numbers: Numbers) -> dict[str, Any]:
        """What the page's script gets, as plain data."""
        steps: list[dict[str, Any]] = []
        biases: list[tuple[str, int, int]] = []
        sizes = self.outcome.network.sizes
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
            "steps": steps,
            "fills": biases,
            "zs": [(f"{c.layer}_{c.unit[0]}", f"unit{c.layer}_{c.unit[0]}", self.done[c.key]) for c in self.cards],
        }
