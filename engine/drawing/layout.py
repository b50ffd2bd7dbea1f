"""Where everything stands, whoever worked it out; and how large a shape is."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from engine.drawing.scene import Row, Shape
from engine.drawing.survey import LayerUnit
from engine.drawing.text import columns

FONT, HEAD_FONT = 11, 13
EM = 0.6  # the width of a glyph of a monospaced font
CHARACTER, HEAD_CHARACTER = EM * FONT, EM * HEAD_FONT
ROW, HEAD_ROW, PAD = 19.0, 23.0, 4.0
CIRCLE = 30.0


class Frame(NamedTuple):
    """A rectangle: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """The way of an arrow: an SVG path, its head's corners ("" for the writer's own), its label's place."""

    path: str
    head: str = ""
    label: tuple[float, float] = (0.0, 0.0)


class Layout(NamedTuple):
    """Positions of shapes and routes of edges by key, of clusters by place, within view (an SVG viewBox)."""

    shapes: dict[str, Frame]
    clusters: dict[LayerUnit, Frame]
    routes: dict[str, Route]
    view: Frame


def row_height(row: Row) -> float:
    """The height of a row."""
    return HEAD_ROW if row[0].look in ("head", "made") else ROW


def box_columns(rows: tuple[Row, ...]) -> list[float]:
    """The widths of a box's columns: what its texts need."""
    count = max(map(len, rows))
    widths = [0.0] * count
    least = 0.0
    for row in rows:
        if len(row) == count > 1:
            for i, cell in enumerate(row):
                wide = columns(cell.text) * CHARACTER + 2 * PAD
                if wide > widths[i]:
                    widths[i] = wide
        else:
            character = HEAD_CHARACTER if row[0].look == "head" else CHARACTER
            least = max(least, sum(columns(cell.text) * character + 2 * PAD for cell in row))
    lack = least - sum(widths)
    return [wide + lack / count for wide in widths] if lack > 0 else widths


def size(shape: Shape) -> tuple[float, float]:
    """Width and height of a shape, in whole points as Graphviz rounds them."""
    if shape.role == "op":
        return op_width(shape.rows[0][0].text), CIRCLE
    return ceil(sum(box_columns(shape.rows))), sum(map(row_height, shape.rows))


def op_width(symbol: str) -> float:
    """The width of an op's circle; longer symbols get an oval."""
    wide = columns(symbol)
    return CIRCLE if wide <= 2 else 15 + 8 * wide


def op_font(symbol: str) -> int:
    """The font size in an op's circle."""
    return (15, 15, 13)[columns(symbol)] if columns(symbol) <= 2 else 11
