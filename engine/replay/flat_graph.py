"""A recorded graph as numbers: what `engine.replay.schedule` puts in order and a replay computes."""

from __future__ import annotations

from engine.ops import TABLE
from engine.replay.numbers_given import number
from engine.reverse import LOCK, nodes, reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.replay.recording import Guard
    from engine.value import Value


class FlatGraph:
    """A graph of scalars as numbers; an id counts through inputs, parameters, constants, inner nodes.

    inputs, parameters : how many there are; leaves: these and the constants
    values : the constants' numbers
    rows, xs, ys : of each inner node the place of its op in `ops` and its parents' ids (y is −1 for one parent)
    held : the constant of an inner node's op, by its id
    reached : how many inner nodes, the first ones, lie below the root; the rest are there for guards
    root : the root's id
    guards : (comparison, left id, right id, answer)
    kept : ids that must be stored whatever uses them
    """

    def __init__(self, root: Value, inputs: list[Value], parameters: list[Value], guards: list[Guard]) -> None:
        order, constants, self.reached = _collect(root, [*inputs, *parameters], guards)
        self.inputs, self.parameters = len(inputs), len(parameters)
        self.leaves = self.inputs + self.parameters + len(constants)
        self.values = [number(leaf.data, "a constant") for leaf in constants]
        self.ids = ids = {node: i for i, node in enumerate([*inputs, *parameters, *constants, *order])}
        places: dict[str, int] = {}
        self.rows = [places.setdefault(node._row.name, len(places)) for node in order]
        self.ops = [TABLE[name] for name in places]
        self.xs = [ids[node._x] for node in order]
        self.ys = [-1 if node._y is None else ids[node._y] for node in order]
        self.held = {
            i: number(node._row.c, f"the constant of {node._row.name}")
            for i, node in enumerate(order, self.leaves)
            if node._row.c is not None
        }
        self.root = ids[root]
        self.guards = [(g.symbol, ids[g.left], ids[g.right], g.answer) for g in guards]
        self.kept = {self.root, *(i for _, x, y, _ in self.guards for i in (x, y))}

    def is_parameter(self, node: int) -> bool:
        """Whether the id is a parameter's."""
        return self.inputs <= node < self.inputs + self.parameters


def _collect(root: Value, named: list[Value], guards: list[Guard]) -> tuple[list[Any], list[Any], int]:
    """(inner nodes in the order of the pass, then those of guards only; constants; how many are the pass's)."""
    with LOCK:
        inner, leaves, *_ = reach(root)
        for node in (*inner, *leaves):
            node._adj = None
    reached = len(inner)
    own = set(named)
    constants = [leaf for leaf in leaves if leaf not in own]
    known = own.union(inner, leaves)
    for guard in guards:
        for side in (guard.left, guard.right):
            if side in known:
                continue
            for node in nodes(side):
                if node not in known:
                    known.add(node)
                    (inner if node.parents else constants).append(node)
    return inner, constants, reached
