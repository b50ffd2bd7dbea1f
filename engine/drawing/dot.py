"""A scene as DOT: for readers and their tools with its labels, for the layout with sizes only.

Graphviz without fonts (and with other fonts than the viewer's) can only guess how wide z²₁ is, and the
embedded one has no HTML-like labels.  So it is told the size of each box, counted in columns of a monospaced
font, and gives positions and arrows; the writer (`engine.drawing.svg`) puts the texts in.
"""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING, Any

from engine.drawing.layout import FONT, HEAD_FONT, Frame, Layout, Route, op_font, op_width, size
from engine.drawing.scene import BOX, EDGE, NAME, OP, STYLES, Cell, Scene, Shape, cluster_style
from engine.drawing.survey import LayerUnit
from engine.drawing.text import clipped

if TYPE_CHECKING:
    import graphviz

ALIGN = {"head": "CENTER", "made": "CENTER", "note": "CENTER", "name": "LEFT", "number": "RIGHT"}
_NUMBERS = re.compile("[0-9]+").findall
SVG = "{http://www.w3.org/2000/svg}"


# -- for readers -----------------------------------------------------------------------------------


def digraph(scene: Scene, prefix: str) -> graphviz.Digraph:
    """The scene as a `graphviz.Digraph`; the same scene gives the same source, byte for byte."""
    import graphviz

    dot = graphviz.Digraph("backpropagation")
    dot.attr("graph", **_spacing(scene), bgcolor="white", fontname="Courier", fontsize="12", id=f"{prefix}graph")
    dot.attr("node", shape="plain", fontname="Courier", fontsize=str(FONT))
    dot.attr("edge", color=EDGE, arrowsize="0.7", penwidth="1.2")
    dot.attr("edge", fontname="Courier", fontsize="10", fontcolor=NAME)
    if _ports(scene):
        dot.attr("edge", tailport="e", headport="w")
    by_place = _by_place(scene)
    for layer, units in scene.places().items():
        with dot.subgraph(name=f"cluster_{layer}") as box:
            fill, line, ink = cluster_style(LayerUnit(layer, 0))
            box.attr(label=f"layer {layer}", labeljust="l", style="rounded,filled", id=f"{prefix}cluster{layer}")
            box.attr(fillcolor=fill, color=line, fontcolor=ink)
            for shape in by_place.get(LayerUnit(layer, 0), ()):
                _node(box, shape, prefix)
            for unit in units:
                with box.subgraph(name=f"cluster_{layer}_{unit}") as neuron:
                    fill, line, ink = cluster_style(LayerUnit(layer, unit))
                    neuron.attr(label=f"neuron {unit}", id=f"{prefix}cluster{layer}_{unit}")
                    neuron.attr(style="rounded,filled", fillcolor=fill, color=line, fontcolor=ink)
                    for shape in by_place[LayerUnit(layer, unit)]:
                        _node(neuron, shape, prefix)
    for shape in by_place.get(None, ()):
        _node(dot, shape, prefix)
    for edge, longer in _edges(scene):
        options = {"id": prefix + edge.key, "tooltip": _escaped(edge.title)}
        if edge.label:
            options["label"] = edge.label
        if longer:
            options["minlen"] = "2"
        dot.edge(edge.tail, edge.head, **options)
    return dot


def content_prefix(scene: Scene) -> str:
    """A prefix for ids that tells pictures apart: a digest of what is drawn."""
    texts = [scene.level, *(shape.title for shape in scene.shapes), *(edge.key for edge in scene.edges)]
    texts += [cell.text for shape in scene.shapes[:100] for row in shape.rows for cell in row]
    return f"g{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:8]}-"


def _node(dot: Any, shape: Shape, prefix: str) -> None:
    options = {"id": prefix + shape.key, "tooltip": _escaped(shape.title)}
    if shape.role == "op":
        symbol = shape.rows[0][0].text
        options |= {"class": "op", "shape": "ellipse", "style": "filled", "fillcolor": OP, "color": OP}
        options |= {"fontcolor": "white", "fontname": "Helvetica", "fontsize": str(op_font(symbol))}
        options |= {"width": f"{op_width(symbol) / 72:.3f}", "height": "0.417", "fixedsize": "true"}
        options["label"] = _escaped(symbol)
    else:
        options |= {"class": f"value {shape.role}", "label": f"<{_table(shape)}>"}
    dot.node(shape.key, **options)


