"""What each node of a graph passes to its parents, and whether a node's grad is the sum of what its uses pass.

Each node is judged by the grads that were found at the nodes that use it: grad = Σ out.grad · ∂out/∂grad's node.  So a
mistake shows where it is made, and not at all nodes below.

The bound.  S = Σ gᵤ·pᵤ over the m uses u of a node is computed exactly, in rationals, from the floats in the graph,
where the op is rational.  What is left is the rounding of the student's own pass.  Partials of rational ops have no
cancellation; written in any way they take at most k = 8 + |n| roundings (n the exponent of a power, multiplied
out), the product with gᵤ one more, and a sum in any order m more, each a factor 1 + δ, |δ| ≤ u = 2⁻⁵³.  Hence
|grad − S| ≤ ((1 + γₖ)(1 + γₘ₊₁) − 1) Σ |gᵤ·pᵤ|, γₖ = ku/(1 − ku) (Higham, "Accuracy and Stability of Numerical
Algorithms", 2nd ed., SIAM 2002, section 3.1, lemma 3.1).  A partial that needs exp and the like is computed in
float64 on both sides: γₖ|p| is then 64 u (|p| + 1), since no formula of the table takes more than four operations
on intermediates of the size of 1 or of p.  2⁻¹⁰⁰⁰ stands for under- and overflow on the way.  In a graph with
numbers of numpy's float32, u is 2⁻²⁴.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache, cached_property
from itertools import combinations
from math import isfinite
from typing import Any

from compare.diagnosing_graphs.graph_mistakes import StepRule, right_rule
from compare.diagnosing_graphs.reading import ForeignGraph, at_kink, formula
from compare.diagnosing_graphs.running import Effect, Rationals, observed
from compare.diagnosing_graphs.steps import StepKind
from compare.numbers.rational import Rational
from compare.rounding.rules import U, gamma
from engine.ops import Op

BESIDE = "its operands are used by ops that were not judged, or may be"
"""Why an op was not judged whose operands' grads may hold anything."""

StepRules = dict[str, StepRule]
"""By name of an op: wrong rules to try where the steps could not be run."""


