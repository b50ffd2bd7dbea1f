"""Which node is which: topological numbers, and the neurons, which are read off the labels.

A neuron is what `engine.notation.symbol` names: z²₁ is the pre-activation of unit 1 of layer 2, a²₁
its activation, w²₁₃ and b²₁ its parameters, a¹₃ an input.  A node without such a label belongs to
the neuron that all its children belong to: the products, the partial sums, the constants.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Protocol

from engine.drawing.text import clipped, number
from engine.reverse import nodes

_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
_UP, _DOWN = "[⁰¹²³⁴⁵⁶⁷⁸⁹]+", "[₀₁₂₃₄₅₆₇₈₉]+"
_UNIT = re.compile(f"([zab])({_UP})({_DOWN})")
_WEIGHT = re.compile(f"w({_UP})(?:({_DOWN}),({_DOWN})|([₀-₉])([₀-₉]))")
_PARAMETER = re.compile("(?:[wWbBθ]|weight|bias)[⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉0-9,_]*")
_INPUT = re.compile("x[₀₁₂₃₄₅₆₇₈₉0-9]*")
_FAMILY = re.compile(f"([^₀-₉0-9]+)({_DOWN}|[0-9]+)")
_PLAIN_Z = re.compile("z[⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉0-9,_′]*")


class Node(Protocol):
    """What a picture asks of a node of a graph; `engine.value.Value` has it."""

    data: Any
    grad: Any
    label: str
    _row: Any

    @property
    def parents(self) -> tuple[Node, ...]:
        """The operands, in order."""


class Place(NamedTuple):
    """Where a node belongs: a layer, and a unit of it, 0 for none (the inputs, which are no neurons)."""

    layer: int
    unit: int


def numbered(text: str) -> int:
    """The int that raised or lowered digits write.

    >>> numbered("¹²"), numbered("₃")
    (12, 3)
    """
    return int(text.translate(_DIGITS))


def place_of_label(label: str) -> Place | None:
    """The neuron that a label names, if it names one.

    >>> place_of_label("z²₁₂"), place_of_label("w³₁₀,₃"), place_of_label("w³₁₂"), place_of_label("a¹₂")
    (Place(layer=2, unit=12), Place(layer=3, unit=10), Place(layer=3, unit=1), Place(layer=1, unit=0))
    """
    match = _UNIT.fullmatch(label)
    if match is not None:
        layer = numbered(match[2])
        if layer == 1:
            return Place(1, 0) if match[1] == "a" else None
        return Place(layer, numbered(match[3]))
    match = _WEIGHT.fullmatch(label)
    return None if match is None else Place(numbered(match[1]), numbered(match[2] or match[4]))


def delta_name(label: str) -> str:
    """What the textbook calls the adjoint of a node with this label: δ²₁ for z²₁, "" if it is no z.

    >>> delta_name("z²₁"), delta_name("z"), delta_name("zoom")
    ('δ²₁', 'δ', '')
    """
    return "δ" + label[1:] if label[:1] == "z" and _PLAIN_Z.fullmatch(label) else ""


def family(label: str) -> str:
    """The label without its index: a¹ for a¹₂, y for y₁; "" where there is none.

    >>> family("a¹₂"), family("y₁"), family("y")
    ('a¹', 'y', '')
    """
    match = _FAMILY.fullmatch(label)
    return "" if match is None else match[1]


class Survey:
    """What is known of a graph before it is drawn.

    nodes:    in topological order (parents before children); the order is a property of the graph
    index:    node → its number in that order
    places:   per node, its `Place` or None
    names:    per node, its label; for a node without, the little expression that made it, or ""
    roles:    per node "parameter", "input", "constant", "inner" or "output"
    uses:     per node, how many edges leave it
    neurons:  whether the labels name any
    """

    def __init__(self, root: Node, parameters: frozenset[Node] = frozenset()) -> None:
        self.root = root
        self.nodes: list[Node] = nodes(root)
        self.index: dict[Node, int] = {node: i for i, node in enumerate(self.nodes)}
        self.parents = [tuple(self.index[p] for p in node.parents) for node in self.nodes]
        self.uses = [0] * len(self.nodes)
        for parents in self.parents:
            for i in parents:
                self.uses[i] += 1
        self.places = self._places()
        self.neurons = any(place is not None and place.unit for place in self.places)
        self.roles = [self._role(i, node, node in parameters) for i, node in enumerate(self.nodes)]
        self.names = [self._name(i, node) for i, node in enumerate(self.nodes)]
        self.seeded = not (root.grad.__class__ is int and root.grad == 0)

    def _places(self) -> list[Place | None]:
        own = [place_of_label(node.label) for node in self.nodes]
        if not any(place is not None and place.unit for place in own):
            return [None] * len(own)
        found: list[Place | None] = [None] * len(own)
        shared: list[set[Place | None]] = [set() for _ in own]
        for i in range(len(own) - 1, -1, -1):
            node, parents = self.nodes[i], self.parents[i]
            place = own[i]
            if place is None and not parents and _INPUT.fullmatch(node.label):
                place = Place(1, 0)
            elif place is None and len(shared[i]) == 1 and (parents or not node.label):
                (place,) = shared[i]
            found[i] = place
            for p in parents:
                shared[p].add(place)
        return found

    def _role(self, i: int, node: Node, parameter: bool) -> str:
        if self.parents[i]:
            return "output" if node is self.root and self.places[i] is None else "inner"
        if parameter or _PARAMETER.fullmatch(node.label):
            return "parameter"
        return "input" if node.label else "constant"

    def ungraded(self, node: Node) -> bool:
        """Whether no backward pass has reached the node: its grad is the integer 0.

        (On a graph of ints, where a pass may leave the integer 0, the root tells.)
        """
        grad = node.grad
        return grad.__class__ is int and grad == 0 and not (self.seeded and self.root.grad.__class__ is int)

    def _name(self, i: int, node: Node) -> str:
        if node.label or not self.parents[i]:
            return clipped(node.label)
        names = []
        for p in self.parents[i]:
            parent = self.nodes[p]
            constant = "" if self.parents[p] else number(parent.data, 3).lstrip("+")
            names.append(parent.label or constant)
        if not all(names) or sum(map(len, names)) > 16:
            return ""
        return clipped(expression(symbol_of(node), names))


def expression(symbol: str, names: list[str]) -> str:
    """A step as the reader would write it.

    >>> expression("×", ["w", "x"]), expression("−", ["a", "y"]), expression("tanh", ["z"])
    ('w·x', 'a − y', 'tanh(z)')
    """
    if len(names) == 2:
        return "·".join(names) if symbol == "×" else f"{names[0]} {symbol} {names[1]}"
    return f"{names[0]}{symbol}" if symbol.startswith("**") else f"{symbol}({names[0]})"


def symbol_of(node: Any) -> str:
    """The symbol of the node's op in the op table."""
    return str(node._row.symbol)


def describe_op(node: Any) -> str:
    """The node's op in words, from the op table."""
    return f"{symbol_of(node)}: {node._row.name}, out = {node._row.forward}"


def is_sum(node: Any) -> bool:
    """Whether the node is x + y."""
    return node._row is not None and node._row.name == "add"
