"""The scenes of neurons and of layers.  Every number in a box is that of a node of the full graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from itertools import islice

from engine.drawing.scene import Cell, Edge, Row, Scene, Shape
from engine.drawing.survey import LayerUnit, Node, Survey, delta_name, family
from engine.drawing.text import clean, clipped, nearest
from engine.drawing.value_scene import NO_GRAD, Boxes

LISTED = 8  # units that a layer's box lists one by one; of more, the first six
SINGLE = 32  # inputs (or targets) that the unit view draws one by one; more are one box
SAMPLES = 4  # z nodes of one neuron that its box lists: a graph of several samples has as many

Group = tuple[Hashable, ...]  # ("unit", l, j), ("layer", l), ("family", name), ("value", i), ("cost",)


def collapsed_scene(survey: Survey, boxes: Boxes, level: str) -> Scene:
    """One box per neuron (level "unit") or per layer: z, a, δ; one box for all that makes the cost.

    Inputs and targets are boxes of their own in the unit view, up to 32 of a kind.
    """
    groups = _groups(survey, level)
    members: dict[Group, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    scene = Scene(level, clusters=level == "unit")
    keys: dict[Group, str] = {}
    neurons = 0
    # A collapsed box stands where its last value stood: after everything that it is made from.
    for group, indices in sorted(members.items(), key=lambda item: item[1][-1]):
        kind = group[0]
        if kind == "value":
            shape = boxes.box(indices[0])
        elif kind == "cost":
            shape = _cost(survey, boxes, indices)
        elif kind == "unit":
            shape = _unit(survey, boxes, indices)
            neurons += 1
        else:
            shape = _layer(survey, boxes, indices, group)
        if level == "layer":
            shape = shape._replace(place=None)
        keys[group] = shape.key
        scene.shapes.append(shape)
    scene.edges = _edges(survey, groups, keys, level)
    scene.what = f"{len(survey.nodes):,} values as {len(scene.shapes):,} boxes"
    if level == "unit":
        scene.folded.append(f"one box per neuron ({neurons:,})")
        many = [len(members[g]) for g in members if g[0] in ("layer", "family")]
        scene.folded += [f"{n:,} inputs in one box" for n in many]
    else:
        scene.folded.append(f"one box per layer ({sum(g[0] == 'layer' for g in members):,})")
    if ("cost",) in members and len(members[("cost",)]) > 1:
        scene.folded.append(f"the cost's {len(members[('cost',)]):,} values in one box")
    return scene


def _groups(survey: Survey, level: str) -> list[Group]:
    """Per node, the box that it goes into."""
    count = len(survey.nodes)
    leads_to_neuron = [False] * count
    for i in range(count - 1, -1, -1):
        place = survey.places[i]
        if leads_to_neuron[i] or (place is not None and place.unit):
            for p in survey.parents[i]:
                leads_to_neuron[p] = True
    families = Counter(family(n.label) for i, n in enumerate(survey.nodes) if not survey.parents[i] and n.label)
    crowd = Counter(survey.places)
    groups: list[Group] = [()] * count
    only_cost = [True] * count  # whether all children are in the cost's box
    for i in range(count - 1, -1, -1):
        node, place = survey.nodes[i], survey.places[i]
        inner = bool(survey.parents[i])
        if place is not None and place.unit:
            group: Group = ("unit", *place) if level == "unit" else ("layer", place.layer)
        elif inner or not node.label:
            group = ("cost",) if only_cost[i] and not leads_to_neuron[i] else ("value", i)
        else:
            name = family(node.label)
            if place is not None and (level == "layer" or crowd[place] > SINGLE):
                group = ("layer", place.layer)
            elif place is None and name and families[name] > (1 if level == "layer" else SINGLE):
                group = ("family", name)
            else:
                group = ("value", i)
        groups[i] = group
        for p in survey.parents[i]:
            only_cost[p] = only_cost[p] and group == ("cost",)
    return groups


def _cost(survey: Survey, boxes: Boxes, indices: list[int]) -> Shape:
    last = indices[-1]  # the root, if the cost is what was differentiated
    shape = boxes.box(last)
    if len(indices) == 1:
        return shape
    return shape._replace(title=f"{shape.title}; {len(indices)} values in one box")


def _quantities(survey: Survey, indices: list[int]) -> tuple[dict[str, list[int]], int, int]:
    """The z and a nodes among these, and how many weights and biases there are."""
    found: dict[str, list[int]] = {"z": [], "a": []}
    weights = biases = 0
    for i in indices:
        label = survey.nodes[i].label
        if label[:1] in found and survey.places[i] is not None and survey.parents[i]:
            found[label[0]].append(i)
        elif survey.roles[i] == "parameter":
            weights, biases = weights + (label[0] == "w"), biases + (label[0] == "b")
    return found, weights, biases


def _pairs(survey: Survey, found: dict[str, list[int]]) -> list[tuple[int | None, int | None]]:
    """Each z with its a.  In postorder an activation is numbered after its own z, and before the unit's next z."""
    outs: dict[int | None, int | None] = {z: None for z in found["z"]}
    alone: list[tuple[int | None, int | None]] = []
    last: dict[LayerUnit | None, int] = {}
    for i in sorted(found["z"] + found["a"]):
        if i in outs:
            last[survey.places[i]] = i
        elif outs.get(last.get(survey.places[i], -1), i) is None:
            outs[last[survey.places[i]]] = i
        else:
            alone.append((None, i))
    return [*outs.items(), *alone]


