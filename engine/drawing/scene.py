"""What is drawn, whoever draws it: shapes with rows of cells, edges, and clusters around shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.drawing.survey import LayerUnit


class Cell(NamedTuple):
    """One text in a box.

    look:  "head" (bold, centred), "made" (a name that we derived: centred), "name" (grey, left),
           "number" (right), "note" (grey, centred)
    fill:  its background, "" for the box's own
    """

    text: str
    look: str
    fill: str = ""


Row = tuple[Cell, ...]


class Style(NamedTuple):
    """The colours of a role: border, its width, the head's background, whether the border is dashed."""

    border: str
    width: int
    head: str
    dashed: bool = False


OP = "#0072B2"
BOX = "#FFFFFF"
EDGE = "#777777"
NAME = "#555555"
EQUAL, DIFFERENT = "#CDE9DD", "#FFD3BF"
STYLES = {
    "parameter": Style("#009E73", 2, "#CDE9DD"),
    "input": Style("#666666", 1, "#E6E6E6"),
    "constant": Style("#999999", 1, "#FFFFFF", True),
    "inner": Style("#444444", 1, "#FFFFFF"),
    "output": Style("#8A6D00", 2, "#FFF3C4"),
    "unit": Style("#0072B2", 1, "#DCEBF7"),
    "layer": Style("#0072B2", 1, "#DCEBF7"),
    "different": Style("#D55E00", 3, "#FFFFFF"),
}


def cluster_style(place: LayerUnit) -> tuple[str, str, str]:
    """The colours of the box around a layer or a neuron: fill, line, text."""
    if place.unit:
        return "#FFFFFF", "#0072B2", "#33658A"
    return ("#F4F4F4", "#CCCCCC", "#555555") if place.layer == 1 else ("#EEF5FB", "#B5D3EA", "#33658A")


class Shape(NamedTuple):
    """A box with rows, or an op's circle, which has one row of one cell.

    key:    its id within the picture: n12, n12op, unit2_1, layer2
    role:   a key of STYLES, or "op"
    title:  what it is, in words, with the numbers in full
    place:  the cluster that it stands in
    """

    key: str
    role: str
    rows: tuple[Row, ...]
    title: str
    place: LayerUnit | None


class Edge(NamedTuple):
    """An arrow between two shapes, by their keys."""

    key: str
    tail: str
    head: str
    title: str
    label: str = ""


@dataclass
class Scene:
    """Everything in a picture.

    level:      "value", "unit" or "layer"
    what:       one phrase that says what is shown
    folded:     phrases that say what was put together, for the note
    clusters:   the boxes drawn around shapes: layers (unit 0) and neurons
    """

    level: str
    what: str = ""
    shapes: list[Shape] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)
    clusters: bool = True

    @property
    def size(self) -> int:
        """How much there is to lay out: shapes, or edges where those are more."""
        return max(len(self.shapes), len(self.edges))

    @property
    def dense(self) -> bool:
        """Whether there are so many more edges than shapes that they need room, and thinner lines."""
        return len(self.edges) > 4 * len(self.shapes)

    def places(self) -> dict[int, list[int]]:
        """The layers that have shapes, each with its units that are boxed, in ascending order."""
        if not self.clusters:
            return {}
        found = sorted({shape.place for shape in self.shapes if shape.place is not None})
        layers: dict[int, list[int]] = {}
        for layer, unit in found:
            layers.setdefault(layer, [])
            if unit:
                layers[layer].append(unit)
        return layers


class Beside(NamedTuple):
    """A second number to show beside a node's grad, and whether the two are one number.

    name:    what it is called: δ²₁
    detail:  how far they are apart, or ""
    """

    name: str
    number: Any
    equal: bool
    detail: str = ""