class Shares:
    """What nodes pass on: by the op table where the step is right or unknown, as observed where it is wrong.

    Attributes
    ----------
    searched : by name, the rows of the ops whose steps could not be run
    right : the rules that are right; asked with these, also steps that were run are taken to be right
    """

    def __init__(self, graph: ForeignGraph, kinds: Iterable[StepKind]) -> None:
        self.graph = graph
        self._kinds = {id(n): kind for kind in kinds for n in kind.nodes}
        self.searched = {op.name: op for i, op in graph.ops.items() if i not in self._kinds}
        self.right = {op.name: right_rule(op) for op in graph.ops.values()}
        self._exact_grad = cache(lambda i: Rational(graph.grad[i]))
        self._made: dict[tuple[int, int], tuple[StepRule | None, list[Effect] | None]] = {}
        self._exact: dict[tuple[Op, tuple[str, str]], bool] = {}

    def effects(self, node: Any, rules: StepRules) -> list[Effect] | None:
        """What a node's backward step does to each of its operands; None where that is not known."""
        op, kind = self.graph.ops[id(node)], self._kinds.get(id(node))
        rule: StepRule | None = self.right[op.name]
        if rules is self.right:
            pass
        elif kind is None:
            rule = rules.get(op.name, rule)
        elif not kind.right or (kind.kink is not None and at_kink(op, *self.graph.at(node)[:2])):
            rule = None
        key = id(node), id(rule)
        if key not in self._made:  # kept with the rule, so that its id is not given to another one
            self._made[key] = rule, self._observed(node) if rule is None else self._by_rule(node, op, rule)
        return self._made[key][1]

    def _observed(self, node: Any) -> list[Effect] | None:
        effects = observed(self.graph, node, Rationals())
        sizes = [size(s.partial) + size(s.loose) for s in effects or ()]
        return effects and [
            replace(s, slack=self.graph.bound * (z + 1), size=z) for s, z in zip(effects, sizes, strict=True)
        ]

    def _by_rule(self, node: Any, op: Op, rule: StepRule) -> list[Effect] | None:
        data = self.graph.at(node)
        texts = rule.dx, rule.dy or "0"
        if (op, texts) not in self._exact:
            self._exact[op, texts] = _rational(op, texts)
        exact = self._exact[op, texts]
        try:
            partials = list(formula(*texts)(*(map(Rational, data) if exact else data), op.c))
        except (ArithmeticError, ValueError):
            return None
        sizes = [size(p) for p in partials]
        if not all(map(isfinite, sizes)):
            return None
        tiny = self.graph.tiny * (1 + sum(map(abs, data)))
        k = gamma(8 + abs(op.c or 0), self.graph.unit)
        slacks = [(k * size if exact else self.graph.bound * (size + 1)) + tiny for size in sizes]
        partials = [Rational(p) for p in partials]
        if op.dy is not None and len(self.graph.operands(node)) == 1:
            # Twice the same parent: it gets both shares, or what is assigned last.
            partials, slacks, sizes = [partials[1] if rule.assigns else sum(partials)], [sum(slacks)], [sum(sizes)]
        made = zip(partials, slacks, sizes, self.graph.operands(node), strict=False)
        if rule.chain:
            return [Effect(p, 0, rule.assigns, slack, size) for p, slack, size, _ in made]
        return [Effect(0, p, rule.assigns, slack, size) for p, slack, size, _ in made]

    def proved(self, node: Any) -> bool:
        """Whether a node's own step, run at the graph's own data, passes on what is right."""
        kind = self._kinds.get(id(node))
        made = self._observed(node) if kind is not None and kind.right else None
        right = self.effects(node, self.right)
        return bool(made and right) and all(
            s.loose == 0 and not s.assigns and size(s.partial - r.partial) <= s.slack + r.slack
            for s, r in zip(made or (), right or (), strict=True)
        )

    def effect(self, user: Any, node: Any, rules: StepRules | None = None) -> Effect | None:
        """What a user's backward step does to a node."""
        effects = self.effects(user, rules or {})
        return next((s for s, p in zip(effects or (), self.graph.operands(user), strict=False) if p is node), None)

    def passed(self, user: Any, effect: Effect) -> tuple[Any, float]:
        """What a step passes on with the grad that its node has, and the bound of its error."""
        share = effect.partial * self._exact_grad(id(user))
        return share + effect.loose if effect.loose else share, effect.slack * self._scale(user, effect)

    def _scale(self, user: Any, effect: Effect) -> float:
        """What the size of a step, and its error, are multiplied by."""
        return abs(self.graph.grad[id(user)]) + bool(effect.loose)

    def share(self, user: Any, node: Any, rules: StepRules | None = None) -> tuple[float, float]:
        """What a user passes to a judged node, rounded to a float, and its bound."""
        effect = self.effect(user, node, rules)
        if effect is None:
            return float("nan"), 0.0
        share, error = self.passed(user, effect)
        return share.to_float(), error + self.graph.bound * size(share)

    def expected(self, node: Any) -> float:
        """The sum of what the uses of a node pass."""
        return sum(self.share(u, node)[0] for u in self.graph.users[id(node)])

    @cached_property
    def judged(self) -> list[Any]:
        """The nodes that can be judged."""
        return [n for n in self.graph.nodes if self.judges(n)]

    def judges(self, node: Any) -> bool:
        """Whether a node's grad can be held against what its uses pass on."""
        return self.graph.kept and node is not self.graph.root and not self._open[id(node)]

    @cached_property
    def _open(self) -> dict[int, str]:
        return {id(n): self._why_open(n) for n in self.graph.nodes}

    def _why_open(self, node: Any) -> str:
        """Why a node's grad cannot be held against what its uses pass on; "" where it can."""
        graph, users = self.graph, self.graph.users[id(node)]
        if not all(isfinite(graph.grad[id(n)]) for n in (node, *users)):
            return "grads that are not finite"
        if graph.cut or not all(id(u) in graph.ops for u in users):
            return BESIDE
        for u in users:
            effects = self.effects(u, {})
            if effects is None or not all(isfinite((e.size + e.slack) * self._scale(u, e)) for e in effects):
                return "what it passes on is no finite number here"
        if graph.unit > U:
            lost = graph.tiny * (1 + sum(abs(graph.grad[id(u)]) * (1 + sum(map(abs, graph.at(u)[:2]))) for u in users))
            if 0 < max(abs(graph.grad[id(node)]), abs(self.expected(node))) <= lost:
                return "a grad is as small as what its short floats may lose to underflow"
        return ""

    def _why_not_sure(self, node: Any) -> str:
        """Why nothing right may be said of an op in spite of its grads; "" where it may."""
        kind, text = self._kinds.get(id(node)), f"op {str(node._op)!r}"
        if kind and kind.in_doubt:
            return f"{text}: its operands may be others than its parents"
        if kind and kind.stray and at_kink(kind.op, *self.graph.at(node)[:2]):
            return f"{text}: at its kink it passes on what lies not between the derivatives on either side"
        return ""

    def unjudged(self) -> dict[str, list[Any]]:
        """The ops that were not judged, by the reason: there a mistake may hide.

        An op is judged if the grads of all its operands are: each is a sum over all uses.
        """
        graph = self.graph
        unsure = {id(n): why for n in graph.nodes if id(n) in graph.ops and (why := self._why_not_sure(n))}
        beside = {id(p): BESIDE for n in graph.nodes if id(n) in unsure for p in graph.operands(n)}
        not_kept = "" if graph.kept else "the pass has kept no grads but those of leaves"
        found: dict[str, list[Any]] = {}
        for node in reversed(graph.nodes):
            reasons: list[str | None] = [graph.unread.get(id(node))]
            if id(node) in graph.ops:
                operands = [id(p) for p in graph.operands(node)]
                reasons += [not_kept, unsure.get(id(node)), *map(self._open.get, operands), *map(beside.get, operands)]
            for reason in [r for r in reasons if r][:1]:
                found.setdefault(reason, []).append(node)
        return found

    def fits(self, node: Any, rules: StepRules | None = None, without: Any = None, adding: bool = False) -> bool:
        """Whether a node's grad is what its uses make it.

        rules : wrong rules to try; without : a node that passed nothing on; adding : take every `=` for `+=`
        """
        added: list[Any] = []
        assigned: list[Any] = []
        bound = self.graph.tiny
        users = self.graph.users[id(node)]
        for user in users:
            if user is without:
                continue
            effect = self.effect(user, node, rules)
            if effect is None:
                return False
            share, error = self.passed(user, effect)
            (assigned if effect.assigns and not adding else added).append(share)
            bound += error + gamma(len(users) + 1, self.graph.unit) * (effect.size * self._scale(user, effect) + error)
        grad = self._exact_grad(id(node))
        if not assigned:
            return bool(abs(grad - sum(added)) <= bound)
        # What was assigned last stands, with whatever was added after it.
        later = (sum(some) for k in range(min(len(added), 6) + 1) for some in combinations(added[:6], k))
        return any(abs(grad - one - rest) <= bound for rest in later for one in assigned)


def _rational(op: Op, texts: tuple[str, ...]) -> bool:
    """Whether an op and its partials are rational functions, whose numbers do not grow too long."""
    try:
        formula(op.forward, *texts)(Rational(3), Rational(2), Rational(1), op.c)
    except TypeError:
        return False
    return abs(op.c or 0) <= 64


def as_float(x: Any) -> float:
    """An exact or float number as a float."""
    return float(x.to_float() if isinstance(x, Rational) else x)


def size(number: Any) -> float:
    """|number| as a float."""
    try:
        return abs(as_float(number))
    except OverflowError:
        return float("inf")
