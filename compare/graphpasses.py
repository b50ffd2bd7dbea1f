"""What explains grads that are not the sums of what their uses pass on: the pass, or rules of steps that cannot be run.

Steps that were run (`graphsteps`) enter as they are, right or wrong, so that an order or a second pass shows
beside a wrong partial.  Where all that is known is the grads, explanations are tried, simple ones first; those
that are as simple and fit as well are named together.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import isfinite
from typing import Any

from compare import graphmistakes as known
from compare.graphmistakes import GraphMistake, Rule, wrong_rules
from compare.graphreading import Graph, parents_of
from compare.graphshares import Rules, Shares
from compare.rational import Rational
from engine.ops import Op

SEARCHED = 2_000
"""Two wrong rules, or one beside a wrong pass, are searched for in graphs of so many nodes at most: it takes long."""

VISITS = 30_000
"""A pass along every path is simulated up to so many visits: their number may double with each node."""


@dataclass(frozen=True, eq=False)
class GraphFinding:
    """One mistake: the record (several where their numbers are the same here), and the nodes that show it."""

    mistakes: tuple[GraphMistake, ...]
    nodes: tuple[str, ...] = ()
    numbers: str = ""


def explanations(shares: Shares) -> list[GraphFinding]:
    """What is wrong beside the steps that were run; [] if nothing is."""
    wrong = [n for n in reversed(shares.judged) if not shares.fits(n)]
    if not wrong:
        return []
    simple, ways = _left_over(shares, wrong), _whole_pass(shares, wrong, {})
    simple += [f for f in ways if not simple or f.mistakes != (known.SECOND_BACKWARD,)]
    simple += [*_not_visited(shares, wrong), *_one_rule(shares, wrong)]
    if simple:
        return [_together(simple)]
    if shares.searched and len(shares.graph.nodes) <= SEARCHED:
        twofold = [*_rule_and_pass(shares, wrong), *_rule_and_overwriting(shares, wrong), *_by_rules(shares, wrong, 2)]
        if twofold:
            return _common(twofold)
    for explain in (_lost_shares, _too_early, _something_left_over):
        found = explain(shares, wrong)
        if found:
            return found
    graph, first = shares.graph, wrong[0]
    numbers = f"{graph.names([first])[0]}: grad is {graph.grad[id(first)]:.6g}, "
    numbers += f"its uses give {shares.expected(first):.6g}{_ratios(shares, wrong)}"
    return [GraphFinding((known.NOT_RECOGNISED,), graph.names(wrong), numbers)]


def _together(findings: list[GraphFinding]) -> GraphFinding:
    records = tuple(dict.fromkeys(m for f in findings for m in f.mistakes))
    return GraphFinding(records, findings[0].nodes, findings[0].numbers)


def _common(alternatives: list[list[GraphFinding]]) -> list[GraphFinding]:
    """What all explanations have in common, and as one class the rest, of which it cannot be told which holds."""
    shared = [f for f in alternatives[0] if all(f.mistakes in [g.mistakes for g in one] for one in alternatives)]
    rest = [f for one in alternatives for f in one if f.mistakes not in [g.mistakes for g in shared]]
    return [*shared, *([_together(rest)] if rest else [])]


def _ratios(shares: Shares, wrong: list[Any]) -> str:
    ratios = set()
    for n in wrong:
        expected = shares.expected(n)
        ratios.add(f"{shares.graph.grad[id(n)] / expected:.6g}" if expected else "")
    return f"; each of these is {ratios.pop()} times that" if len(ratios) == 1 and "" not in ratios else ""


# -- passes ----------------------------------------------------------------------------------------------------


def _left_over(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Only leaves are wrong, and all by one whole factor: an earlier pass was not cleared there."""
    graph = shares.graph
    if any(graph.parents[id(n)] for n in wrong):
        return []
    factors = set()
    for n in shares.judged:
        made = [shares.share(u, n) for u in graph.users[id(n)]]
        right, bound = (sum(column) for column in zip(*made, strict=True)) if made else (0.0, 0.0)
        if graph.parents[id(n)] or abs(right) <= bound:
            continue
        times = round(graph.grad[id(n)] / right)
        if times < 2 or abs(graph.grad[id(n)] - times * right) > times * bound:
            return []
        factors.add(times)
    if len(factors) != 1:
        return []
    return [GraphFinding((known.LEFT_OVER,), graph.names(wrong), f"the leaves have {factors.pop()} times the gradient")]


