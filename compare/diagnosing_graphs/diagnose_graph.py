"""`diagnose_graph`: what went wrong in the backward pass over somebody's graph of scalars."""

from collections.abc import Iterable, Iterator
from typing import Any

from compare.diagnosing_graphs.diagnosis import GraphDiagnosis, GraphFinding, Judged, Unjudged
from compare.diagnosing_graphs.explanations import explanations
from compare.diagnosing_graphs.graph_mistakes import (
    GRAPH_MISTAKES,
    NO_SEED,
    OTHER_ROOT,
    OVERWRITTEN,
    UNREACHED,
    WRONG_SEED,
    GraphMistake,
)
from compare.diagnosing_graphs.reading import ForeignGraph, at_kink, in_digits, name_of
from compare.diagnosing_graphs.running import unchanged
from compare.diagnosing_graphs.shares import Shares
from compare.diagnosing_graphs.steps import StepKind, step_kinds
from compare.rounding.rules import U


def diagnose_graph(root: Any, leaves: Iterable[Any] | None = None) -> GraphDiagnosis:
    """Name the mistakes of a backward pass that has run over a graph.

    Where nodes have a `_backward`, a few of each kind are run, on exact numbers, so that a partial, `=` for `+=`
    and out.grad forgotten are proved right or wrong; data and grad of all nodes are afterwards what they were.

    Parameters
    ----------
    root : the node whose backward() was called: micrograd's Value or that of a fork; every node has `data`,
        `grad`, `_prev` or `_children` (its parents: a set, tuple or list) and `_op` ("+", "*", "**2", "ReLU", …)
        and, where each node has one, `_backward`
    leaves : nodes that should have a gradient, e.g. the parameters; those not in the graph are named

    Returns
    -------
    a `GraphDiagnosis`; its `mistakes` are those found (`compare.diagnosing_graphs.graph_mistakes`), [] for a right
    pass: what makes the gradients of this graph wrong, for some data of its leaves; `right` is None where nothing
    was found and not every op could be judged

    Raises
    ------
    TypeError, ValueError
        A node lacks one of the four attributes; data are no finite numbers.

    >>> from engine import Value
    >>> w = Value(2.0)
    >>> cost = w * w + w
    >>> cost.backward()
    >>> diagnose_graph(cost, leaves=[w]).mistakes
    []
    >>> cost.backward()                                # w.grad was not set to 0
    >>> [m.name for m in diagnose_graph(cost).mistakes]
    ['left-over']
    """
    graph = ForeignGraph(root)
    reached = {id(n) for n in graph.nodes}
    missing = [leaf for leaf in leaves or () if id(leaf) not in reached]
    with unchanged(graph.nodes):
        shares, kinds = _shares(graph)
        found = [GraphFinding((UNREACHED,), _names_outside(missing))] if missing else []
        below = _called_below(shares, kinds)
        if below:
            why = f"its grad is 1 and all below it fits; all other grads are 0, that of {graph.names([root])[0]} too"
            found.append(GraphFinding((OTHER_ROOT,), below.names([below.root]), why))
            graph = below
            shares, kinds = _shares(graph)
        in_steps, notes = _steps(shares, kinds)
        found += _seed(graph)
        found += in_steps
        if any(graph.grad.values()):
            found += explanations(shares)
        unjudged = shares.unjudged()
    if graph.unit > U:
        notes.append(f"some numbers are shorter than float64: the unit roundoff is taken to be {graph.unit:.3g}")
    judged = _judged(graph, kinds, {id(n) for nodes in unjudged.values() for n in nodes})
    reasons = [Unjudged(reason, graph.names(nodes)) for reason, nodes in unjudged.items()]
    return GraphDiagnosis(len(reached), found, judged, reasons, notes)


def _shares(graph: ForeignGraph) -> tuple[Shares, list[StepKind]]:
    """What the nodes of a graph pass on, and the kinds of steps that were run and that its pass called."""
    kinds = step_kinds(graph)
    shares = Shares(graph, kinds)
    called = [kind for kind in kinds if _was_called(shares, kind)]
    return (shares, kinds) if len(called) == len(kinds) else (Shares(graph, called), called)


def _called_below(shares: Shares, kinds: list[StepKind]) -> ForeignGraph | None:
    """The graph of the node that backward() was called on, where that is not the root: the only node that starts.

    Its grad is 1, those of all nodes below are what their uses make them, and those of all other nodes are 0.
    """
    graph = shares.graph
    top = next((n for n in reversed(graph.nodes) if graph.grad[id(n)]), graph.root)
    if top is graph.root or graph.grad[id(top)] != 1 or not graph.parents[id(top)]:
        return None
    if shares.judges(top) and shares.fits(top):
        return None  # it has its grad from its uses
    below = ForeignGraph(top)
    inside = {id(n) for n in below.nodes}
    if any(graph.grad[id(n)] and id(n) not in inside for n in graph.nodes):
        return None
    fitting = Shares(below, kinds)
    return below if fitting.judged and all(map(fitting.fits, fitting.judged)) else None


def _names_outside(nodes: list[Any]) -> tuple[str, ...]:
    for node in nodes:
        if not hasattr(node, "data") or not hasattr(node, "_op"):
            raise TypeError(f"leaves: expected nodes with data and _op, got {type(node).__name__} {node!r:.40}")
    return tuple(name_of(n, float(n.data)) for n in nodes)


