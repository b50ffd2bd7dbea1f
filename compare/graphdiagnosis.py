"""`diagnose_graph`: what went wrong in the backward pass over somebody's graph of scalars.

Each node's grad is judged by the grads of the nodes that use it: parent.grad = Σ out.grad · ∂out/∂parent.  So a
mistake shows where it is made, and not at all nodes below.  Partials are the op table's, on the graph's own
data, and a number is right if it is within 64 u · Σ |out.grad| (|partial| + 1) of the sum: no partial of the
table takes more than four operations, on intermediates of the size of 1 or of the partial.
"""

import html
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

from tabulate import tabulate

from compare import graphmistakes as known
from compare.graphmistakes import RIGHT, GraphMistake, Rule, wrong_rules
from engine.ops import TABLE, Op, compile_function
from engine.scalars import elementary

BOUND = 64 * 2.0**-53
SHOWN = 12


@dataclass(frozen=True, eq=False)
class GraphFinding:
    """One mistake: the record (several where their numbers are the same here), and the nodes that show it."""

    mistakes: tuple[GraphMistake, ...]
    nodes: tuple[str, ...] = ()
    numbers: str = ""


@dataclass(frozen=True, eq=False)
class GraphDiagnosis:
    """What was found in a graph.

    count:      of its nodes
    findings:   in order, walking backward from the root
    undecided:  op strings that the op table does not know; what their nodes pass on is not judged
    """

    count: int
    findings: list[GraphFinding]
    undecided: list[str]

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, as far as the ops are known."""
        return not self.findings

    @property
    def mistakes(self) -> list[GraphMistake]:
        """The records found, in order; [] for a right graph."""
        return list(dict.fromkeys(m for f in self.findings for m in f.mistakes))

    def _lines(self) -> Iterator[str]:
        verdict = f"{len(self.findings)} found" if self.findings else "RIGHT: every grad is the sum over its uses"
        yield f"{self.count:,} nodes; {verdict}."
        for number, f in enumerate(self.findings, 1):
            for i, m in enumerate(f.mistakes):
                yield f"{number}. {m.sentence} [{m.name}]" if i == 0 else f"   or: {m.sentence} [{m.name}]"
            yield f"   right: {f.mistakes[0].formula}"
            if f.numbers:
                yield f"   {f.numbers}"
            yield f"   fix: {f.mistakes[0].hint}"
        if self.undecided:
            yield f"not judged: the ops {', '.join(self.undecided)}, which are not known"

    def _table(self, form: str) -> str:
        rows = [[f.mistakes[0].name, ", ".join(f.nodes[:SHOWN]), len(f.nodes)] for f in self.findings if f.nodes]
        return tabulate(rows, ["mistake", "nodes", "how many"], tablefmt=form) if rows else ""

    def __str__(self) -> str:
        return "\n\n".join(part for part in ("\n".join(self._lines()), self._table("simple")) if part)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(chr(10).join(self._lines()))}</pre>\n{self._table('html')}"

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain data."""
        return {
            "nodes": self.count,
            "right": self.right,
            "mistakes": [m.name for m in self.mistakes],
            "findings": [
                {"names": [m.name for m in f.mistakes], "nodes": list(f.nodes), "numbers": f.numbers}
                for f in self.findings
            ],
            "undecided": list(self.undecided),
        }