def _parameters(weights: int, biases: int) -> str:
    texts = [f"{weights:,} weight{'s' if weights > 1 else ''}"] if weights else []
    texts += [f"{biases:,} bias{'es' if biases > 1 else ''}"] if biases else []
    return ", ".join(texts)


def _unit(survey: Survey, boxes: Boxes, indices: list[int]) -> Shape:
    found, weights, biases = _quantities(survey, indices)
    place = survey.places[indices[-1]]
    assert place is not None
    rows: list[Row] = [(Cell(f"neuron {place.unit}", "head"),)]
    pairs = _pairs(survey, found)
    for z, a in pairs[:SAMPLES]:
        for i in (z, a):
            if i is not None:
                node = survey.nodes[i]
                rows.append((Cell(clipped(node.label), "name"), Cell(boxes.number(node.data), "number")))
        if z is not None:
            rows += _delta(boxes, survey.nodes[z])
    if len(pairs) > SAMPLES:
        rows.append((Cell(f"… {len(pairs) - SAMPLES:,} more", "note"),))
    titles = [boxes.title(survey.nodes[i]) for i in islice(found["z"] + found["a"], 8)]
    title = f"layer {place.layer}, neuron {place.unit} ({_parameters(weights, biases)}): {'; '.join(titles)}"
    role = "different" if _differs(survey, boxes, indices) else "unit"
    return Shape(f"unit{place.layer}_{place.unit}", role, tuple(rows), title, LayerUnit(place.layer, 0))


def _delta(boxes: Boxes, node: Node) -> list[Row]:
    """The rows of a z node's adjoint and of what stands beside it."""
    grad = boxes.grad(node)
    if grad.look == "note":
        return [(Cell(f"{delta_name(node.label)}: {NO_GRAD}", "note"),)]
    verdict = boxes.verdict(node)
    if not verdict:
        return [(Cell(delta_name(node.label), "name"), grad)]
    return [(Cell("grad", "name"), grad), verdict]


def _differs(survey: Survey, boxes: Boxes, indices: list[int]) -> bool:
    nodes = (survey.nodes[i] for i in indices)
    return any(not boxes.beside[node].equal for node in nodes if node in boxes.beside)


def _layer(survey: Survey, boxes: Boxes, indices: list[int], group: Group) -> Shape:
    """A table with a line per unit (or per input): the first few, and how many there are."""
    layer = int(str(group[1])) if group[0] == "layer" else None
    name = f"layer {layer}" if layer is not None else str(group[1])
    found, weights, biases = _quantities(survey, indices)
    neurons = bool(found["z"])
    listed = sorted(found["z"], key=lambda i: survey.places[i] or LayerUnit(0, 0)) if neurons else indices
    what = f"{len(listed):,} {'neuron' if neurons else 'value'}{'s' if len(listed) > 1 else ''}"
    shown = listed if len(listed) <= LISTED else listed[: LISTED - 2]
    lines = (
        _neuron_lines(survey, boxes, shown, dict(_pairs(survey, found)))
        if neurons
        else _value_lines(survey, boxes, shown)
    )
    rows: list[Row] = [(Cell(clipped(f"{name}: {what}"), "head"),), *lines]
    if len(shown) < len(listed):
        spread = _spread(survey, boxes, listed)
        more = f"… {len(listed) - len(shown):,} more"
        rows.append((Cell(f"{more}; {'δ' if neurons else 'grad'} {spread}" if spread else more, "note"),))
    if any(survey.ungraded(survey.nodes[i]) for i in listed):
        rows.append((Cell(NO_GRAD, "note"),))
    if weights or biases:
        rows.append((Cell(_parameters(weights, biases), "note"),))
    title = "; ".join([f"{name}: {what}", *(boxes.title(survey.nodes[i]) for i in shown)])
    role = "different" if _differs(survey, boxes, indices) else "layer" if neurons else "input"
    key = f"layer{layer}" if layer is not None else f"family{indices[0]}"
    return Shape(key, role, tuple(rows), title, None if layer is None else LayerUnit(layer, 0))


