"""Derivatives as functions: `grad` and, on top of it, `jacobian`, `hessian` and `hvp`."""

from __future__ import annotations

from engine.modes import active, check_adjoints, describe, inside
from engine.reverse import LOCK, adjoints, nodes
from engine.scalars import one, same_bits, zero
from engine.value import Value, anchors

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def grad(y: Value, xs: Any, create_graph: bool = False, after: Sequence[Value] = ()) -> Any:
    """∂y/∂x for each x in xs, without touching any node's `grad`.

    Parameters
    ----------
    y : the Value to differentiate
    xs : a Value, or a sequence of them; an x that y does not depend on has derivative 0
    create_graph : whether the results are Values with a graph of their own: the road to higher
        derivatives
    after : anchors, as in `Value.backward`; they order additions, and with create_graph there is nothing to order

    Returns
    -------
    a number (a Value with create_graph) for one x, a list for a sequence

    Raises
    ------
    TypeError
        y, an x or an anchor is not a Value.
    ValueError
        Anchors are given with create_graph.
    RuntimeError
        With create_graph: data was assigned since the forward pass, so that the stored partials
        and the data disagree.

    >>> x = Value(2.0)
    >>> grad(x * x * x, x)
    12.0
    >>> slope = grad(x * x * x, x, create_graph=True)
    >>> grad(slope, x)
    12.0
    """
    targets = [xs] if isinstance(xs, Value) else list(xs)
    for name, node in [("y", y), *(("xs", x) for x in targets)]:
        if not isinstance(node, Value):
            raise TypeError(f"grad({name}): expected a Value, got {type(node).__name__} {node!r:.60}")
    after = anchors("grad", after)
    if create_graph and after:
        raise ValueError("grad(after): anchors order the pass on numbers; with create_graph=True give none")
    results = _graph_of_adjoints(y, targets) if create_graph else _adjoints(y, targets, after)
    return results[0] if isinstance(xs, Value) else results


def _adjoints(y: Value, xs: list[Value], after: Sequence[Value]) -> list[Any]:
    with LOCK:
        for x in xs:
            x._adj = None  # what a pass that raised left behind is no adjoint of y
        inner, leaves = adjoints(y, one(y.data), "grad()", after)
        if active and inside("detect_nonfinite"):
            check_adjoints([*reversed(inner), *leaves])
        found = [zero(y.data) if x._adj is None else x._adj for x in xs]
        for node in inner:
            node._adj = True  # a pass was here
        for node in leaves:
            node._adj = None
    return found


def _graph_of_adjoints(y: Value, xs: list[Value]) -> list[Value]:
    order = nodes(y)
    wanted = set(xs)
    leads_to_x: set[Value] = set()
    for node in order:
        if node in wanted or not leads_to_x.isdisjoint(node.parents):
            leads_to_x.add(node)
    adjoints: dict[Value, Value] = {y: Value(one(y.data))}
    for node in reversed(order):
        if node not in leads_to_x or node._row is None:
            continue
        row, adjoint = node._row, adjoints[node]
        partials = row.partials(node._x, node._y, node)
        for parent, partial, stored in zip(node.parents, partials, (node._dx, node._dy), strict=False):
            if parent not in leads_to_x:
                continue
            partial = partial if isinstance(partial, Value) else Value(partial)
            if stored is None:
                part = adjoint
            elif same_bits(partial.data, stored):
                part = adjoint * partial
            else:
                raise RuntimeError(
                    f"grad(create_graph=True): data was assigned since the forward pass at "
                    f"{describe(node)}: its stored partial is {stored}, its data give {partial.data}; "
                    f"run the forward pass again"
                )
            adjoints[parent] = adjoints[parent] + part if parent in adjoints else part
    return [adjoints[x] if x in adjoints else Value(zero(y.data)) for x in xs]


def jacobian(ys: Sequence[Value], xs: Sequence[Value]) -> list[list[Any]]:
    """J[i][j] = ∂yᵢ/∂xⱼ, one reverse pass per y; shape (len(ys), len(xs)).

    >>> a, b = Value(2.0), Value(3.0)
    >>> jacobian([a * b, a + b], [a, b])
    [[3.0, 2.0], [1.0, 1.0]]
    """
    return [grad(y, list(xs)) for y in ys]


def hessian(y: Value, xs: Sequence[Value]) -> list[list[Any]]:
    """H[i][j] = ∂²y/∂xᵢ∂xⱼ, shape (len(xs), len(xs)).

    >>> a, b = Value(2.0), Value(3.0)
    >>> hessian(a * a * b, [a, b])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(grad(y, list(xs), create_graph=True), xs)


def hvp(y: Value, xs: Sequence[Value], vector: Sequence[Any]) -> list[Any]:
    """The Hessian-vector product Σⱼ ∂²y/∂xᵢ∂xⱼ vⱼ, without the Hessian: ∇(∇y · v).

    Raises
    ------
    ValueError
        vector and xs differ in length.
    Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).

    >>> a, b = Value(2.0), Value(3.0)
    >>> hvp(a * a * b, [a, b], [1.0, 0.0])
    [6.0, 4.0]
    """
    if len(vector) != len(xs) or not len(xs):
        raise ValueError(f"hvp(vector): expected one number per x ({len(xs)}, at least 1), got {len(vector)}")
    first, *others = zip(grad(y, list(xs), create_graph=True), vector, strict=True)
    total = first[0] * first[1]
    for slope, v in others:
        total = total + slope * v
    return list(grad(total, list(xs)))