def _something_left_over(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Some leaves are wrong and all else is right, their steps too: other grads were there, or they were changed."""
    graph = shares.graph
    if any(graph.parents[id(n)] or graph.grad[id(n)] == 0 for n in wrong):
        return []
    if not all(shares.proved(u) for u in {id(u): u for n in wrong for u in graph.users[id(n)]}.values()):
        return []
    if not any(_not_by_visits(shares, n, wrong) for n in wrong):
        return []
    right = [shares.expected(n) for n in wrong]
    more = [graph.grad[id(n)] - x for n, x in zip(wrong, right, strict=True)]
    times = more[0] / right[0] if right[0] and _proportional(more, right) else 0.0
    records: tuple[GraphMistake, ...] = (known.LEFT_OVER,)
    if round(times) < 1 or abs(times - round(times)) > 1e-6:  # else so many passes with the same data came before
        if len(wrong) == 1:
            return []  # one number can be anything
        if times or _look_changed(right, more, [graph.data[id(n)] for n in wrong]):
            records = (known.LEFT_OVER, known.CHANGED_LATER)
    numbers = f"{graph.names(wrong)[0]}: grad is {graph.grad[id(wrong[0])]:.6g}, this pass gives {right[0]:.6g}"
    return [GraphFinding(records, graph.names(wrong), numbers + _ratios(shares, wrong))]


def _look_changed(right: list[float], more: list[float], data: list[float]) -> bool:
    """Whether grads look like right ones that were clipped (all are smaller), or got a multiple of the data more."""
    smaller = all(abs(x + y) < abs(y) and (x + y) * y > 0 for x, y in zip(more, right, strict=True))
    return smaller or _proportional(more, data)


def _not_by_visits(shares: Shares, leaf: Any, wrong: list[Any]) -> bool:
    """Whether no order of visits, nor visits left out or repeated, give a leaf the grad that it has.

    A use that gave another operand its right share ran once, and in its turn.  Another one, of which there is one use
    only, may have run never or several times: with a part of its grad it cannot have run.
    """
    graph = shares.graph
    open_ones = [u for u in graph.users[id(leaf)] if not _gave(shares, u, wrong)]
    if len(open_ones) > 4 or any(graph.used_more_than_once(u) for u in open_ones):
        return False
    made = [shares.share(u, leaf)[0] for u in open_ones]
    more = graph.grad[id(leaf)] - shares.expected(leaf)
    near = 1e-6 * (abs(graph.grad[id(leaf)]) + sum(map(abs, made)))
    counts = product(range(-1, 4), repeat=len(made))
    return all(abs(more - sum(k * m for k, m in zip(some, made, strict=True))) > near for some in counts)


def _proportional(some: list[float], others: list[float]) -> bool:
    """Whether numbers are others times one factor, but for rounding."""
    a, b = some[0], others[0]
    return all(abs(x * b - y * a) <= 1e-6 * (abs(x * b) + abs(y * a)) for x, y in zip(some, others, strict=True))


def _whole_pass(shares: Shares, wrong: list[Any], rules: Rules) -> list[GraphFinding]:
    """A pass that went through the graph in another way, or several: simulated, and compared at all nodes."""
    graph = shares.graph
    if any(graph.parents[id(n)] and id(n) not in graph.ops for n in graph.nodes):
        return []
    for mistake, order, times, cleared in _ways(graph, SEARCHED if rules else VISITS + 8 * len(graph.nodes)):
        if _gives_all_grads(shares, order, times, bool(cleared), rules):
            numbers = f"backward() ran {times} times{cleared}" if times > 1 else ""
            return [GraphFinding((mistake,), graph.names(wrong), numbers)]
    return []


def _ways(graph: Graph, limit: int) -> Iterator[tuple[GraphMistake, Sequence[Any], int, str]]:
    """Wrong ways through a graph: the record, the nodes as they are visited, how often, what was cleared."""
    down = graph.nodes[::-1]
    for cleared in ("", ", with leaves set to 0 before each"):
        yield from ((known.SECOND_BACKWARD, down, times, cleared) for times in (2, 3, 4))
    yield known.NOT_REVERSED, graph.nodes, 1, ""
    for once in (True, False):
        record = known.NOT_TOPOLOGICAL if once else known.VISITED_AGAIN
        for breadth_first, turned in product((False, True), repeat=2):
            order = _walk(graph, limit, breadth_first, turned, once)
            if order:
                yield record, order, 1, ""


def _walk(graph: Graph, limit: int, breadth_first: bool, turned: bool, once: bool) -> list[Any]:
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


def _gives_all_grads(shares: Shares, order: Sequence[Any], times: int, cleared: bool, rules: Rules) -> bool:
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
            steps = shares.steps(node, rules) if id(node) in graph.ops else []
            if steps is None:
                return False
            if id(node) not in plain:
                plain[id(node)] = [(_plain(step.partial), _plain(step.loose)) for step in steps]
            adjoint, error = made[id(node)], errors[id(node)]
            for step, (partial, loose), parent in zip(steps, plain[id(node)], graph.operands(node), strict=False):
                i, share = id(parent), loose + partial * adjoint
                off = step.slack * (abs(adjoint) + bool(loose)) + abs(partial) * error + graph.bound * abs(share)
                if step.assigns:
                    made[i], errors[i], earlier[i] = 0.0, 0.0, 0.0
                made[i], errors[i] = made[i] + share, errors[i] + off
                missing[i] -= 1
                if later or missing[i]:
                    continue
                gap = min(abs(graph.grad[i] - made[i] + lost) for lost in (0.0, earlier.get(i, 0.0)))
                if not (isfinite(errors[i]) and gap <= errors[i]):
                    return False
    return True


def _plain(x: Any) -> float:
    return float(x.to_float() if isinstance(x, Rational) else x)


# -- rules, for steps that could not be run ----------------------------------------------------------------------


def _one_rule(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Ops any one of which, by a wrong rule, gives every grad; or `=` for `+=` everywhere."""
    found = [f for (f,) in _by_rules(shares, wrong, 1)]
    if not found and shares.searched and _explains(shares, _assigning(shares, {}), shares.judged):
        found = [GraphFinding((known.OVERWRITTEN,), shares.graph.names(wrong))]
    return found


def _rule_and_overwriting(shares: Shares, wrong: list[Any]) -> Iterator[list[GraphFinding]]:
    """One op with a wrong rule, and `=` for `+=` everywhere."""
    overwritten = GraphFinding((known.OVERWRITTEN,), shares.graph.names(wrong))
    for name, rule in _rules(shares):
        if not rule.assigns and _explains(shares, _assigning(shares, {name: rule}), shares.judged):
            yield [overwritten, _finding(shares, name, [rule], wrong)]


def _rule_and_pass(shares: Shares, wrong: list[Any]) -> Iterator[list[GraphFinding]]:
    """One op with a wrong rule, in a pass that went through the graph in another way."""
    for name, rule in _rules(shares):
        passed = _whole_pass(shares, wrong, {name: rule})
        if passed:
            yield [_finding(shares, name, [rule], wrong), *passed]


def _rules(shares: Shares) -> Iterator[tuple[str, Rule]]:
    return ((name, rule) for name, op in shares.searched.items() for rule in wrong_rules(op))


def _assigning(shares: Shares, rules: Rules) -> Rules:
    """The same rules, and for the other ops the right ones, with `=` for `+=`."""
    made = {}
    for name, op in shares.searched.items():
        rule = rules.get(name, Rule((known.OVERWRITTEN,), op.dx, op.dy))
        made[name] = Rule(rule.mistakes, rule.dx, rule.dy, rule.chain, assigns=True)
    return made


def _explains(shares: Shares, rules: Rules, nodes: list[Any]) -> bool:
    return all(shares.fits(n, rules) for n in nodes)


def _by_rules(shares: Shares, wrong: list[Any], count: int) -> Iterator[list[GraphFinding]]:
    """So many ops that give every grad by wrong rules; all rules that do are named."""
    graph = shares.graph
    rows: dict[str, Op] = {}
    touched: dict[str, list[Any]] = {}
    for n in wrong:
        rows.update((op.name, op) for u in graph.users[id(n)] if (op := graph.ops[id(u)]).name in shares.searched)
    for n in shares.judged:
        for name in {graph.ops[id(u)].name for u in graph.users[id(n)]}:
            touched.setdefault(name, []).append(n)
    rules = {name: list(wrong_rules(row)) for name, row in rows.items()}
    for names in combinations(sorted(rows), count):
        nodes = list({id(n): n for name in names for n in touched[name]}.values())
        if not {id(n) for n in wrong} <= {id(n) for n in nodes}:
            continue
        choices = (dict(zip(names, choice, strict=True)) for choice in product(*(rules[name] for name in names)))
        fitting = [c for c in choices if _explains(shares, c, wrong) and _explains(shares, c, nodes)]
        if fitting:
            yield [_finding(shares, name, [c[name] for c in fitting], wrong) for name in names]


def _finding(shares: Shares, name: str, rules: list[Rule], wrong: list[Any]) -> GraphFinding:
    graph = shares.graph
    records = tuple(dict.fromkeys(m for rule in rules for m in rule.mistakes))
    nodes = [n for n in wrong if any(graph.ops[id(u)].name == name for u in graph.users[id(n)])]
    for n in nodes:
        user = next(u for u in graph.users[id(n)] if graph.ops[id(u)].name == name)
        right, made = (shares.share(user, n, r)[0] for r in ({}, {name: rules[0]}))
        if right != made:
            return GraphFinding(records, graph.names(nodes), passes(graph, user, n, made, right))
    return GraphFinding(records, graph.names(nodes))


def passes(graph: Graph, user: Any, node: Any, made: float, right: float) -> str:
    """One share in numbers."""
    (at,), (to,) = graph.names([user]), graph.names([node])
    return f"{graph.ops[id(user)].name} at {at}: passes {made:.6g} to {to}, right is {right:.6g}"


# -- shares that are missing ---------------------------------------------------------------------------------------


def _not_visited(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """One node that passed nothing on."""
    for user in shares.graph.users[id(wrong[0])]:
        if all(shares.fits(n, without=user) for n in wrong) and not _gave(shares, user, wrong):
            return [GraphFinding((known.NOT_VISITED,), shares.graph.names([user]))]
    return []


def _lost_shares(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
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
            return [GraphFinding((known.GRAPH_MISTAKES["operand-forgotten"],), graph.names(wrong), f"at the op {op}")]
    if any(given(u) for u in missing):
        return []
    return [GraphFinding((known.NOT_VISITED,), graph.names(missing))]


def _gave(shares: Shares, user: Any, wrong: list[Any]) -> bool:
    """Whether one of a user's operands is right with its share: then its step ran, when its grad was complete."""
    return any(
        all(p is not n for n in wrong) and shares.judges(p) and shares.share(user, p)[0] != 0
        for p in shares.graph.operands(user)
    )


def _some(count: int) -> Iterator[tuple[int, ...]]:
    """Every choice of some of `count` things, few first; of many, one or two."""
    for k in range(1, min(count, 6 if count <= 6 else 2) + 1):
        yield from combinations(range(count), k)


def _too_early(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Nodes that passed on a part of their grad: a sum of some of the shares that they got in the end."""
    graph = shares.graph
    for n in wrong:
        users = graph.users[id(n)]
        if len(users) > 4:
            return []
        steps = [shares.step(u, n) for u in users]
        bound = sum(shares.share(u, n)[1] for u in users)
        options = [
            [_plain(s.loose) + g * _plain(s.partial) for g in (graph.grad[id(u)], *_sums_of_some(shares, u, wrong))]
            for u, s in zip(users, steps, strict=True)
            if s is not None
        ]
        if not any(abs(graph.grad[id(n)] - sum(chosen)) <= bound for chosen in product(*options)):
            return []
    return [GraphFinding((known.NOT_TOPOLOGICAL,), graph.names(wrong))]


def _sums_of_some(shares: Shares, node: Any, wrong: list[Any]) -> list[float]:
    users = shares.graph.users[id(node)]
    if not users or _gave(shares, node, wrong):
        return []
    if not all(id(u) in shares.graph.ops for u in users):
        return [0.0]
    made = [shares.share(u, node)[0] for u in users]
    return [0.0, *(sum(made) - sum(made[i] for i in lost) for lost in _some(len(users)) if len(lost) < len(users))]
