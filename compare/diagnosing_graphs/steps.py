"""The exact test of backward steps: each kind of step in a graph is run on numbers of our own.

Random exact data of node and parents tell the partial, as an identity at random points (Schwartz 1980, Zippel
1979: `compare.numbers.field`), so that a match is a proof.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import eq
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

from compare.diagnosing_graphs.graph_mistakes import NOT_RECOGNISED, GraphMistake, StepRule, right_rule, wrong_rules
from compare.diagnosing_graphs.reading import ForeignGraph, at_kink, backward_step, formula, unordered
from compare.diagnosing_graphs.running import Effect, Field, Rationals, observed
from engine.ops import Op

Equal = Callable[[Any, Any], bool]
UNNAMED = (NOT_RECOGNISED,)
EXACT_NODES, OWN_NODES = 3, 8
"""How many nodes of a kind are run, on exact data and on the graph's own."""


@dataclass(frozen=True, eq=False)
class StepKind:
    """What the test says of one kind of step.

    op         : the row of the op table
    nodes      : all of the kind
    run        : how many of them were run
    arithmetic : "rational", "finite field" or "float64"
    assigns    : `=` where `+=` should be
    chainless  : out.grad is no factor
    wrong      : the mistakes that the partial fits (`NOT_RECOGNISED` if none does); () where it is right
    kink       : the same at the kink of the op, for a partial that is right elsewhere; None for our convention,
                 () for one of its own
    stray      : at the kink it passes on what does not lie between the derivatives on either side
    in_doubt   : the operands may be others than `_prev` says, so that nothing is said of the partial
    """

    op: Op
    nodes: tuple[Any, ...]
    run: int
    arithmetic: str
    assigns: bool = False
    chainless: bool = False
    wrong: tuple[GraphMistake, ...] = ()
    kink: tuple[GraphMistake, ...] | None = None
    stray: bool = False
    in_doubt: bool = False

    @property
    def right(self) -> bool:
        """Whether the op table's partial may be used for its nodes, but at a kink of its own convention."""
        return not (self.assigns or self.chainless or self.wrong or self.in_doubt)


def step_kinds(graph: ForeignGraph) -> list[StepKind]:
    """All kinds of steps that can be run, in the order of their first nodes from the root.

    A kind is an op, its constant, and the code of the step: one class may have written `a * b`, `2 * a` and
    `a * a` in three places.
    """
    kinds: dict[Any, list[Any]] = {}
    for node in reversed(graph.nodes):
        step = backward_step(node)
        if step is not None and id(node) in graph.ops:
            op = graph.ops[id(node)]
            code = getattr(getattr(step, "__func__", step), "__code__", type(step))
            kinds.setdefault((op.name, op.c, len(graph.operands(node)), code), []).append(node)
    return [found for nodes in kinds.values() if (found := _step_kind(graph, nodes)) is not None]


def _step_kind(graph: ForeignGraph, nodes: list[Any]) -> StepKind | None:
    op = graph.ops[id(nodes[0])]
    some = _spread(nodes, EXACT_NODES)
    for arithmetic in (Rationals(), Field()):
        if op.name == "leaky_relu" and all(graph.at(n)[0] >= 0 for n in nodes):
            break  # its constant is not in `_op`, and no data show it
        runs = _all_or_none(_observations(graph, node, arithmetic) for node in some)
        if runs:
            found = _verdict(graph, nodes, some, runs, arithmetic.name, eq)
            if found.right or not any(_may_remember(n, graph.operands(n)) for n in some):
                return found
            if found.wrong != UNNAMED and not _constant(op, runs):
                return found
    some = _spread(list({graph.at(n): n for n in nodes}.values()), OWN_NODES)
    runs = _all_or_none(_own_observations(graph, node) for node in some)
    return _verdict(graph, nodes, some, runs, "float64", _within(graph.bound)) if runs else None


def _all_or_none(runs: Iterable[list["_Observation"] | None]) -> list[list["_Observation"]]:
    made = list(runs)
    return [] if any(not run for run in made) else [run for run in made if run]