def diagnose_graph(root: Any, leaves: Iterable[Any] | None = None) -> GraphDiagnosis:
    """Name the mistakes of a backward pass that has run over a graph.

    Parameters
    ----------
    root : the node whose backward() was called: micrograd's Value or that of a fork; every node has `data`,
        `grad`, `_prev` (its parents, a set, tuple or list) and `_op` ("+", "*", "**2", "ReLU", "tanh", …)
    leaves : nodes that should have a gradient, e.g. the parameters; those not in the graph are named

    Returns
    -------
    a `GraphDiagnosis`; its `mistakes` are the records found (`compare.graphmistakes`), [] for a right pass

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
    graph = _Graph(root)
    findings = _unreached(graph, leaves) + _found(graph)
    return GraphDiagnosis(len(graph.nodes), findings, graph.unknown)


# -- the graph ---------------------------------------------------------------------------------------------


class _Graph:
    """Nodes in depth-first postorder (parents first), their ops, and who uses whom."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.nodes: list[Any] = []
        self.parents: dict[int, tuple[Any, ...]] = {}
        self.ops: dict[int, Op] = {}
        self.unknown: list[str] = []
        self._collect(root)
        self.uses: dict[int, list[tuple[Any, int]]] = {id(n): [] for n in self.nodes}
        for node in self.nodes:
            for position, parent in enumerate(self.parents[id(node)]):
                self.uses[id(parent)].append((node, position))
        self._rules: dict[tuple[str, Any, str, str | None], Callable[..., Any]] = {}

    def _collect(self, root: Any) -> None:
        seen: set[int] = set()
        stack = [(root, False)]
        while stack:
            node, done = stack.pop()
            if done:
                self.nodes.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                self._read(node)
                stack.append((node, True))
                stack += [(p, False) for p in reversed(self.parents[id(node)])]

    def _read(self, node: Any) -> None:
        for name in ("data", "grad", "_prev", "_op"):
            if not hasattr(node, name):
                kind = type(node).__name__
                raise TypeError(f"root: expected nodes with data, grad, _prev and _op; a {kind} lacks {name}")
        if _number(node.data) is None:
            raise ValueError(f"root: expected finite data, got {node.data!r:.40} at {_name(node)}")
        parents = tuple(node._prev)
        op = _op(str(node._op)) if parents else None
        if op is not None:
            ordered = _ordered(op, parents, node)
            if ordered is None:
                op = None
            else:
                parents = ordered
        if parents and op is None:
            self.unknown = list(dict.fromkeys([*self.unknown, repr(str(node._op))]))
        self.parents[id(node)] = parents
        if op is not None:
            self.ops[id(node)] = op

    def partials(self, node: Any, rule: Rule) -> tuple[float, ...]:
        """∂node/∂parent for each parent, right or by a wrong rule."""
        op = self.ops[id(node)]
        dx, dy = (rule.dx, rule.dy) if rule.mistakes else (op.dx, op.dy)
        key = (op.name, op.c, dx, dy)
        if key not in self._rules:
            source = f"def partials(x, y, out, c): return ({dx}, {dy if dy is not None else 0},)"
            self._rules[key] = compile_function(source, f"partials of {op.name}", {"pow": elementary("pow")})
        data = [float(p.data) for p in self.parents[id(node)]]
        try:
            found = self._rules[key](data[0], data[-1], float(node.data), op.c)
        except (ArithmeticError, ValueError):
            return (float("nan"),) * len(data)
        return tuple(float(v) for v in found[: len(data)])

    def contribution(self, node: Any, position: int, rule: Rule = RIGHT) -> tuple[float, float]:
        """What a node passes to one parent, and the bound of its error."""
        partial = self.partials(node, rule)[position]
        adjoint = _grad(node) if rule.chain else 1.0
        return adjoint * partial, BOUND * abs(adjoint) * (abs(partial) + 1)

    @cached_property
    def judged(self) -> list[Any]:
        """The nodes whose uses are all of known ops."""
        return [n for n in self.nodes if n is not self.root and all(id(u) in self.ops for u, _ in self.uses[id(n)])]

    def explains(self, rules: dict[str, Rule], nodes: Iterable[Any], without: Any = None) -> bool:
        """Whether these rules give every grad of the nodes; `without`: a node that passed nothing on."""
        return all(self.fits(n, rules, without) for n in nodes)

    def fits(self, node: Any, rules: dict[str, Rule], without: Any = None) -> bool:
        """Whether a node's grad is what the rules of its uses make it."""
        shares: list[float] = []
        assigned: list[float] = []
        bound = 0.0
        for user, position in self.uses[id(node)]:
            if user is without:
                continue
            rule = rules.get(self.ops[id(user)].name, RIGHT)
            share, error = self.contribution(user, position, rule)
            (assigned if rule.assigns else shares).append(share)
            bound += error
        grad = _grad(node)
        if not assigned:
            return abs(grad - sum(shares)) <= bound
        # What was assigned last stands, with whatever was added after it.
        later = (sum(some) for k in range(min(len(shares), 6) + 1) for some in combinations(shares[:6], k))
        return any(abs(grad - one - rest) <= bound for rest in later for one in assigned)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number - number == 0 else None


