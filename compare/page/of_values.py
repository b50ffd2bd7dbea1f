"""The page of a small network: a step for each node that the pass visits."""

from collections.abc import Mapping
from typing import Any

from compare.comparison.tracing import Traced
from compare.page.equations import Card, Number, Textbook, plain
from compare.page.picture import Ready
from compare.page.steps import Contribution, contributions, names
from compare.page.tables import Numbers
from engine import Value
from engine.drawing.picture import Graph
from engine.notation import symbol

PREFIX = "graph-"

IN_SUM = "A sum hands its adjoint, {delta}, on to each of its terms unchanged."
IN_COST = "Inside the cost, on the way to ∂C/∂a of the output: the first factor of BP1."
INPUT = "∂C/∂a¹ is the sum of BP2 once more, without σ′. The textbook stops before it."
CONSTANT = "A constant: the pass computes its adjoint too, and nothing asks for it."
TARGET = "∂C/∂y: the textbook has no use for it."


class ValueView:
    """Every node of the graph, and a step for each contribution."""

    def __init__(self, textbook: Textbook, traced: Traced, order: list[Value]) -> None:
        graph = Graph(traced.cost, level="value", prefix=PREFIX)
        self.order, self.index = order, {node: i for i, node in enumerate(order)}
        self.what = _named(traced, order)
        buttons = {
            f"n{i}": button(layer, unit[0]) for i, (letter, layer, *unit) in self.what.items() if letter == "z"
        }
        self.picture = Ready(graph.svg(), PREFIX, buttons)
        self.cards = list(textbook.cards())
        self.steps = contributions(traced.cost)
        self.grads = {key: plain(order[i].grad) for i, key in self.what.items()}
        self.picture_note = graph.note
        self.note = f"Graph: {graph.note}. Each step is one contribution on one edge, in the order of the real pass."
        self.done = {self.what[step.target]: i for i, step in enumerate(self.steps, 1) if step.target in self.what}
        self._child = {self.index[p]: i for i, node in enumerate(order) for p in node.parents}

    def data(self, numbers: Numbers) -> dict[str, Any]:
        """What the page's script gets, as plain data."""
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
        return {"steps": steps, "zs": zs}

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


def button(layer: int, unit: int) -> str:
    """What the button of a unit says to a screen reader."""
    return f"{symbol('z', layer, unit)} in the graph: go to the step that completes {symbol('δ', layer, unit)}"


def card_data(card: Card, done: Mapping[tuple[Any, ...], int], numbers: Numbers) -> dict[str, Any]:
    """A card as plain data: tag, symbols, numbers, result, and what it fills in the network."""
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