def _spread(nodes: list[Any], count: int) -> list[Any]:
    last = len(nodes) - 1
    return [nodes[i] for i in sorted({last * k // max(count - 1, 1) for k in range(count)})]


# -- comparing it with rules -----------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Observation:
    x: Any
    y: Any
    out: Any
    kink: bool
    effects: list[Effect]


def _observations(graph: ForeignGraph, node: Any, arithmetic: Any) -> list[_Observation] | None:
    """The step at the points of an arithmetic; None where it cannot be run there."""
    op, operands = graph.ops[id(node)], graph.operands(node)
    made = []
    for x, y in arithmetic.points(op):
        y = x if len(operands) == 1 else y
        try:
            out = formula(op.forward)(x, y, None, op.c)[0]
            formula(op.dx, op.dy or "0")(x, y, out, op.c)
        except TypeError:
            return None  # this arithmetic has no such function
        effects = observed(graph, node, arithmetic, [(node, out), *zip(operands, (x, y), strict=False)])
        if effects is None:
            return None
        made.append(_Observation(x, y, out, arithmetic.name == "rational" and at_kink(op, x, y), effects))
    return made


def _own_observations(graph: ForeignGraph, node: Any) -> list[_Observation] | None:
    effects = observed(graph, node, Rationals())
    x, y, out = graph.at(node)
    return None if effects is None else [_Observation(x, y, out, at_kink(graph.ops[id(node)], x, y), effects)]


def _verdict(
    graph: ForeignGraph, nodes: list[Any], some: list[Any], runs: list[list[_Observation]], arithmetic: str,
    equal: Equal,
) -> StepKind:  # fmt: skip
    op = graph.ops[id(nodes[0])]
    rules = [right_rule(op), *(r for r in wrong_rules(op) if r.chain and not r.assigns)]

    def fitting(kinks: bool) -> list[StepRule]:
        chosen = [(n, [t for t in run if kinks or not t.kink]) for n, run in zip(some, runs, strict=True)]
        return [r for r in rules if all(_fits(r, op, observations, unordered(n), equal) for n, observations in chosen)]

    effects = [e for run in runs for t in run for e in t.effects]
    assigns, chainless = any(e.assigns for e in effects), any(e.chain_forgotten for e in effects)
    smooth, everywhere = fitting(False), fitting(True)
    mistakes = tuple({m.name: m for rule in everywhere or smooth for m in rule.mistakes}.values())
    if smooth and not smooth[0].mistakes:
        kink = None if rules[0] in everywhere else tuple(m for r in everywhere for m in r.mistakes)
        stray = kink == () and not all(_between(op, t) for run in runs for t in run if t.kink)
        return StepKind(op, tuple(nodes), len(some), arithmetic, assigns, chainless, kink=kink, stray=stray)
    if op.dy is not None and len(graph.operands(nodes[0])) == 1 and unordered(nodes[0]):
        return StepKind(op, tuple(nodes), len(some), arithmetic, assigns, in_doubt=True)
    return StepKind(op, tuple(nodes), len(some), arithmetic, assigns, chainless, mistakes or UNNAMED)


def _fits(rule: StepRule, op: Op, observations: list[_Observation], either_order: bool, equal: Equal) -> bool:
    """Whether a rule gives what was observed in all observations of a node."""
    return any(
        all(_agrees(rule, op, t, turned, equal) for t in observations)
        for turned in ((False, True) if either_order and op.dy is not None else (False,))
    )


def _agrees(rule: StepRule, op: Op, seen: _Observation, turned: bool, equal: Equal) -> bool:
    x, y = (seen.y, seen.x) if turned else (seen.x, seen.y)
    try:
        partials = formula(rule.dx, rule.dy or "0")(x, y, seen.out, op.c)
    except (ArithmeticError, ValueError, TypeError):
        return False  # a wrong rule need not have a value everywhere, nor in every arithmetic
    partials = partials[::-1] if turned else partials
    for effect, partial in zip(seen.effects, partials, strict=False):
        options = [partial]
        if op.dy is not None and len(seen.effects) == 1:  # twice the same parent: what is assigned last stands
            options = list(partials) if effect.assigns else [partials[0] + partials[1]]
        made, nothing = (effect.loose, effect.partial) if effect.chain_forgotten else (effect.partial, effect.loose)
        if nothing != 0 or not any(equal(made, p) for p in options):
            return False
    return True


def _between(op: Op, seen: _Observation) -> bool:
    """Whether what is passed on at a kink, and its sum, lie between what the op's partials are on either side."""
    partials = formula(op.dx, op.dy or "0")
    sides = [partials(t, -t, 0.0, op.c) for t in (2.0**-99, -(2.0**-99))]
    made = [e.partial + e.loose for e in seen.effects]
    columns = [*zip(*([*side, sum(side)] for side in sides), strict=True)]
    numbers = [*made, sum(made)] if len(made) == 2 else made
    return all(min(c) <= p <= max(c) for p, c in zip(numbers, columns[-len(numbers) :], strict=True))


def _within(bound: float) -> Equal:
    return lambda a, b: b - b == 0 and bool(abs(a - b) <= bound * (abs(b) + 1))


def _constant(op: Op, runs: list[list[_Observation]]) -> bool:
    """Whether the partials vary with the data, and what was observed does not: it may have been computed before."""
    right = [formula(op.dx, op.dy or "0")(t.x, t.y, t.out, op.c) for t in runs[0]]
    return right.count(right[0]) < len(right) and all(t.effects == run[0].effects for run in runs for t in run)


def _may_remember(node: Any, operands: tuple[Any, ...]) -> bool:
    """Whether a step may know more numbers than data and grad of its nodes: by its closure, or further attributes."""
    step = backward_step(node)
    nodes = (node, *operands)
    if not hasattr(step, "__code__") or not all(hasattr(n, "__dict__") for n in nodes):
        return True
    usual = {"data", "grad", "_prev", "_children", "_op", "_backward", "label"}
    more = [x for n in nodes for name, x in vars(n).items() if name not in usual]
    return any(_may_hold_numbers(x, set(map(id, nodes))) for x in (step, *more))


def _may_hold_numbers(x: Any, known: set[int]) -> bool:
    """Whether there may be numbers in an object, those known by their id aside: of a strange object one cannot tell."""
    if x is None or isinstance(x, (str, bytes, type, ModuleType, BuiltinFunctionType)) or id(x) in known:
        return False
    known = known | {id(x)}  # a function may be in its own closure
    if isinstance(x, FunctionType):
        inside = [*(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values()]
        inside += [c.cell_contents for c in x.__closure__ or () if c != CellType()]  # an empty cell has none
    elif isinstance(x, MethodType):
        inside = [x.__func__, x.__self__]
    elif isinstance(x, (tuple, list, set, frozenset)):
        inside = list(x)
    elif isinstance(x, dict):
        inside = [*x, *x.values()]
    else:
        return True
    return any(_may_hold_numbers(y, known) for y in inside)
