"""Shares that a pass lost: nodes not visited, visited too early, sums of some shares."""

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

from compare.diagnosing_graphs.diagnosis import GraphFinding
from compare.diagnosing_graphs.graph_mistakes import GRAPH_MISTAKES, NOT_TOPOLOGICAL, NOT_VISITED
from compare.diagnosing_graphs.shares import Shares, as_float


def not_visited(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """One node that passed nothing on."""
    for user in shares.graph.users[id(wrong[0])]:
        if all(shares.fits(n, without=user) for n in wrong) and not gave(shares, user, wrong):
            return [GraphFinding((NOT_VISITED,), shares.graph.names([user]))]
    return []


def lost_shares(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Several uses that passed nothing on."""
    graph = shares.graph
    missing: list[Any] = []
    lost_at: set[tuple[int, int]] = set()
    for n in wrong:
        users = graph.users[id(n)]
        made = [shares.share(u, n) for u in users]
        values, bound = [value for value, _ in made], sum(error for _, error in made)
        gap = sum(values) - graph.grad[id(n)]
        lost = next((s for s in _some(len(users)) if abs(gap - sum(values[i] for i in s)) <= bound), None)
        if lost is None:
            return []
        missing += [users[i] for i in lost]
        lost_at |= {(id(users[i]), id(n)) for i in lost}

    def given(user: Any) -> int:
        """How many operands have a share that can be seen."""
        some = [p for p in graph.operands(user) if shares.judges(p) and (id(user), id(p)) not in lost_at]
        return sum(abs(share) > error for share, error in (shares.share(user, p) for p in some))

    ops = {graph.ops[id(u)].name for u in missing}
    once = len({id(u) for u in missing}) == len(missing)
    if len(ops) == 1 and once and ops <= set(shares.searched):
        op = ops.pop()
        same = [n for n in graph.nodes if id(n) in graph.ops and graph.ops[id(n)].name == op]
        if all(len(graph.operands(n)) == 2 and given(n) < 2 for n in same):  # each node of the op, not some
            return [GraphFinding((GRAPH_MISTAKES["operand-forgotten"],), graph.names(wrong), f"at the op {op}")]
    if any(given(u) for u in missing):
        return []
    return [GraphFinding((NOT_VISITED,), graph.names(missing))]


def gave(shares: Shares, user: Any, wrong: list[Any]) -> bool:
    """Whether one of a user's operands is right with its share: then its step ran, when its grad was complete."""
    return any(
        all(p is not n for n in wrong) and shares.judges(p) and shares.share(user, p)[0] != 0
        for p in shares.graph.operands(user)
    )


def _some(count: int) -> Iterator[tuple[int, ...]]:
    """Every choice of some of `count` things, few first; of many, one or two."""
    for k in range(1, min(count, 6 if count <= 6 else 2) + 1):
        yield from combinations(range(count), k)


def too_early(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Nodes that passed on a part of their grad: a sum of some of the shares that they got in the end."""
    graph = shares.graph
    for n in wrong:
        users = graph.users[id(n)]
        if len(users) > 4:
            return []
        effects = [shares.effect(u, n) for u in users]
        bound = sum(shares.share(u, n)[1] for u in users)
        options = [
            [as_float(e.loose) + g * as_float(e.partial) for g in (graph.grad[id(u)], *_sums_of_some(shares, u, wrong))]
            for u, e in zip(users, effects, strict=True)
            if e is not None
        ]
        if not any(abs(graph.grad[id(n)] - sum(chosen)) <= bound for chosen in product(*options)):
            return []
    return [GraphFinding((NOT_TOPOLOGICAL,), graph.names(wrong))]


def _sums_of_some(shares: Shares, node: Any, wrong: list[Any]) -> list[float]:
    users = shares.graph.users[id(node)]
    if not users or gave(shares, node, wrong):
        return []
    if not all(id(u) in shares.graph.ops for u in users):
        return [0.0]
    made = [shares.share(u, node)[0] for u in users]
    return [0.0, *(sum(made) - sum(made[i] for i in lost) for lost in _some(len(users)) if len(lost) < len(users))]