def _grad(node: Any) -> float:
    """A node's grad; None is one that nobody set: 0."""
    return 0.0 if node.grad is None else float(node.grad)


def _name(node: Any) -> str:
    label = getattr(node, "label", "") or ""
    return str(label) if label else f"{node._op or 'leaf'}({float(node.data):.4g})"


_NAMES = {alias: row.name for row in TABLE.values() for alias in (row.ascii, row.symbol, row.name) if "{" not in alias}
_NAMES.update({"-": "sub", "−": "sub", "ReLU": "relu", "Relu": "relu", "x": "mul", "×": "mul", "÷": "div"})


def _op(text: str) -> Op | None:
    """The row of the op table behind `_op`."""
    power = re.fullmatch(r"(?:\*\*|\^|pow)\s*\(?(-?[\d.]+(?:e-?\d+)?)\)?", text)
    if power:
        exponent = float(power[1])
        return TABLE["power"].bind(int(exponent) if exponent.is_integer() else exponent)
    name = _NAMES.get(text) or _NAMES.get(text.lower())
    return TABLE.get(name) if name else None


def _ordered(op: Op, parents: tuple[Any, ...], node: Any) -> tuple[Any, ...] | None:
    """The parents as the op read them: a set has lost their order, and one of two that were the same."""
    if op.name == "sub" and len(parents) == 1 and float(node.data) == -float(parents[0].data):
        return None  # a negation under the name of a difference
    if op.dy is None:
        return parents if len(parents) == 1 else None
    if len(parents) == 1:
        parents = (parents[0], parents[0])
    if len(parents) != 2:
        return None
    if op.name in ("add", "mul") or not isinstance(node._prev, (set, frozenset)):
        return parents
    forward = compile_function(f"def forward(x, y): return {op.forward}", op.name, {"pow": elementary("pow")})
    for order in (parents, parents[::-1]):
        try:
            if forward(*(float(p.data) for p in order)) == float(node.data):
                return order
        except ArithmeticError:
            continue
    return None


# -- what is wrong -------------------------------------------------------------------------------------------


def _unreached(graph: _Graph, leaves: Iterable[Any] | None) -> list[GraphFinding]:
    reached = {id(n) for n in graph.nodes}
    missing = tuple(_name(leaf) for leaf in leaves or () if id(leaf) not in reached)
    return [GraphFinding((known.UNREACHED,), missing)] if missing else []


def _found(graph: _Graph) -> list[GraphFinding]:
    seed = _grad(graph.root)
    if all(_grad(n) == 0 for n in graph.nodes):
        return [GraphFinding((known.NO_SEED,), (_name(graph.root),))]
    found = []
    if seed != 1.0:
        found.append(GraphFinding((known.WRONG_SEED,), (_name(graph.root),), f"the root's grad is {seed:.6g}"))
    wrong = [n for n in reversed(graph.judged) if not graph.fits(n, {})]
    if not wrong:
        return found
    names = tuple(_name(n) for n in wrong)
    for explain in (_left_over, _whole_passes, _wrong_partials, _dropped, _too_early):
        explained = explain(graph, wrong)
        if explained:
            return [*found, *explained]
    first = wrong[0]
    expected = sum(graph.contribution(u, p)[0] for u, p in graph.uses[id(first)])
    numbers = f"{_name(first)}: grad is {_grad(first):.6g}, its uses give {expected:.6g}{_ratios(graph, wrong)}"
    return [*found, GraphFinding((known.NOT_RECOGNISED,), names, numbers)]


def _ratios(graph: _Graph, wrong: list[Any]) -> str:
    ratios = set()
    for n in wrong:
        expected = sum(graph.contribution(u, p)[0] for u, p in graph.uses[id(n)])
        ratios.add(f"{_grad(n) / expected:.6g}" if expected else "inf")
    return f"; each of these is {ratios.pop()} times that" if len(ratios) == 1 else ""


