"""The scene of every value: a box per Value, a circle per op, as in the reference picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.drawing.scene import DIFFERENT, EQUAL, Beside, Cell, Edge, Row, Scene, Shape
from engine.drawing.survey import Node, Survey, delta_name, describe_op, is_sum, symbol_of
from engine.drawing.text import clean, exact, number, scale, shade
from engine.scalars import same_bits

NO_GRAD = "no grad yet"
DATA, GRAD = Cell("data", "name"), Cell("grad", "name")


class Boxes:
    """Makes the box of a Value: label, data, grad, and what stands beside it."""

    def __init__(self, survey: Survey, digits: int, beside: Mapping[Any, Beside]) -> None:
        self.survey, self.digits, self.beside = survey, digits, beside
        self.full = scale(node.grad for node in survey.nodes)

    def number(self, x: Any) -> str:
        """A number as the reader wants it."""
        return number(x, self.digits)

    def grad(self, node: Node) -> Cell:
        """The cell of a grad, coloured by sign and size."""
        if self.survey.ungraded(node):
            return Cell(NO_GRAD, "note")
        return Cell(self.number(node.grad), "number", shade(node.grad, self.full))

    def verdict(self, node: Node, name: bool = True) -> Row:
        """The row of the second number: = or ≠, in colour too; () where there is none."""
        other = self.beside.get(node)
        if other is None:
            return ()
        sign, fill = ("=", EQUAL) if other.equal else ("≠", DIFFERENT)
        text = self.number(other.number) + (f" {other.detail}" if other.detail and not other.equal else "")
        return (Cell(f"{sign} {other.name}" if name else sign, "name", fill), Cell(text, "number", fill))

    def title(self, node: Node, role: str = "") -> str:
        """A node in words, its numbers in full."""
        label = f" {clean(node.label)}" if node.label else ""
        grad = NO_GRAD if self.survey.ungraded(node) else f"grad {exact(node.grad)}"
        text = f"{role}{label}: data {exact(node.data)}, {grad}".strip()
        other = self.beside.get(node)
        if other is None:
            return text
        detail = f" ({other.detail})" if other.detail else ""
        return f"{text} {'=' if other.equal else '≠'} {other.name} {exact(other.number)}{detail}"

    def rows(self, node: Node) -> tuple[Row, ...]:
        """Data, grad, and the number beside it."""
        grad, delta = self.grad(node), delta_name(node.label)
        verdict = self.verdict(node)
        rows: list[Row] = [(DATA, Cell(self.number(node.data), "number"))]
        if grad.look == "note":
            rows.append((Cell(f"{delta}: {NO_GRAD}" if delta else NO_GRAD, "note"),))
        else:
            rows.append((Cell(f"grad = {delta}", "name") if delta and not verdict else GRAD, grad))
        if verdict:
            rows.append(verdict)
        return tuple(rows)

    def box(self, i: int) -> Shape:
        """The box of node number i."""
        survey = self.survey
        node, role = survey.nodes[i], survey.roles[i]
        name = survey.names[i]
        head: tuple[Row, ...] = ((Cell(name, "head" if node.label else "made"),),) if name else ()
        if role == "constant" or (role == "output" and not name):
            head = ((Cell(role, "note" if role == "constant" else "made"),),)
        other = self.beside.get(node)
        style = role if other is None or other.equal else "different"
        title = self.title(node, "" if role == "inner" else role)
        return Shape(f"n{i}", style, head + self.rows(node), title, survey.places[i])


def value_scene(survey: Survey, boxes: Boxes, fold_sums: bool) -> Scene:
    """Every Value as a box, every op as a circle; parallel edges are kept.

    With fold_sums a sum ((b + w₁a₁) + w₂a₂) + … that ends in a z is one ∑ of its terms, from left to
    right.  A partial sum is left out only if it has no label, one child, and bit for bit the adjoint
    of z (its partials are 1), so that no number is hidden but its own data.
    """
    scene = Scene("value", f"{len(survey.nodes):,} values")
    operands, folded = _operands(survey, fold_sums)
    if folded:
        scene.folded.append(f"{len(folded):,} partial sum{'s' if len(folded) > 1 else ''} in ∑")
    names = [name or f"value {i}" for i, name in enumerate(survey.names)]
    for i, node in enumerate(survey.nodes):
        if i in folded:
            continue
        terms = operands[i]
        if terms:
            many = len(terms) > 2
            symbol = "∑" if many else symbol_of(node)
            title = describe_op(node)
            if many:
                title = f"∑: sum of {len(terms)} terms from left to right, {len(terms) - 2} partial sums folded"
            op = f"n{i}op"
            scene.shapes.append(Shape(op, "op", ((Cell(symbol, "op"),),), title, survey.places[i]))
            for k, p in enumerate(terms):
                scene.edges.append(Edge(f"n{i}in{k}", f"n{p}", op, f"{names[p]} → {symbol} → {names[i]}"))
            scene.edges.append(Edge(f"n{i}out", op, f"n{i}", f"{symbol} → {names[i]}"))
        scene.shapes.append(boxes.box(i))
    return scene


def _operands(survey: Survey, fold_sums: bool) -> tuple[list[tuple[int, ...]], set[int]]:
    """Per node its operands, those of a folded sum flat; and the partial sums that are folded."""
    operands = list(survey.parents)
    folded: set[int] = set()
    for i, node in enumerate(survey.nodes):
        if not (fold_sums and delta_name(node.label) and is_sum(node)):
            continue
        terms: list[int] = []
        first, second = survey.parents[i]
        while True:
            terms.append(second)
            partial = survey.nodes[first]
            if (
                survey.uses[first] != 1
                or partial.label
                or not is_sum(partial)
                or not same_bits(partial.grad, node.grad)
            ):
                break
            folded.add(first)
            first, second = survey.parents[first]
        operands[i] = (first, *reversed(terms))
    return operands, folded
