"""What explains grads that are not the sums of what their uses pass on: the pass, or rules of steps that do not run."""

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

from compare.diagnosing_graphs.diagnosis import GraphFinding
from compare.diagnosing_graphs.graph_mistakes import (
    CHANGED_LATER,
    LEFT_OVER,
    NOT_RECOGNISED,
    OVERWRITTEN,
    SECOND_BACKWARD,
    GraphMistake,
    StepRule,
    wrong_rules,
)
from compare.diagnosing_graphs.lost_shares import gave, lost_shares, not_visited, too_early
from compare.diagnosing_graphs.passes import SEARCHED, whole_pass
from compare.diagnosing_graphs.reading import in_digits
from compare.diagnosing_graphs.shares import Shares, StepRules
from engine.ops import Op


def explanations(shares: Shares) -> list[GraphFinding]:
    """What is wrong beside the steps that were run; [] if nothing is."""
    wrong = [n for n in reversed(shares.judged) if not shares.fits(n)]
    if not wrong:
        return []
    simple, ways = _left_over(shares, wrong), whole_pass(shares, wrong, {})
    simple += [f for f in ways if not simple or f.mistakes != (SECOND_BACKWARD,)]
    simple += [*not_visited(shares, wrong), *_one_rule(shares, wrong)]
    if simple:
        return [_together(simple)]
    if shares.searched and len(shares.graph.nodes) <= SEARCHED:
        twofold = [*_rule_and_pass(shares, wrong), *_rule_and_overwriting(shares, wrong), *_by_rules(shares, wrong, 2)]
        if twofold:
            return _common(twofold)
    for explain in (lost_shares, too_early, _something_left_over):
        found = explain(shares, wrong)
        if found:
            return found
    graph, first = shares.graph, wrong[0]
    grad, given = in_digits(graph.grad[id(first)], shares.expected(first))
    numbers = f"{graph.names([first])[0]}: grad is {grad}, its uses give {given}{_ratios(shares, wrong)}"
    return [GraphFinding((NOT_RECOGNISED,), graph.names(wrong), numbers)]


def _together(findings: list[GraphFinding]) -> GraphFinding:
    """Findings that explain the same numbers, as one finding with all their mistakes."""
    mistakes = tuple(dict.fromkeys(m for f in findings for m in f.mistakes))
    return GraphFinding(mistakes, findings[0].nodes, findings[0].numbers)


def _common(alternatives: list[list[GraphFinding]]) -> list[GraphFinding]:
    """What all explanations have in common, and as one class the rest, of which it cannot be told which holds."""
    shared = [f for f in alternatives[0] if all(f.mistakes in [g.mistakes for g in one] for one in alternatives)]
    rest = [f for one in alternatives for f in one if f.mistakes not in [g.mistakes for g in shared]]
    return [*shared, *([_together(rest)] if rest else [])]


def _ratios(shares: Shares, wrong: list[Any]) -> str:
    ratios = set()
    for n in wrong:
        expected = shares.expected(n)
        ratios.add(in_digits(shares.graph.grad[id(n)] / expected, 1.0)[0] if expected else "")
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
    return [GraphFinding((LEFT_OVER,), graph.names(wrong), f"the leaves have {factors.pop()} times the gradient")]


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
    mistakes: tuple[GraphMistake, ...] = (LEFT_OVER,)
    if round(times) < 1 or abs(times - round(times)) > 1e-6:  # else so many passes with the same data came before
        if len(wrong) == 1:
            return []  # one number can be anything
        if times or _look_changed(right, more, [graph.data[id(n)] for n in wrong]):
            mistakes = (LEFT_OVER, CHANGED_LATER)
    grad, given = in_digits(graph.grad[id(wrong[0])], right[0])
    numbers = f"{graph.names(wrong)[0]}: grad is {grad}, this pass gives {given}"
    return [GraphFinding(mistakes, graph.names(wrong), numbers + _ratios(shares, wrong))]


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
    open_ones = [u for u in graph.users[id(leaf)] if not gave(shares, u, wrong)]
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


# -- rules, for steps that could not be run ----------------------------------------------------------------------

def _one_rule(shares: Shares, wrong: list[Any]) -> list[GraphFinding]:
    """Ops any one of which, by a wrong rule, gives every grad; or `=` for `+=` everywhere."""
    found = [f for (f,) in _by_rules(shares, wrong, 1)]
    if not found and shares.searched and _explains(shares, _assigning(shares, {}), shares.judged):
        found = [GraphFinding((OVERWRITTEN,), shares.graph.names(wrong))]
    return found


def _rule_and_overwriting(shares: Shares, wrong: list[Any]) -> Iterator[list[GraphFinding]]:
    """One op with a wrong rule, and `=` for `+=` everywhere."""
    overwritten = GraphFinding((OVERWRITTEN,), shares.graph.names(wrong))
    for name, rule in _rules(shares):
        if not rule.assigns and _explains(shares, _assigning(shares, {name: rule}), shares.judged):
            yield [overwritten, _finding(shares, name, [rule], wrong)]


def _rule_and_pass(shares: Shares, wrong: list[Any]) -> Iterator[list[GraphFinding]]:
    """One op with a wrong rule, in a pass that went through the graph in another way."""
    for name, rule in _rules(shares):
        passed = whole_pass(shares, wrong, {name: rule})
        if passed:
            yield [_finding(shares, name, [rule], wrong), *passed]


def _rules(shares: Shares) -> Iterator[tuple[str, StepRule]]:
    return ((name, rule) for name, op in shares.searched.items() for rule in wrong_rules(op))


def _assigning(shares: Shares, rules: StepRules) -> StepRules:
    """The same rules, and for the other ops the right ones, with `=` for `+=`."""
    made = {}
    for name, op in shares.searched.items():
        rule = rules.get(name, StepRule((OVERWRITTEN,), op.dx, op.dy))
        made[name] = StepRule(rule.mistakes, rule.dx, rule.dy, rule.chain, assigns=True)
    return made


def _explains(shares: Shares, rules: StepRules, nodes: list[Any]) -> bool:
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


def _finding(shares: Shares, name: str, rules: list[StepRule], wrong: list[Any]) -> GraphFinding:
    graph = shares.graph
    mistakes = tuple(dict.fromkeys(m for rule in rules for m in rule.mistakes))
    nodes = [n for n in wrong if any(graph.ops[id(u)].name == name for u in graph.users[id(n)])]
    for n in nodes:
        user = next(u for u in graph.users[id(n)] if graph.ops[id(u)].name == name)
        right, made = (shares.share(user, n, r)[0] for r in ({}, {name: rules[0]}))
        if right != made:
            return GraphFinding(mistakes, graph.names(nodes), graph.in_numbers(user, n, made, right))
    return GraphFinding(mistakes, graph.names(nodes))