def _left_over(graph: _Graph, wrong: list[Any]) -> list[GraphFinding]:
    """Only leaves are wrong, and all by one whole factor: an earlier pass was not cleared there."""
    if any(graph.parents[id(n)] for n in wrong):
        return []
    factors = set()
    for n in graph.judged:
        shares = [graph.contribution(u, p) for u, p in graph.uses[id(n)]]
        right, bound = sum(s for s, _ in shares), sum(e for _, e in shares)
        if graph.parents[id(n)] or abs(right) <= bound:
            continue
        times = round(_grad(n) / right)
        if times < 2 or abs(_grad(n) - times * right) > times * bound:
            return []
        factors.add(times)
    if len(factors) != 1:
        return []
    passes = f"the leaves have {factors.pop()} times the gradient"
    return [GraphFinding((known.LEFT_OVER,), tuple(_name(n) for n in wrong), passes)]


def _whole_passes(graph: _Graph, wrong: list[Any]) -> list[GraphFinding]:
    """Passes that went through the graph in another way; each is simulated and compared at all nodes."""
    if graph.unknown:
        return []
    down = graph.nodes[::-1]
    ways: list[tuple[GraphMistake, Sequence[Any], int]] = [
        *((known.SECOND_BACKWARD, down, times) for times in (2, 3, 4)),
        (known.NOT_REVERSED, graph.nodes, 1),
        *((known.NOT_TOPOLOGICAL, order, 1) for order in _other_orders(graph)),
    ]
    names = tuple(_name(n) for n in wrong)
    for mistake, order, times in ways:
        grads, errors = _simulated(graph, order, times)
        if all(abs(_grad(n) - grads[id(n)]) <= errors[id(n)] for n in graph.nodes if n is not graph.root):
            return [GraphFinding((mistake,), names, f"backward() ran {times} times" if times > 1 else "")]
    return []


def _other_orders(graph: _Graph) -> Iterator[list[Any]]:
    """Orders that students take for topological: preorder, and breadth first, each node once.

    Parents come as `_prev` gives them: a set's order is arbitrary, but it stays the same for one set.
    """
    for breadth_first, turned in product((False, True), repeat=2):
        order: list[Any] = []
        seen: set[int] = set()
        waiting = deque([graph.root])
        while waiting:
            node = waiting.popleft() if breadth_first else waiting.pop()
            if id(node) not in seen:
                seen.add(id(node))
                order.append(node)
                parents = list(node._prev)
                waiting += parents if turned else parents[::-1]
        yield order


def _simulated(graph: _Graph, order: Sequence[Any], times: int) -> tuple[dict[int, float], dict[int, float]]:
    """The grads after so many passes that add everywhere, with the root's set to 1 before each."""
    grads = {id(n): 0.0 for n in graph.nodes}
    errors = dict(grads)
    for _ in range(times):
        grads[id(graph.root)] = _grad(graph.root)
        for node in order:
            if id(node) not in graph.ops:
                continue
            for parent, partial in zip(graph.parents[id(node)], graph.partials(node, RIGHT), strict=True):
                grads[id(parent)] += grads[id(node)] * partial
                bound = BOUND * abs(grads[id(node)]) * (abs(partial) + 1) + errors[id(node)] * abs(partial)
                errors[id(parent)] += bound
    return grads, errors


def _wrong_partials(graph: _Graph, wrong: list[Any]) -> list[GraphFinding]:
    """The fewest ops with a wrong rule that give every grad; all rules that do are named."""
    rows = {op.name: op for n in wrong for u, _ in graph.uses[id(n)] for op in [graph.ops[id(u)]]}
    everywhere = {name: Rule((known.OVERWRITTEN,), op.dx, op.dy, assigns=True) for name, op in _rows(graph).items()}
    rules = {name: list(wrong_rules(row)) for name, row in rows.items()}
    touched = {name: [n for n in graph.judged if _used_by(graph, n, name)] for name in rows}
    for count in (1, 2, 3):
        found: list[list[GraphFinding]] = []
        for names in combinations(sorted(rows), count):
            if any(not any(_used_by(graph, n, name) for name in names) for n in wrong):
                continue
            nodes = list({id(n): n for name in names for n in touched[name]}.values())
            choices = (dict(zip(names, choice, strict=True)) for choice in product(*(rules[name] for name in names)))
            fitting = [c for c in choices if graph.explains(c, wrong) and graph.explains(c, nodes)]
            if fitting:
                found.append([_partial_finding(graph, name, [c[name] for c in fitting], wrong) for name in names])
        if len(found) == 1:
            return found[0]
        if found and count == 1:  # several ops, any one of which would do: one class
            records = tuple(dict.fromkeys(m for (f,) in found for m in f.mistakes))
            return [GraphFinding(records, found[0][0].nodes, found[0][0].numbers)]
        if found:
            return found[0]
        if count == 1 and graph.explains(everywhere, wrong):
            return [GraphFinding((known.OVERWRITTEN,), tuple(_name(n) for n in wrong))]
    return []


