"""Whole passes that can go wrong: visited again, not topological, without a seed, run twice."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import product
from math import isfinite
from typing import Any

from compare.diagnosing_graphs.diagnosis import GraphFinding
from compare.diagnosing_graphs.graph_mistakes import (
    NOT_REVERSED,
    NOT_TOPOLOGICAL,
    SECOND_BACKWARD,
    VISITED_AGAIN,
    GraphMistake,
)
from compare.diagnosing_graphs.reading import ForeignGraph, parents_of
from compare.diagnosing_graphs.shares import Shares, StepRules, as_float

SEARCHED = 2_000
"""Two wrong rules, or one beside a wrong pass, are searched for in graphs of so many nodes at most: it takes long."""

VISITS = 30_000
"""A pass along every path is simulated up to so many visits: their number may double with each node."""


def whole_pass(shares: Shares, wrong: list[Any], rules: StepRules) -> list[GraphFinding]:
    """A pass that went through the graph in another way, or several: simulated, and compared at all nodes."""
    graph = shares.graph
    if any(graph.parents[id(n)] and id(n) not in graph.ops for n in graph.nodes):
        return []
    for mistake, order, times, cleared in _ways(graph, SEARCHED if rules else VISITS + 8 * len(graph.nodes)):
        if _gives_all_grads(shares, order, times, bool(cleared), rules):
            numbers = f"backward() ran {times} times{cleared}" if times > 1 else ""
            return [GraphFinding((mistake,), graph.names(wrong), numbers)]
    return []


def _ways(graph: ForeignGraph, limit: int) -> Iterator[tuple[GraphMistake, Sequence[Any], int, str]]:
    """Wrong ways through a graph: the mistake, the nodes as they are visited, how often, what was cleared."""
    down = graph.nodes[::-1]
    for cleared in ("", ", with leaves set to 0 before each"):
        yield from ((SECOND_BACKWARD, down, times, cleared) for times in (2, 3, 4))
    yield NOT_REVERSED, graph.nodes, 1, ""
    for once in (True, False):
        mistake = NOT_TOPOLOGICAL if once else VISITED_AGAIN
        for breadth_first, turned in product((False, True), repeat=2):
            order = _walk(graph, limit, breadth_first, turned, once)
            if order:
                yield mistake, order, 1, ""


def _walk(graph: ForeignGraph, limit: int, breadth_first: bool, turned: bool, once: bool) -> list[Any]:
    """An order that students take: preorder or breadth first, once each or on every path; [] if it is too long.

    Parents come as `_prev` gives them: a set's order is arbitrary, but it stays the same for one set.
    """
    order: list[Any] = []
    seen: set[int] = set()
    waiting = deque([graph.root])
    while waiting:
        node = waiting.popleft() if breadth_first else waiting.pop()
        if not once or id(node) not in seen:
            seen.add(id(node))
            order.append(node)
            parents = list(parents_of(node))
            waiting += parents if turned else parents[::-1]
        if not once and len(order) > limit:
            return []
    return order


def _gives_all_grads(shares: Shares, order: Sequence[Any], times: int, cleared: bool, rules: StepRules) -> bool:
    """Whether so many passes in this order, with the root's grad set before each, leave the grads that were found.

    cleared : whether some leaves, e.g. the parameters, are set to 0 before each
    """
    graph = shares.graph
    earlier: dict[int, float] = {}
    made = dict.fromkeys(graph.grad, 0.0)
    errors = dict(made)
    visits = Counter(map(id, order))
    plain: dict[int, list[tuple[float, float]]] = {}
    for later in reversed(range(times)):
        made[id(graph.root)] = graph.grad[id(graph.root)]
        if cleared:
            earlier = {id(n): made[id(n)] for n in graph.nodes if not graph.parents[id(n)]}
        missing = {i: sum(visits[id(u)] for u in users) for i, users in graph.users.items()}
        for node in order:
            effects = shares.effects(node, rules) if id(node) in graph.ops else []
            if effects is None:
                return False
            if id(node) not in plain:
                plain[id(node)] = [(as_float(e.partial), as_float(e.loose)) for e in effects]
            adjoint, error = made[id(node)], errors[id(node)]
            for effect, (partial, loose), parent in zip(effects, plain[id(node)], graph.operands(node), strict=False):
                i, share = id(parent), loose + partial * adjoint
                off = effect.slack * (abs(adjoint) + bool(loose)) + abs(partial) * error + graph.bound * abs(share)
                if effect.assigns:
                    made[i], errors[i], earlier[i] = 0.0, 0.0, 0.0
                made[i], errors[i] = made[i] + share, errors[i] + off
                missing[i] -= 1
                if later or missing[i]:
                    continue
                gap = min(abs(graph.grad[i] - made[i] + lost) for lost in (0.0, earlier.get(i, 0.0)))
                if not (isfinite(errors[i]) and gap <= errors[i]):
                    return False
    return True
