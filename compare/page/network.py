"""The left picture of a page: the network as textbooks draw it, with room for δ in every neuron."""

from html import escape
from typing import Any

from compare.comparison.outcome import Outcome
from engine.drawing.text import number
from engine.notation import symbol

LISTED = 16  # inputs that are drawn one by one; more are one circle
LINES = 1_200  # weights that are drawn as lines
COLUMN, ROW, RADIUS, TOP = 176, 124, 21, 46
PREFIX = "net-"


def network_svg(outcome: Outcome, sample: int) -> str:
    """An SVG whose texts of δ and ∂C/∂b have ids (net-d2_1, net-b2_1) and are filled in by the page.

    Neurons are groups net-z2_1, weights lines net-w2_1_3 (beyond 1,200 weights a layer is tied to the next by one
    line); a layer of more than 16 inputs is one circle.
    """
    record = outcome.record
    many = len(record.activations[0]) > LISTED
    counts = [1 if many else len(record.activations[0]), *(len(z) for z in record.zs)]
    height = TOP + max(counts) * ROW
    width = COLUMN * len(counts) + 80
    at = {
        (layer, unit): (COLUMN * (layer - 0.5), TOP + (height - TOP) / count * (unit - 0.5) - 28)
        for layer, count in enumerate(counts, start=1)
        for unit in range(1, count + 1)
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{PREFIX}graph" role="group" '
        f'aria-label="The network, layer by layer" viewBox="0 0 {width} {height:.0f}" '
        f'width="{width}" height="{height:.0f}">'
    ]
    for layer in range(1, len(counts) + 1):
        name = f"layer {layer}" + (", input" if layer == 1 else ", output" if layer == len(counts) else "")
        parts.append(f'<text class="layer" x="{COLUMN * (layer - 0.5):.0f}" y="20">{name}</text>')
    parts += _lines(counts, at, many)
    sizes = [record.activations[0], *record.zs]
    for (layer, unit), (x, y) in at.items():
        if layer == 1:
            a = None if many else sizes[0][unit - 1, sample]
            parts.append(_input(len(sizes[0]), unit, a, x, y))
        else:
            z, a = record.zs[layer - 2][unit - 1, sample], record.activations[layer - 1][unit - 1, sample]
            parts.append(_neuron(layer, unit, z, a, x, y))
    x = COLUMN * len(counts) + 30
    parts += [_cost(at[len(counts), unit], x, height / 2) for unit in range(1, counts[-1] + 1)]
    parts.append(
        f'<g id="{PREFIX}C" class="cost"><circle cx="{x}" cy="{height / 2:.0f}" r="{RADIUS}"/>'
        f'<text class="name" x="{x}" y="{height / 2 + 5:.0f}">C</text>'
        f'<text class="value" x="{x}" y="{height / 2 + RADIUS + 17:.0f}">{_text(record.costs[sample], 4)}</text></g>'
    )
    return "".join([*parts, "</svg>"])


def _lines(counts: list[int], at: dict[tuple[int, int], tuple[float, float]], many: bool) -> list[str]:
    """The weights as lines, or one thick line from layer to layer where they are too many to be told apart."""
    lines = []
    for layer in range(2, len(counts) + 1):
        single = many and layer == 2
        if counts[layer - 1] * counts[layer - 2] > LINES:
            (x1, _), (x2, _) = at[layer - 1, 1], at[layer, 1]
            y = TOP + (max(counts) * ROW) / 2
            lines.append(f'<line class="all" x1="{x1}" y1="{y}" x2="{x2}" y2="{y}"/>')
            continue
        for unit in range(1, counts[layer - 1] + 1):
            for below in range(1, counts[layer - 2] + 1):
                (x1, y1), (x2, y2) = at[layer - 1, below], at[layer, unit]
                name = "" if single else f' id="{PREFIX}w{layer}_{unit}_{below}"'
                title = "" if single else f"<title>{symbol('w', layer, unit, below)}</title>"
                ends = f'x1="{x1 + RADIUS:.0f}" y1="{y1:.0f}" x2="{x2 - RADIUS:.0f}" y2="{y2:.0f}"'
                lines.append(f"<line{name} {ends}>{title}</line>")
    return lines


def _input(count: int, unit: int, a: Any, x: float, y: float) -> str:
    name = "a¹" if a is None else symbol("a", 1, unit)
    value = f"{count:,} inputs" if a is None else _text(a)
    return (
        f'<g class="input"><circle cx="{x:.0f}" cy="{y:.0f}" r="{RADIUS}"/>'
        f'<text class="name" x="{x:.0f}" y="{y + 5:.0f}">{name}</text>'
        f'<text class="value" x="{x:.0f}" y="{y + RADIUS + 17:.0f}">{value}</text></g>'
    )


def _neuron(layer: int, unit: int, z: Any, a: Any, x: float, y: float) -> str:
    key, below = f"{layer}_{unit}", y + RADIUS
    rows = [
        ("z", "", _text(z)),
        ("a", "", _text(a)),
        ("δ", f' id="{PREFIX}d{key}"', ""),
        ("∂C/∂b", f' id="{PREFIX}b{key}"', ""),
    ]
    texts = "".join(
        f'<text class="key" x="{x - 62:.0f}" y="{below + 15 + 15 * i:.0f}">{name}</text>'
        f'<text class="number"{ident} x="{x + 66:.0f}" y="{below + 15 + 15 * i:.0f}">{value}</text>'
        for i, (name, ident, value) in enumerate(rows)
    )
    name, delta = symbol("z", layer, unit), symbol("δ", layer, unit)
    return (
        f'<g id="{PREFIX}z{key}" class="neuron" tabindex="0" role="button" '
        f'aria-label="{name}: go to the step that completes {delta}">'
        f'<rect x="{x - 68:.0f}" y="{below + 3:.0f}" width="140" height="64" rx="6"/>'
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{RADIUS}"/>'
        f'<text class="name" x="{x:.0f}" y="{y + 5:.0f}">{name}</text>{texts}</g>'
    )


def _cost(output: tuple[float, float], x: float, y: float) -> str:
    return f'<line x1="{output[0] + RADIUS:.0f}" y1="{output[1]:.0f}" x2="{x - RADIUS:.0f}" y2="{y:.0f}"/>'


def _text(value: Any, digits: int = 5) -> str:
    return escape(number(value.item() if hasattr(value, "dtype") else value, digits))
