"""Positions without Graphviz: layers from left to right, units from top to bottom, in linear time.

Within a unit (and outside of layers) a shape's column is its depth: the longest way to it.  A column
of very many shapes is broken into several; so is a row of very many columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import ceil, sqrt
from typing import NamedTuple

from engine.drawing.layout import Frame, Layout, Route, size
from engine.drawing.scene import Edge, Scene, Shape
from engine.drawing.survey import LayerUnit

GAP_X, GAP_Y, CLUSTER, LABEL = 36.0, 14.0, 10.0, 20.0
TALL = 24  # shapes in a column, before it is broken
WIDE = 60  # columns in a row, before it is broken


def grid_layout(scene: Scene) -> Layout:
    """A position for every shape of the scene, and a curve for every edge."""
    sizes = {shape.key: size(shape) for shape in scene.shapes}
    flows = _Flows(scene, sizes)
    blocks = []
    for place, units in _blocks(scene):
        laid = [(unit, _boxed(flows.lay(shapes), unit) if unit.unit else flows.lay(shapes)) for unit, shapes in units]
        block = _stack(laid)
        blocks.append(_boxed(block, place) if place.layer and scene.clusters else block)
    height = max((block.height for block in blocks), default=0.0)
    gap = 4 * GAP_X if scene.dense else GAP_X
    parts, x = [], 0.0
    for block in blocks:
        parts.append((block, x, (height - block.height) / 2))
        x += block.width + gap
    at = _Placed({}, {}, {}, {})
    at.take(_Block(x, height, parts), 0.0, 0.0)
    side = CLUSTER + (GAP_X / 2 if at.bands else 0.0)  # an arrow to the next row needs room on both sides
    view = Frame(-side, -CLUSTER, x - gap + 2 * side, height + 2 * CLUSTER)
    return Layout(at.frames, at.clusters, _routes(scene, at), view)


NOWHERE = LayerUnit(0, 0)


class _Slot(NamedTuple):
    """Where a shape stands in its block: its frame, its row of columns, and the column before its own.

    before:  left and right end of that column, and the height at which an arrow can pass it; or None
    """

    key: str
    frame: Frame
    band: int
    before: tuple[float, float, float] | None


class _Block(NamedTuple):
    """A rectangle with shapes, or with smaller blocks and where they stand, or a box around a block."""

    width: float
    height: float
    parts: list[tuple[_Block, float, float]] = []  # noqa: RUF012 - never changed
    slots: list[_Slot] = []  # noqa: RUF012
    place: LayerUnit | None = None


class _Placed(NamedTuple):
    """What `Layout` needs, and for the arrows: rows of columns, and ways past the column before."""

    frames: dict[str, Frame]
    clusters: dict[LayerUnit, Frame]
    bands: dict[str, int]
    before: dict[str, tuple[float, float, float]]

    def take(self, block: _Block, x: float, y: float) -> None:
        """Put a block at (x, y), with everything in it."""
        if block.place is not None:
            self.clusters[block.place] = Frame(x, y, block.width, block.height)
        for part, dx, dy in block.parts:
            self.take(part, x + dx, y + dy)
        for key, f, band, before in block.slots:
            self.frames[key] = Frame(f[0] + x, f[1] + y, f[2], f[3])
            if band:
                self.bands[key] = band
            if before is not None:
                self.before[key] = (before[0] + x, before[1] + x, before[2] + y)


def _boxed(block: _Block, place: LayerUnit) -> _Block:
    """The block with a box around it."""
    width, height = max(block.width, 60.0) + 2 * CLUSTER, block.height + LABEL + CLUSTER
    return _Block(width, height, [(block, (width - block.width) / 2, LABEL)], [], place)


def _blocks(scene: Scene) -> list[tuple[LayerUnit, list[tuple[LayerUnit, list[Shape]]]]]:
    """Shapes from left to right: before each layer what leads to it, its units, and the rest at the end."""
    layer_of = {s.key: s.place.layer for s in scene.shapes if s.place is not None}
    heads: dict[str, list[str]] = {}
    for edge in scene.edges:
        heads.setdefault(edge.tail, []).append(edge.head)
    first: dict[str, int] = {}  # of a shape outside of layers: the first layer that it leads to
    for shape in reversed(scene.shapes):
        if shape.place is None and layer_of:
            reached = [layer_of.get(h) or first.get(h, 0) for h in heads.get(shape.key, ())]
            found = [layer for layer in reached if layer]
            if found:
                first[shape.key] = min(found)
    layers = sorted({*layer_of.values(), *first.values()})
    before: dict[int, list[Shape]] = {layer: [] for layer in layers}
    inside: dict[int, dict[LayerUnit, list[Shape]]] = {layer: {} for layer in layers}
    rest: list[Shape] = []
    for shape in scene.shapes:
        if shape.place is not None:
            inside[shape.place.layer].setdefault(shape.place, []).append(shape)
        elif shape.key in first:
            before[first[shape.key]].append(shape)
        else:
            rest.append(shape)
    blocks: list[tuple[LayerUnit, list[tuple[LayerUnit, list[Shape]]]]] = []
    for layer in layers:
        if before[layer]:
            blocks.append((NOWHERE, [(NOWHERE, before[layer])]))
        if inside[layer]:
            blocks.append((LayerUnit(layer, 0), [(p, inside[layer][p]) for p in sorted(inside[layer])]))
    if rest:
        blocks.append((NOWHERE, [(NOWHERE, rest)]))
    return blocks


def _stack(blocks: list[tuple[LayerUnit, _Block]]) -> _Block:
    """Blocks one above the other; many of them in several columns, so that the whole is about square."""
    area = sum((b.width + GAP_X) * (b.height + GAP_Y) for _, b in blocks)
    highest = max(max(b.height for _, b in blocks), 1200.0, sqrt(area))
    lines: list[list[_Block]] = [[]]
    tall = 0.0
    for _, block in blocks:
        if lines[-1] and tall + block.height > highest:
            lines.append([])
            tall = 0.0
        lines[-1].append(block)
        tall += block.height + GAP_Y
    height = max(sum(b.height + GAP_Y for b in line) - GAP_Y for line in lines)
    parts, x = [], 0.0
    for line in lines:
        y, wide = 0.0, max(b.width for b in line)
        for block in line:
            parts.append((block, x + (wide - block.width) / 2, y))
            y += block.height + GAP_Y
        x += wide + GAP_X
    return _Block(x - GAP_X, height, parts)


def _routes(scene: Scene, at: _Placed) -> dict[str, Route]:
    parallel = Counter((edge.tail, edge.head) for edge in scene.edges)
    drawn: Counter[tuple[str, str]] = Counter()
    routes = {}
    for edge in scene.edges:
        pair = (edge.tail, edge.head)
        routes[edge.key] = _route(edge, at, 10.0 * (drawn[pair] - (parallel[pair] - 1) / 2))
        drawn[pair] += 1
    return routes


def _route(edge: Edge, at: _Placed, shift: float) -> Route:
    """A curve from the right side of one shape to the left side of the other."""
    left, top, width, height = at.frames[edge.tail]
    x2, y2, _, tall = at.frames[edge.head]
    x1, y1, y2 = left + width, top + height / 2 + shift, y2 + tall / 2
    middle = ((x1 + x2) / 2, (y1 + y2) / 2 - 5)
    if at.bands and at.bands.get(edge.tail, 0) < at.bands.get(edge.head, 0):
        # From the end of one row of columns to the start of a later one: through the gap above that row.
        gap = y2 - tall / 2 - GAP_X / 2
        return Route(f"M{x1:.1f} {y1:.1f}h14V{gap:.1f}H{x2 - 18:.1f}V{y2:.1f}H{x2:.1f}", "", middle)
    start = f"M{x1:.1f} {y1:.1f}"
    before = at.before.get(edge.head)
    if before is not None and x1 < before[0] - 1:  # past the column before, and not behind its boxes
        a, b, y = before
        bend = (a - x1) * 0.5
        start += f"C{x1 + bend:.1f} {y1:.1f} {a - bend:.1f} {y:.1f} {a:.1f} {y:.1f}H{b:.1f}"
        x1, y1 = b, y
        bend = (x2 - x1) * 0.6
    else:
        bend = max(18.0, abs(x2 - x1) * 0.45)
    return Route(
        f"{start}C{x1 + bend:.1f} {y1 + shift:.1f} {x2 - bend:.1f} {y2 + 2 * shift:.1f} {x2:.1f} {y2:.1f}",
        "",
        middle,
    )


class _Flows:
    """Lays out shapes by depth: what they are made from on the left."""

    def __init__(self, scene: Scene, sizes: dict[str, tuple[float, float]]) -> None:
        self.sizes = sizes
        self.tails: dict[str, list[str]] = {}
        self.heads: dict[str, list[str]] = {}
        for edge in scene.edges:
            self.tails.setdefault(edge.head, []).append(edge.tail)
            self.heads.setdefault(edge.tail, []).append(edge.head)

    def lay(self, shapes: list[Shape]) -> _Block:
        """The shapes of one block, in the scene's (topological) order."""
        levels = self._columns(shapes)
        lines: list[list[list[str]]] = []  # rows of columns of keys
        broken = [part for column in levels for part in _broken(column)]
        per_line = len(broken)
        if per_line > WIDE:
            wide = sum(max(self.sizes[key][0] for key in c) + GAP_X for c in broken) / per_line
            high = max(sum(self.sizes[key][1] + GAP_Y for key in c) for c in broken)
            per_line = max(WIDE // 2, ceil(sqrt(1.5 * per_line * high / wide)))
        for start in range(0, len(broken), per_line):
            lines.append(broken[start : start + per_line])
        slots: list[_Slot] = []
        top = width = 0.0
        for band, line in enumerate(lines):
            # A circle in a column of many takes the room of a box, so that rows stand side by side.
            most = max(len(column) for column in line)
            pitch = max(self.sizes[key][1] for column in line for key in column)
            rooms = [[pitch if len(column) > 1 < most else self.sizes[key][1] for key in column] for column in line]
            high, x = max(sum(room) + GAP_Y * len(room) for room in rooms) - GAP_Y, 0.0
            last: tuple[float, float] | None = None
            for column, room in zip(line, rooms, strict=True):
                widest = max(self.sizes[key][0] for key in column)
                y = top + (high - sum(room) - GAP_Y * (len(room) - 1)) / 2
                for key, tall in zip(column, room, strict=True):
                    w, h = self.sizes[key]
                    if len(column) == 1:
                        way = max(top - GAP_Y / 2, top + high / 2 - pitch / 2 - GAP_Y / 2)
                    else:
                        way = y - GAP_Y / 2
                    before = None if last is None else (*last, way)
                    slots.append(_Slot(key, Frame(x + (widest - w) / 2, y + (tall - h) / 2, w, h), band, before))
                    y += tall + GAP_Y
                last = (x, x + widest)
                x += widest + GAP_X
            width = max(width, x - GAP_X)
            top += high + 2 * GAP_X
        return _Block(width, top - 2 * GAP_X, [], slots)

    def _columns(self, shapes: list[Shape]) -> list[list[str]]:
        depth: dict[str, int] = {}
        for shape in shapes:
            behind = [depth[t] for t in self.tails.get(shape.key, ()) if t in depth]
            depth[shape.key] = 1 + max(behind) if behind else 0
        for shape in reversed(shapes):  # what nothing leads to stands beside its first reader
            if not any(t in depth for t in self.tails.get(shape.key, ())):
                ahead = [depth[h] for h in self.heads.get(shape.key, ()) if h in depth]
                if ahead:
                    depth[shape.key] = max(0, min(ahead) - 1)
        least = min(depth.values())
        found: list[list[str]] = [[] for _ in range(max(depth.values()) - least + 1)]
        for shape in shapes:
            found[depth[shape.key] - least].append(shape.key)
        found = [column for column in found if column]
        place: dict[str, float] = {}
        for column in found:  # one sweep: by the mean height of what a shape is made from
            wished: list[tuple[float, int]] = []
            for i, key in enumerate(column):
                sources = [place[t] for t in self.tails.get(key, ()) if t in place]
                wished.append((sum(sources) / len(sources) if sources else (i + 0.5) / len(column), i))
            column[:] = [column[i] for _, i in sorted(wished)]
            for i, key in enumerate(column):
                place[key] = (i + 0.5) / len(column)
        return found


def _broken(column: list[str]) -> Iterable[list[str]]:
    if len(column) <= TALL:
        return [column]
    tall = max(TALL, ceil(sqrt(2.0 * len(column))))
    return [column[i : i + tall] for i in range(0, len(column), tall)]