def _rows(graph: _Graph) -> dict[str, Op]:
    return {op.name: op for op in graph.ops.values()}


def _used_by(graph: _Graph, node: Any, name: str) -> bool:
    return any(graph.ops[id(u)].name == name for u, _ in graph.uses[id(node)])


def _partial_finding(graph: _Graph, name: str, rules: list[Rule], wrong: list[Any]) -> GraphFinding:
    records = tuple(dict.fromkeys(m for rule in rules for m in rule.mistakes))
    nodes = [n for n in wrong if _used_by(graph, n, name)]
    numbers = ""
    for n in nodes:
        user, position = next((u, p) for u, p in graph.uses[id(n)] if graph.ops[id(u)].name == name)
        right, made = graph.contribution(user, position)[0], graph.contribution(user, position, rules[0])[0]
        if right != made:
            numbers = f"{name} at {_name(user)}: passes {made:.6g} to {_name(n)}, right is {right:.6g}"
            break
    return GraphFinding(records, tuple(_name(n) for n in nodes), numbers)


def _dropped(graph: _Graph, wrong: list[Any]) -> list[GraphFinding]:
    """Uses that passed nothing on: of a node as a whole, or of one operand of an op."""
    users = {id(u): u for u, _ in graph.uses[id(wrong[0])]}
    for user in users.values():
        if graph.explains({}, wrong, without=user):
            return [GraphFinding((known.NOT_VISITED,), (_name(user),))]
    missing: list[tuple[Any, int]] = []
    for n in wrong:
        uses = graph.uses[id(n)]
        shares = [graph.contribution(*use) for use in uses]
        bound = sum(e for _, e in shares)
        gap = sum(v for v, _ in shares) - _grad(n)
        lost = next((s for s in _some(len(uses)) if abs(gap - sum(shares[i][0] for i in s)) <= bound), None)
        if lost is None:
            return []
        missing += [uses[i] for i in lost]
    ops = {graph.ops[id(u)] for u, _ in missing}
    once = len({id(u) for u, _ in missing}) == len(missing)
    if len(ops) == 1 and once and all(len(graph.parents[id(u)]) == 2 for u, _ in missing):
        record = known.GRAPH_MISTAKES["operand-forgotten"]
        return [GraphFinding((record,), tuple(_name(n) for n in wrong), f"at the op {next(iter(ops)).ascii}")]
    return [GraphFinding((known.NOT_VISITED,), tuple(dict.fromkeys(_name(u) for u, _ in missing)))]


def _some(count: int) -> Iterator[tuple[int, ...]]:
    """Every choice of some of `count` things, few first; of many, one or two."""
    for k in range(1, min(count, 6 if count <= 6 else 2) + 1):
        yield from combinations(range(count), k)


def _too_early(graph: _Graph, wrong: list[Any]) -> list[GraphFinding]:
    """Nodes that passed on a part of their grad: a sum of some of the shares that they got in the end."""
    for n in wrong:
        uses = graph.uses[id(n)]
        if len(uses) > 4:
            return []
        options = [[_grad(u), *_partial_sums(graph, u)] for u, _ in uses]
        partials = [graph.partials(u, RIGHT)[p] for u, p in uses]
        bound = sum(graph.contribution(u, p)[1] for u, p in uses)
        sums = (sum(g * d for g, d in zip(gs, partials, strict=True)) for gs in product(*options))
        if not any(abs(_grad(n) - s) <= bound for s in sums):
            return []
    return [GraphFinding((known.NOT_TOPOLOGICAL,), tuple(_name(n) for n in wrong))]


def _partial_sums(graph: _Graph, node: Any) -> list[float]:
    uses = graph.uses[id(node)]
    shares = [graph.contribution(*use)[0] for use in uses]
    return [0.0, *(sum(shares) - sum(shares[i] for i in lost) for lost in _some(len(uses)) if len(lost) < len(uses))]
