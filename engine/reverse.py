"""The reverse pass: which nodes, in which order, and what each adds to its parents.

The order is a property of the graph: nodes are visited in reverse depth-first postorder, first
parent first.  A node's *adjoint* ∂C/∂node is the sum of its children's contributions, adjoint ×
partial, added in visiting order; the first one is assigned, since 0.0 + −0.0 would lose a sign.
There is no recursion: a chain of a million nodes is a loop.

One pass runs at a time (`LOCK`): the scratch slot `_adj` of a node belongs to the pass that holds it.
It is None in a node that was just made; afterwards inner nodes keep something there, and leaves, which
the next graph may share, get None back.  So a pass that meets nodes of an earlier one knows it, at next
to no cost, and only then looks whether data was assigned since the forward pass (`warn_if_changed`).

Source: reverse mode as in Griewank & Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, §3.2.
"""

from __future__ import annotations

import sys
from _thread import RLock  # threading itself imports four modules more

from engine.modes import describe
from engine.scalars import errors_ignored, is_lanes, same_bits

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

LOCK = RLock()


class Nothing:
    """What has come to a node before any contribution has: nothing · partial = nothing, and x + nothing = x.

    Each pass has one of its own, as the mark of the nodes that it found: what an interrupted pass left behind means
    nothing to the next.
    """

    __slots__ = ()
    __array_ufunc__ = None  # lanes + nothing is ours to answer

    def __mul__(self, partial: Any) -> Nothing:
        return self

    def __radd__(self, so_far: Any) -> Any:
        return so_far


def reach(root: Any, after: Sequence[Any] = ()) -> tuple[list[Any], list[Any], Nothing, bool]:
    """All nodes below root: (inner nodes in postorder, leaves, the mark, whether a pass was here).

    Anchors, the nodes in `after`, finish first, in their order, each with what lies below it: so what a pass
    visits between two anchors depends on these nodes alone, and not on who reads them above.  Nodes below an
    anchor that is not below root are in the lists too; no contribution comes to them.
    """
    reached = Nothing()
    inner: list[Any] = []
    leaves: list[Any] = []
    again = False
    for top in (*after, root):
        if top._adj is not reached:
            again |= _reach(top, reached, inner, leaves)
    return inner, leaves, reached, again


def _reach(root: Any, reached: Nothing, inner: list[Any], leaves: list[Any]) -> bool:
    again = root._adj is not None
    root._adj = reached
    if root._x is None:
        leaves.append(root)
        return False
    stack: list[Any] = []
    push, pop, done, leaf = stack.append, stack.pop, inner.append, leaves.append
    node = root
    while True:
        parent = node._x
        while parent._adj is not reached:  # down, along first parents
            if parent._adj is not None:
                again = True
            parent._adj = reached
            if parent._x is None:
                leaf(parent)
                break
            push(node)
            node = parent
            parent = node._x
        while True:  # up, until a second parent is unvisited and has parents of its own
            parent = node._y
            if parent is not None and parent._adj is not reached:
                if parent._adj is not None:
                    again = True
                parent._adj = reached
                if parent._x is not None:
                    push(node)
                    node = parent
                    break
                leaf(parent)
            done(node)
            if not stack:
                return again
            node = pop()


def sweep(root: Any, inner: list[Any], reached: Nothing, seed: Any) -> None:
    """Leave in `_adj` of every node its adjoint, with `seed` at the root."""
    root._adj = seed
    for node in reversed(inner):
        adjoint = node._adj
        parent = node._x
        partial = node._dx
        part = adjoint if partial is None else adjoint * partial
        so_far = parent._adj
        parent._adj = part if so_far is reached else so_far + part
        parent = node._y
        if parent is not None:
            partial = node._dy
            part = adjoint if partial is None else adjoint * partial
            so_far = parent._adj
            parent._adj = part if so_far is reached else so_far + part


def warn_if_changed(inner: list[Any], where: str) -> None:
    """Warn if a node's data or its partials are no longer what its op gives: the stored ones are of another point."""
    with errors_ignored():
        node, was = next(((node, was) for node in inner if (was := _no_longer(node))), (None, ""))
    if node is not None:
        import warnings

        warnings.warn(
            f"{where}: data was assigned since the forward pass, at {describe(node)}, {was}; the "
            f"gradient is still that at the point of the forward pass: run it again for the one at the new data",
            stacklevel=_frames_of_ours(),
        )


def _frames_of_ours() -> int:
    """The stacklevel at which our caller's warning points out of the engine, to the line that asked for the pass."""
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").startswith("engine."):
        level += 1
    return level


def _no_longer(node: Any) -> str:
    """What of a node is no longer what its op gives, in words; "" if nothing."""
    x, y, row = node._x.data, None if node._y is None else node._y.data, node._row
    try:
        same = _same(row.result(x, y), node.data)
    except (ArithmeticError, TypeError, ValueError):
        same = False
    if not same:
        return f"which was {node.data}"
    stored = [1 if partial is None else partial for partial in (node._dx, node._dy)]
    try:
        same = all(map(_same, row.partials(x, y, node.data), stored))
    except (ArithmeticError, TypeError, ValueError):
        same = any(hasattr(partial, "why") for partial in stored)  # a `Singular`: it did not exist before either
    return "" if same else f"whose partials were {', '.join(map(str, stored[: len(node.parents)]))}"


def _same(now: Any, then: Any) -> bool:
    if is_lanes(now) or is_lanes(then):
        return same_bits(now, then)
    return bool(now == then or (now != now and then != then))


def adjoints(root: Any, seed: Any, where: str, after: Sequence[Any] = ()) -> tuple[list[Any], list[Any]]:
    """One pass: (inner nodes in postorder, leaves) below root, adjoints in `_adj`, `seed` at the root.

    where: the caller, as a warning names it.  after: anchors, see `reach`; those not below root are left out.
    """
    inner, leaves, reached, again = reach(root, after)
    if again:
        warn_if_changed(inner, where)
    sweep(root, inner, reached, seed)
    if any(anchor._adj is reached for anchor in after):  # it is not below root, nor is what it alone leads to
        for node in (*inner, *leaves):
            if node._adj is reached:
                node._adj = None
        return [n for n in inner if n._adj is not None], [n for n in leaves if n._adj is not None]
    return inner, leaves


def nodes(root: Any) -> list[Any]:
    """All nodes below root in depth-first postorder, first parent first: parents before children.

    >>> from engine import Value
    >>> a = Value(2.0, label="a"); b = Value(3.0, label="b")
    >>> [n.label or n._op for n in nodes(a * b + a)]
    ['a', 'b', '*', '+']
    """
    seen: set[Any] = set()
    order: list[Any] = []
    stack: list[Any] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in reversed(node.parents))
    return order