def _table(shape: Shape) -> str:
    style = STYLES[shape.role]
    width = max(map(len, shape.rows))
    dashed = ' STYLE="DASHED"' if style.dashed else ""
    rows = []
    for row in shape.rows:
        cells = [_cell(cell, width - len(row) + 1 if cell is row[-1] else 1, style.head) for cell in row]
        rows.append(f"<TR>{''.join(cells)}</TR>")
    return (
        f'<TABLE BORDER="{style.width}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" '
        f'COLOR="{style.border}" BGCOLOR="{BOX}"{dashed}>{"".join(rows)}</TABLE>'
    )


def _cell(cell: Cell, span: int, head: str) -> str:
    fill = head if cell.look in ("head", "made") else cell.fill
    text = _html(cell.text)
    if cell.look == "head" and text:
        text = f'<FONT POINT-SIZE="{HEAD_FONT}"><B>{text}</B></FONT>'
    elif cell.look in ("name", "note") and text:
        text = f'<FONT COLOR="{NAME}">{text}</FONT>'
    spans = f' COLSPAN="{span}"' if span > 1 else ""
    colour = f' BGCOLOR="{fill}"' if fill else ""
    return f'<TD ALIGN="{ALIGN[cell.look]}"{spans}{colour}>{text}</TD>'


