"""Copies of a graph without recursion: a Value is pickled as one flat record of its graph.

Leaves go into the record as objects, so that a loss and the parameters under it, pickled
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
            memo[id(node)] = _node(
                node.__class__,
                copy.deepcopy(node.data, memo),
                copy.deepcopy(node.grad, memo),
                node.label,
                node._row,
                None if node._x is None else memo[id(node._x)],
                None if node._y is None else memo[id(node._y)],
                copy.deepcopy(node._dx, memo),
                copy.deepcopy(node._dy, memo),
            )
    return memo[id(root)]


def _node(
    kind: Any,
    data: Any,
    grad: Any,
    label: str,
    row: Any = None,
    x: Any = None,
    y: Any = None,
    dx: Any = None,
    dy: Any = None,
) -> Any:
    node = kind.__new__(kind)
    node.data, node.grad, node.label, node._row = data, grad, label, row
    node._x, node._y, node._dx, node._dy, node._adj = x, y, dx, dy, None
    return node
