"""The SVG writer: the same boxes, circles and titles whoever worked out the positions."""

from __future__ import annotations

import re
from html import escape

from engine.drawing.layout import PAD, Frame, Layout, Route, box_columns, op_font, row_height
from engine.drawing.scene import BOX, EDGE, NAME, OP, STYLES, Edge, Scene, Shape, cluster_style
from engine.drawing.survey import LayerUnit

MONO = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
SANS = "'DejaVu Sans', Helvetica, Arial, sans-serif"
CLASSES = {
    "k": f"fill:{NAME}",
    "r": "text-anchor:end",
    "m": f"text-anchor:middle;fill:{NAME}",
    "d": "text-anchor:middle;font-style:italic",
    "h": "text-anchor:middle;font-weight:bold;font-size:13px",
    "l": f"text-anchor:middle;fill:{NAME};font-size:10px;stroke:white;stroke-width:3px;paint-order:stroke",
    "o": f"text-anchor:middle;fill:white;font-family:{SANS}",
}
_SPECIAL = re.compile("[&<>]").search
LOOKS = {"head": "h", "made": "d", "note": "m", "name": "k", "number": "r"}


def write(scene: Scene, at: Layout, prefix: str, title: str, note: str) -> str:
    """The scene as an SVG of its own: every shape has an id and a title, every text is escaped."""
    view = at.view
    width, height = f"{view.width:.0f}", f"{view.height:.0f}"
    frame = f'x="{view.x:.0f}" y="{view.y:.0f}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="{view.x:.0f} {view.y:.0f} {width} {height}" role="img" '
        f'aria-labelledby="{prefix}title" id="{prefix}graph" font-family="{MONO}" font-size="11">\n'
        f'<title id="{prefix}title">{_text(title)}</title>\n<desc id="{prefix}desc">{_text(note)}</desc>\n',
        _styles(prefix, scene.dense),
        f'<rect {frame} fill="white"/>\n',
    ]
    for place in sorted(at.clusters, key=lambda p: (p.unit > 0, p)):
        parts.append(_cluster(place, at.clusters[place], prefix))
    parts += [_edge(edge, at.routes[edge.key], prefix) for edge in scene.edges]
    parts += [_shape(shape, at.shapes[shape.key], prefix) for shape in scene.shapes]
    parts.append("</svg>\n")
    return "".join(parts)


def _styles(prefix: str, dense: bool) -> str:
    """Rules for this picture only (its id is in each), so that pictures can share a page."""
    own = f"#{prefix}graph "
    rules = [f"{own}.{name}{{{rule}}}" for name, rule in CLASSES.items()]
    rules.append(f"{own}.e{{fill:none;stroke:{EDGE};stroke-width:{0.6 if dense else 1.2}}}")
    rules.append(f"{own}.e.t{{marker-end:url(#{prefix}arrow)}}")
    for role, style in STYLES.items():
        dash = ";stroke-dasharray:4 2" if style.dashed else ""
        rules.append(f"{own}.{role}{{fill:{BOX};stroke:{style.border};stroke-width:{style.width}{dash}}}")
    return (
        f"<style>{' '.join(rules)}</style>\n"
        f'<defs><marker id="{prefix}arrow" viewBox="0 0 8 6" refX="8" refY="3" markerWidth="8" '
        f'markerHeight="6" orient="auto" markerUnits="userSpaceOnUse">'
        f'<path d="M0 0L8 3L0 6z" fill="{EDGE}"/></marker></defs>\n'
    )


def _text(text: str) -> str:
    return escape(text, quote=False) if _SPECIAL(text) else text


def _cluster(place: LayerUnit, f: Frame, prefix: str) -> str:
    fill, line, ink = cluster_style(place)
    if place.unit:
        key, name = f"{place.layer}_{place.unit}", f"neuron {place.unit}"
        title = f"layer {place.layer}, neuron {place.unit}"
    else:
        key, name = f"{place.layer}", f"layer {place.layer}"
        title = name
    return (
        f'<g id="{prefix}cluster{key}" class="cluster"><title>{title}</title>'
        f'<rect x="{f.x:.1f}" y="{f.y:.1f}" width="{f.width:.1f}" height="{f.height:.1f}" rx="10" '
        f'fill="{fill}" stroke="{line}"/>'
        f'<text x="{f.x + 10:.1f}" y="{f.y + 15:.1f}" fill="{ink}">{name}</text></g>\n'
    )


def _edge(edge: Edge, route: Route, prefix: str) -> str:
    title = f"<title>{_text(edge.title)}</title>"
    if not (route.head or edge.label):
        return f'<path id="{prefix}{edge.key}" class="e t" d="{route.path}">{title}</path>\n'
    parts = [f'<g id="{prefix}{edge.key}" class="edge">{title}']
    parts.append(f'<path class="e{"" if route.head else " t"}" d="{route.path}"/>')
    if route.head:
        parts.append(f'<polygon points="{route.head}" fill="{EDGE}"/>')
    if edge.label:
        x, y = route.label
        parts.append(f'<text class="l" x="{x:.1f}" y="{y:.1f}">{_text(edge.label)}</text>')
    return "".join([*parts, "</g>\n"])


def _shape(shape: Shape, f: Frame, prefix: str) -> str:
    if shape.role == "op":
        symbol = shape.rows[0][0].text
        x, y, size = f.x + f.width / 2, f.y + f.height / 2, op_font(symbol)
        return (
            f'<g id="{prefix}{shape.key}" class="node op"><title>{_text(shape.title)}</title>'
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{f.width / 2:.1f}" ry="{f.height / 2:.1f}" fill="{OP}"/>'
            f'<text class="o" x="{x:.1f}" y="{y + size * 0.35:.1f}" font-size="{size}">{_text(symbol)}</text></g>\n'
        )
    style, widths = STYLES[shape.role], box_columns(shape.rows)
    right, edge = f.x + f.width, style.width / 2
    parts = [
        f'<g id="{prefix}{shape.key}" class="node"><title>{_text(shape.title)}</title>'
        f'<rect class="{shape.role}" x="{f.x:.1f}" y="{f.y:.1f}" width="{f.width:.1f}" height="{f.height:.1f}"/>'
    ]
    y = f.y
    for row in shape.rows:
        high = row_height(row)
        x, last = f.x, len(row) - 1
        for i, cell in enumerate(row):
            wide = right - x if i == last else widths[i]
            look = cell.look
            fill = style.head if look == "head" or look == "made" else cell.fill
            if fill and fill.lower() != "#ffffff":
                # Within the border, which is drawn half inside.
                left, trim = (x + edge if i == 0 else x), (edge if i == last else 0.0)
                parts.append(
                    f'<rect x="{left:.1f}" y="{y + edge:.1f}" width="{x + wide - left - trim:.1f}" '
                    f'height="{high - 2 * edge:.1f}" fill="{fill}"/>'
                )
            if cell.text:
                at = x + PAD if look == "name" else x + wide - PAD if look == "number" else x + wide / 2
                parts.append(
                    f'<text class="{LOOKS[look]}" x="{at:.1f}" y="{y + high / 2 + 4:.1f}">{_text(cell.text)}</text>'
                )
            x += wide
        y += high
    parts.append("</g>\n")
    return "".join(parts)