def _html(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    # Graphviz puts the node's name in the place of \\N even here, and has no way to say "not": a word joiner,
    # which has no width, keeps the two characters apart.
    return text.replace("\\", "\\\u2060")


def _escaped(text: str) -> str:
    """Text for an attribute in which DOT would see escapes (\\N) and entities (&lt;)."""
    import graphviz

    return graphviz.escape(clipped(text, 400).replace("&", "&amp;"))


# -- for the layout --------------------------------------------------------------------------------


def layout_source(scene: Scene) -> str:
    """The scene as DOT with sizes in the place of texts: plain ASCII, no fonts asked for."""
    spacing = " ".join(f"{name}={value}" for name, value in _spacing(scene).items())
    lines = [
        "digraph {",
        f'graph [{spacing} fontname="Courier" fontsize=11]',
        'node [shape=box fixedsize=true label=""]',
        f'edge [arrowsize=0.7 penwidth=1.2 fontname="Courier" fontsize=10{_ports(scene)}]',
    ]
    by_place = _by_place(scene)
    for layer, units in scene.places().items():
        inside = by_place.get(LayerUnit(layer, 0), [])
        if scene.level == "unit":
            # dot does not keep an order within clusters; `layout_from` draws their boxes.
            lines += [*map(_sized, inside), _column(inside, scene, layer)]
            continue
        lines.append(f'subgraph cluster_{layer} {{ id="cluster{layer}" label="layer {layer}" labeljust=l')
        lines += map(_sized, inside)
        for unit in units:
            lines.append(f'subgraph cluster_{layer}_{unit} {{ id="cluster{layer}_{unit}" label="neuron {unit}"')
            lines += map(_sized, by_place[LayerUnit(layer, unit)])
            lines.append("}")
        lines.append("}")
    lines += [_sized(shape) for shape in by_place.get(None, ())]
    for edge, longer in _edges(scene):
        options = ([f"label={json.dumps(edge.label)}"] if edge.label else []) + ["minlen=2"] * longer
        lines.append(f'{edge.tail} -> {edge.head} [id="{edge.key}" {" ".join(options)}]')
    return "\n".join([*lines, "}\n"])


def layout_from(raw: str, scene: Scene) -> Layout:
    """Positions and arrows from the SVG that Graphviz made of `layout_source`.

    Raises
    ------
    ValueError
        raw is not the SVG of this scene.
    """
    try:
        root = ElementTree.fromstring(raw)
        x, y, width, height = map(float, root.get("viewBox", "").split())
        # Graphviz counts y upwards from the bottom, below a margin of 4 points: translate(4 height − 4).
        layout = Layout({}, {}, {}, Frame(x - 4, y + 4 - height, width, height))
        for group in root.iter(f"{SVG}g"):
            name, kind = group.get("id", ""), group.get("class")
            if kind == "node":
                layout.shapes[group.findtext(f"{SVG}title", "")] = _frame(group)
            elif kind == "edge":
                layout.routes[name] = _route(group)
            elif kind == "cluster":
                layer, _, unit = name.removeprefix("cluster").partition("_")
                layout.clusters[LayerUnit(int(layer), int(unit or 0))] = _frame(group)
        if scene.level == "unit":
            layout = _with_clusters(layout, scene)
    except (ElementTree.ParseError, ValueError, AttributeError) as error:
        raise ValueError(f"Graphviz gave no SVG that can be read: {error}") from error
    missing = [s.key for s in scene.shapes if s.key not in layout.shapes]
    missing += [e.key for e in scene.edges if e.key not in layout.routes]
    if missing:
        raise ValueError(f"Graphviz left out {len(missing)} shapes or arrows, {missing[0]} among them")
    return layout


def _with_clusters(layout: Layout, scene: Scene) -> Layout:
    """The layout with boxes around the columns of a unit view, and with room for them."""
    for layer in scene.places():
        frames = [layout.shapes[s.key] for s in scene.shapes if s.place is not None and s.place.layer == layer]
        left, top = min(f.x for f in frames) - 10, min(f.y for f in frames) - 22
        right, bottom = (max(f.x + f.width for f in frames) + 10, max(f.y + f.height for f in frames) + 8)
        layout.clusters[LayerUnit(layer, 0)] = Frame(left, top, right - left, bottom - top)
    view = layout.view
    return layout._replace(view=Frame(view.x - 10, view.y - 22, view.width + 20, view.height + 32))


def _frame(group: ElementTree.Element) -> Frame:
    ellipse = group.find(f"{SVG}ellipse")
    if ellipse is not None:
        cx, cy, rx, ry = (float(ellipse.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
        return Frame(cx - rx, cy - ry, 2 * rx, 2 * ry)
    points = [tuple(map(float, p.split(","))) for p in group.find(f"{SVG}polygon").attrib["points"].split()]  # type: ignore[union-attr]
    xs, ys = zip(*points, strict=True)
    return Frame(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def _route(group: ElementTree.Element) -> Route:
    path, head, text = (group.find(f"{SVG}{tag}") for tag in ("path", "polygon", "text"))
    at = (0.0, 0.0) if text is None else (float(text.attrib["x"]), float(text.attrib["y"]))
    return Route(path.attrib["d"], "" if head is None else head.attrib["points"], at)  # type: ignore[union-attr]


def _sized(shape: Shape) -> str:
    width, height = size(shape)
    kind = " shape=ellipse" if shape.role == "op" else ""
    return f"{shape.key} [width={width / 72:.4f} height={height / 72:.4f}{kind}]"


# -- for both --------------------------------------------------------------------------------------


def _spacing(scene: Scene) -> dict[str, str]:
    apart = "0.38" if scene.level == "value" else "1.5" if scene.dense else "0.8"
    return {"rankdir": "LR", "nodesep": "0.22", "ranksep": apart}


def _ports(scene: Scene) -> str:
    """Arrows between neurons leave on the right and come in on the left."""
    return "" if scene.level == "value" else " tailport=e headport=w"


def _column(shapes: list[Shape], scene: Scene, layer: int) -> str:
    """Keeps the neurons (or inputs) of a layer in a column, in their order; below the last one the targets."""
    keys = [shape.key for shape in sorted(shapes, key=lambda shape: [int(n) for n in _NUMBERS(shape.key)])]
    if layer == max(scene.places()):
        placed = {shape.key for shape in scene.shapes if shape.place is not None}
        busy = {edge.head for edge in scene.edges} | {edge.tail for edge in scene.edges if edge.head in placed}
        keys += [s.key for s in scene.shapes if s.key not in placed and s.key not in busy]
    return f"{{rank=same; {' -> '.join(keys)} [style=invis tailport=_ headport=_]}}" if len(keys) > 1 else ""


def _by_place(scene: Scene) -> dict[LayerUnit | None, list[Shape]]:
    found: dict[LayerUnit | None, list[Shape]] = {}
    for shape in scene.shapes:
        found.setdefault(shape.place if scene.clusters else None, []).append(shape)
    return found


def _edges(scene: Scene) -> list[tuple[Any, bool]]:
    """The edges; and of each whether it goes from layer to layer: there the parameters need room."""
    shapes = {shape.key: shape for shape in scene.shapes}
    found = []
    for edge in scene.edges:
        tail, head = shapes[edge.tail], shapes[edge.head]
        found.append((edge, head.role == "op" and tail.place is not None and tail.place != head.place))
    return found