def _seed(graph: ForeignGraph) -> list[GraphFinding]:
    seed, name = graph.grad[id(graph.root)], graph.names([graph.root])
    if not any(graph.grad.values()):
        return [GraphFinding((NO_SEED,), name)]
    if seed == 1 or not graph.kept:
        return []
    return [GraphFinding((WRONG_SEED,), name, f"the root's grad is {in_digits(seed, 1.0)[0]}")]


def _judged(graph: ForeignGraph, kinds: list[StepKind], unjudged: set[int]) -> list[Judged]:
    """One line for each op and arithmetic, in the order of the ops' first nodes from the root."""
    run = {id(n): kind for kind in kinds for n in kind.nodes}
    counts: dict[tuple[str, str], list[int]] = {}
    for node in reversed(graph.nodes):
        if id(node) in graph.ops and id(node) not in unjudged:
            kind = run.get(id(node))
            counts.setdefault((str(node._op), kind.arithmetic if kind else "float64"), [0, 0])[0] += 1
    for kind in kinds:
        key = str(kind.nodes[0]._op), kind.arithmetic
        if key in counts:
            counts[key][1] += kind.run
    return [Judged(op, nodes, ran, arithmetic) for (op, arithmetic), (nodes, ran) in counts.items()]


def _was_called(shares: Shares, kind: StepKind) -> bool:
    """Whether the grads may come from the steps of this kind: a class may carry steps that its pass never calls.

    They do not where the grads are those of right steps, and not of these.  A step that does nothing is the
    likeliest to be a mere default: it counts where some grads are as it leaves them, and not as they should be.
    """
    if kind.right:
        return True
    parents = {id(p): p for n in kind.nodes for p in shares.graph.operands(n)}.values()
    fits = [(shares.fits(p), shares.fits(p, shares.right)) for p in parents if shares.judges(p)]
    if GRAPH_MISTAKES["nothing-passed"] in kind.wrong:
        return (True, False) in fits
    return (True, False) in fits or (False, True) not in fits


# -- mistakes in steps -----------------------------------------------------------------------------------------

def _steps(shares: Shares, kinds: list[StepKind]) -> tuple[list[GraphFinding], list[str]]:
    """What the steps that were run do wrong: findings, and notes on what does not matter in this graph."""
    found: dict[tuple[GraphMistake, ...], GraphFinding] = {}
    notes: list[str] = []
    for kind in kinds:
        for mistakes, shown, why_not in _wrongs(shares, kind):
            if why_not:
                names = "".join(f" [{m.name}]" for m in mistakes)
                notes.append(f"{kind.op.name}: {why_not}{names}")
                continue
            one = found.get(mistakes, GraphFinding(mistakes))
            nodes = (*one.nodes, *shares.graph.names(p for _, p, _, _ in shown))
            shows = shares.graph.in_numbers(*shown[0]) if shown else "the numbers of this graph do not show it"
            numbers = one.numbers if one.nodes else shows
            found[mistakes] = GraphFinding(mistakes, tuple(dict.fromkeys(nodes)), numbers)
    return list(found.values()), notes


Shown = list[tuple[Any, Any, float, float]]
"""(node, parent, what it passes, what is right)"""


def _wrongs(shares: Shares, kind: StepKind) -> Iterator[tuple[tuple[GraphMistake, ...], Shown, str]]:
    """What a kind of step does wrong: the mistakes, where it shows, and why it does not matter here, if so."""
    graph = shares.graph
    if kind.assigns:
        written = {id(p): p for n in kind.nodes for p in graph.operands(n) if graph.used_more_than_once(p)}
        lost = [
            p
            for p in written.values()
            if graph.used_twice_by_one(p) or (shares.judges(p) and not shares.fits(p, adding=True))
        ]
        shown = [(graph.users[id(p)][0], p, graph.grad[id(p)], shares.expected(p)) for p in lost]
        why_not = "" if lost else "its step assigns with `=`, but no node that was judged loses a share here"
        yield (OVERWRITTEN,), shown, why_not
    if kind.chainless:
        all_one = all(graph.grad[id(n)] == 1 for n in kind.nodes)
        why_not = "its step leaves out out.grad, but that is 1 at all its nodes" if all_one else ""
        yield (GRAPH_MISTAKES["chain-forgotten"],), _differences(shares, kind.nodes), why_not
    if kind.wrong:
        yield kind.wrong, _differences(shares, kind.nodes), ""
    if kind.kink is not None and not kind.stray:
        here = _differences(shares, [n for n in kind.nodes if at_kink(kind.op, *graph.at(n)[:2])])
        why_not = "its derivative at the kink is another one, but no gradient here depends on that"
        if not kind.kink:
            why_not = f"its derivative at the kink is a convention of its own (the op table's: {kind.op.note})"
        yield kind.kink, here, "" if here and kind.kink else why_not


def _differences(shares: Shares, nodes: Iterable[Any]) -> Shown:
    """Where the steps of these nodes pass on something else than is right, at the graph's own data."""
    found = []
    for node in nodes:
        for parent in shares.graph.operands(node):
            (made, error), (right, bound) = shares.share(node, parent), shares.share(node, parent, shares.right)
            if abs(made - right) > error + bound:
                found.append((node, parent, made, right))
    return found
