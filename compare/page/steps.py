"""The reverse pass as the steps that a page shows: one contribution on one edge each, from the graph itself."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine import Value
from engine.drawing.survey import expression, symbol_of
from engine.drawing.text import clipped, number
from engine.reverse import LOCK, nodes, reach
from engine.scalars import one

LONGEST = 30  # characters of a name that is made from the names of parents


class Contribution(NamedTuple):
    """What one node adds to the adjoint of one parent.

    child, target:  numbers of the two nodes in topological order
    operand:        which operand of the child the target is: 0 or 1
    partial:        ∂child/∂target, as stored on the edge; None is 1, which is not multiplied
    adjoint:        of the child, complete when the child is visited
    part:           adjoint × partial
    total:          the target's running sum with it; the first part is assigned
    nth, of:        which contribution of how many
    """

    child: int
    target: int
    operand: int
    partial: Any
    adjoint: Any
    part: Any
    total: Any
    nth: int
    of: int


def contributions(root: Value) -> list[Contribution]:
    """Every contribution of ``root.backward()``, in the order in which the pass makes them.

    The order is that of `engine.reverse.reach`; partials are those stored on the edges.  No grad is
    read or written: the sums are made anew, so that they can be held against the grads.

    >>> a = Value(3.0)
    >>> [(c.part, c.total, c.nth, c.of) for c in contributions(a * a)]
    [(3.0, 3.0, 1, 2), (3.0, 6.0, 2, 2)]
    """
    order = nodes(root)
    index = {node: i for i, node in enumerate(order)}
    with LOCK:
        inner, leaves, *_ = reach(root)
        for node in (*inner, *leaves):
            node._adj = None  # the pass's scratch: nothing of ours stays in it
    uses = [0] * len(order)
    for node in inner:
        for parent in node.parents:
            uses[index[parent]] += 1
    adjoints: dict[int, Any] = {index[root]: one(root.data)}
    met = [0] * len(order)
    steps = []
    for node in reversed(inner):
        child = index[node]
        adjoint = adjoints[child]
        for operand, (parent, partial) in enumerate(zip(node.parents, (node._dx, node._dy), strict=False)):
            target = index[parent]
            part = adjoint if partial is None else adjoint * partial
            total = adjoints[target] + part if target in adjoints else part
            adjoints[target] = total
            met[target] += 1
            steps.append(Contribution(child, target, operand, partial, adjoint, part, total, met[target], uses[target]))
    return steps


def names(order: Sequence[Value]) -> list[str]:
    """What the page calls each node: its label, or the expression that made it, or v and its number.

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> names([w, x, w * x])
    ['w', 'x', 'w·x']
    """
    index = {node: i for i, node in enumerate(order)}
    found: list[str] = []
    for i, node in enumerate(order):
        if node.label or not node.parents:
            found.append(clipped(node.label or number(node.data, 3).lstrip("+")))
            continue
        parts = [found[index[parent]] for parent in node.parents]
        made = expression(symbol_of(node), [f"({part})" if " " in part else part for part in parts])
        found.append(made if len(made) <= LONGEST else f"v{i}")
    return found
