"""Copies of a graph without recursion: a Value is pickled as one flat list of its graph.

Leaves go into it as objects, so that a loss and the parameters under it, pickled
together, come back connected.
"""

from __future__ import annotations

from engine.reverse import nodes

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from typing import Any


def flatten(root: Any) -> tuple[Any, ...]:
    """The graph below root as (its class, leaves, rows): see `rebuild`."""
    order = nodes(root)
    if len(order) == 1:
        return root.__class__, [(root.data, root.grad, root.label)], []
    leaves = [node for node in order if node._x is None]
    inner = [node for node in order if node._x is not None]
    index = {node: i for i, node in enumerate([*leaves, *inner])}
    rows = [
        (n.data, n.grad, n.label, n._row, index[n._x], None if n._y is None else index[n._y], n._dx, n._dy)
        for n in inner
    ]
    return root.__class__, leaves, rows


def rebuild(kind: Any, leaves: list[Any], rows: list[tuple[Any, ...]]) -> Any:
    """The root of the graph that `flatten` took apart; kind: the class of what is no object yet."""
    made = [_node(kind, *leaf) if isinstance(leaf, tuple) else leaf for leaf in leaves]
    for data, grad, label, row, x, y, dx, dy in rows:
        made.append(_node(kind, data, grad, label, row, made[x], None if y is None else made[y], dx, dy))
    return made[-1]


def deepcopy(root: Any, memo: dict[int, Any]) -> Any:
    """`copy.deepcopy` of root: what is shared between copied Values stays shared."""
    import copy

    for node in nodes(root):
        if id(node) not in memo:
            data, grad, dx, dy = (copy.deepcopy(number, memo) for number in (node.data, node.grad, node._dx, node._dy))
            x, y = (None if parent is None else memo[id(parent)] for parent in (node._x, node._y))
            memo[id(node)] = _node(node.__class__, data, grad, node.label, node._row, x, y, dx, dy)
    return memo[id(root)]


def _node(kind: Any, data: Any, grad: Any, label: str, *made: Any) -> Any:
    """made: of an inner node its row, parents and partials."""
    node = kind.__new__(kind)
    node.data, node.grad, node.label, node._adj = data, grad, label, None
    node._row, node._x, node._y, node._dx, node._dy = made or (None,) * 5
    return node