def _value_lines(survey: Survey, boxes: Boxes, shown: list[int]) -> list[Row]:
    lines: list[Row] = [(Cell("", "note"), Cell("data", "note"), Cell("grad", "note"))]
    for i in shown:
        node = survey.nodes[i]
        name, data = Cell(clipped(node.label, 12), "name"), Cell(boxes.number(node.data), "number")
        lines.append((name, data, _short(boxes.grad(node))))
    return lines


def _neuron_lines(survey: Survey, boxes: Boxes, shown: list[int], outs: dict[int | None, int | None]) -> list[Row]:
    activations = any(outs.get(i) is not None for i in shown)
    up = survey.nodes[shown[0]].label[1:].rstrip("₀₁₂₃₄₅₆₇₈₉")
    compared = any(survey.nodes[i] in boxes.beside for i in shown)
    heads = [
        "unit",
        f"z{up}",
        *([f"a{up}"] if activations else []),
        *(["grad", f"δ{up}"] if compared else [f"δ{up}"]),
    ]
    lines: list[Row] = [tuple(Cell(head, "note") for head in heads)]
    for i in shown:
        node, place = survey.nodes[i], survey.places[i]
        cells = [Cell(str(place.unit if place else ""), "name"), Cell(boxes.number(node.data), "number")]
        if activations:
            a = outs.get(i)
            cells.append(Cell("–" if a is None else boxes.number(survey.nodes[a].data), "number"))
        cells.append(_short(boxes.grad(node)))
        if compared:
            verdict = boxes.verdict(node, name=False)
            cells.append(Cell(" ".join(c.text for c in verdict), "number", verdict[1].fill if verdict else ""))
        lines.append(tuple(cells))
    return lines


def _short(grad: Cell) -> Cell:
    return Cell("–", "number") if grad.look == "note" else grad


def _spread(survey: Survey, boxes: Boxes, indices: list[int]) -> str:
    """The smallest and the largest grad of them all, for numbers that have an order."""
    grads = [survey.nodes[i].grad for i in indices if not survey.ungraded(survey.nodes[i])]
    ordered = [(near, g) for near, g in ((nearest(g), g) for g in grads) if near is not None and near == near]
    if not ordered or len(ordered) < len(grads):
        return ""
    least, most = min(ordered, key=lambda pair: pair[0]), max(ordered, key=lambda pair: pair[0])
    return f"{boxes.number(least[1])} … {boxes.number(most[1])}"


def _edges(survey: Survey, groups: list[Group], keys: dict[Group, str], level: str) -> list[Edge]:
    """An arrow where values of one box are operands in another; it says how many and, if one, which."""
    counts: dict[tuple[Group, Group], int] = {}
    through: dict[tuple[Group, Group], str] = {}
    for i, parents in enumerate(survey.parents):
        for p in parents:
            if groups[p] == groups[i]:
                continue
            pair = (groups[p], groups[i])
            counts[pair] = counts.get(pair, 0) + 1
            if level == "unit" and pair not in through:
                other = [survey.nodes[q] for q in parents if q != p]
                if len(other) == 1 and survey.roles[survey.index[other[0]]] == "parameter":
                    grad = NO_GRAD if survey.ungraded(other[0]) else f"grad {other[0].grad}"
                    through[pair] = clean(f"through {other[0].label} = {other[0].data}, {grad}")
    edges = []
    for pair, count in counts.items():
        tail, head = keys[pair[0]], keys[pair[1]]
        title = f"{tail} → {head}: " + (through.get(pair, "1 edge") if count == 1 else f"{count:,} edges")
        label = f"{count:,}" if count > 1 and level == "layer" else ""
        edges.append(Edge(f"{tail}to{head}", tail, head, title, label))
    return edges
