"""The mistakes that `diagnose_graph` knows by name, one `GraphMistake` each.

A wrong partial is written in the language of the op table (`engine.ops`): x and y are the parents' data,
out the result, c a constant; {dx} and {dy} stand for the right formulas.  What it claims is tried on
the graph's own numbers, so a new mistake is a new `GraphMistake` and nothing else.

Sources of the mistakes: the graph is that of Karpathy, micrograd (2020); the right rules are those of
Griewank & Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, §3.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.ops import Op


@dataclass(frozen=True)
class GraphMistake:
    """One way in which a backward pass over a graph goes wrong.

    name:      a slug, for graders
    sentence:  what the code does
    formula:   the right formula
    hint:      the line of the fix, in words
    op:        the row of the op table whose partial it spoils; "" for any row
    dx, dy:    the wrong partials, "" where the mistake is not one of a partial
    chain:     False where the partial is added without the factor of the chain rule
    """

    name: str
    sentence: str
    formula: str
    hint: str
    op: str = ""
    dx: str = ""
    dy: str = ""
    chain: bool = True


@dataclass(frozen=True)
class StepRule:
    """What a node's backward step may do: its partials, whether out.grad enters, whether it assigns."""

    mistakes: tuple[GraphMistake, ...] = ()
    dx: str = ""
    dy: str | None = None
    chain: bool = True
    assigns: bool = False


_SUM = "parent.grad = Σ over its uses: out.grad · ∂out/∂parent"

OVERWRITTEN = GraphMistake(
    "overwritten",
    "`=` stands where `+=` should: a node that is used more than once keeps one contribution and loses the others.",
    _SUM,
    "Write `parent.grad += …` in every backward step: each use of a node adds its share.",
)
SECOND_BACKWARD = GraphMistake(
    "second-backward",
    "backward() ran more than once, and inner nodes added to what the earlier pass had left in them.",
    "before a pass every inner grad is 0",
    "Set grad to 0 at all nodes, inner ones too, before the next backward(), or build the graph anew.",
)
LEFT_OVER = GraphMistake(
    "left-over",
    "Gradients of an earlier pass were still there when this pass added its own.",
    "grad = ∂root/∂node, once",
    "Call zero_grad() (grad = 0 at every parameter) before each backward().",
)
CHANGED_LATER = GraphMistake(
    "changed-later",
    "Gradients of leaves were changed after the pass: scaled, clipped, or a multiple of the data was added.",
    "grad = ∂root/∂node",
    "Diagnose right after backward(), before anything else is done to the gradients.",
)
NOT_TOPOLOGICAL = GraphMistake(
    "not-topological",
    "A node passed its gradient on before all of its uses had contributed to it.",
    "a node is visited after every node that uses it",
    "Visit the nodes in reversed depth-first postorder: append a node after its parents, then go backward.",
)
NOT_REVERSED = GraphMistake(
    "not-reversed",
    "The nodes were visited from the leaves to the root: when a node's turn came, its grad was still 0.",
    "a node is visited after every node that uses it",
    "Go through the topological order backward: `for node in reversed(topo)`.",
)
VISITED_AGAIN = GraphMistake(
    "visited-again",
    "A node was visited once on each path to it, and passed on its whole grad each time: shares count repeatedly.",
    "a node is visited once, after every node that uses it",
    "Do not call the parents' backward(): order the nodes first, each once, then go through them backward.",
)
NO_SEED = GraphMistake(
    "no-seed",
    "All gradients are 0: the root's grad was not set to 1 before the pass, or backward() did not run.",
    "∂root/∂root = 1",
    "Set `root.grad = 1` before the nodes are visited.",
)
WRONG_SEED = GraphMistake(
    "wrong-seed",
    "The root's grad is not 1, so that every gradient is a multiple of the right one.",
    "∂root/∂root = 1",
    "Set `root.grad = 1` at the start of backward(), and do not change it afterwards.",
)
OTHER_ROOT = GraphMistake(
    "other-root",
    "backward() seems to have been called on another node than the root that is given here.",
    "∂root/∂root = 1",
    "Call backward() on the node whose gradients are wanted, and give that one as the root.",
)
UNREACHED = GraphMistake(
    "unreached-leaf",
    "No path leads from the root to this leaf, so that no gradient can come to it.",
    "∂root/∂leaf is a sum over the paths from the root to the leaf; here there is none",
    "Compute with the node itself: `.data`, float(…) and a rebuilt Value cut the graph.",
)
NOT_VISITED = GraphMistake(
    "not-visited",
    "The backward step of this node never ran: its parents did not get its share.",
    _SUM,
    "Every node of the graph is visited once; tell nodes apart by identity (id), not by their data.",
)
NOT_RECOGNISED = GraphMistake(
    "not-recognised",
    "The gradients are wrong, and no mistake of the catalogue explains them.",
    _SUM,
    "Start at the first node that is listed, walking backward from the root.",
)

_CHAIN = "parent.grad += out.grad · ∂out/∂parent"


def _partial(name: str, op: str, dx: str, dy: str, sentence: str, hint: str) -> GraphMistake:
    return GraphMistake(name, sentence, _CHAIN, hint, op, dx, dy)


# fmt: off
PARTIALS: tuple[GraphMistake, ...] = (
    _partial("mul-own-factor", "mul", "x", "y",
             "The partial of a product is taken to be the operand's own data.", "∂(x·y)/∂x is the other operand, y."),
    _partial("mul-product", "mul", "out", "out",
             "The partial of a product is taken to be the product.", "∂(x·y)/∂x is the other operand, y."),
    _partial("sub-sign", "sub", "1", "1",
             "The second operand of a difference gets the sign of the first.", "∂(x − y)/∂y is −1."),
    _partial("div-sign", "div", "{dx}", "out / y",
             "The minus of the denominator's partial is missing.", "∂(x/y)/∂y is −x/y²."),
    _partial("div-square", "div", "{dx}", "-x / y",
             "The square in the denominator's partial is missing.", "∂(x/y)/∂y is −x/y²."),
    _partial("div-numerator", "div", "{dx}", "-one(out) / (y * y)",
             "The numerator is missing in the denominator's partial.", "∂(x/y)/∂y is −x/y²."),
    _partial("div-as-mul", "div", "y", "x",
             "A quotient is differentiated like a product.", "∂(x/y)/∂x is 1/y and ∂(x/y)/∂y is −x/y²."),
    _partial("power-no-exponent", "power", "pow(x, c - 1)", "",
             "The exponent is missing as a factor.", "∂xⁿ/∂x is n·xⁿ⁻¹."),
    _partial("power-same-degree", "power", "c * pow(x, c)", "",
             "The exponent is not lowered by one.", "∂xⁿ/∂x is n·xⁿ⁻¹."),
    _partial("power-linear", "power", "c * x", "",
             "The exponent is a factor, but the power is gone (right for n = 2 only).", "∂xⁿ/∂x is n·xⁿ⁻¹."),
    _partial("power-lowered-factor", "power", "(c - 1) * pow(x, c - 1)", "",
             "The factor is n − 1 instead of n.", "∂xⁿ/∂x is n·xⁿ⁻¹."),
    _partial("power-no-exponent", "pow", "pow(x, y - 1)", "{dy}",
             "The exponent is missing as a factor.", "∂xʸ/∂x is y·xʸ⁻¹."),
    _partial("power-same-degree", "pow", "y * out", "{dy}",
             "The exponent is not lowered by one.", "∂xʸ/∂x is y·xʸ⁻¹."),
    _partial("pow-no-log", "pow", "{dx}", "out",
             "The logarithm is missing in the exponent's partial.", "∂xʸ/∂y is xʸ·ln x."),
    _partial("tanh-no-square", "tanh", "1 - out", "",
             "The square is missing: 1 − t stands for 1 − t².", "tanh′(x) is 1 − tanh(x)²."),
    _partial("tanh-of-data", "tanh", "1 - x * x", "",
             "1 − x² is taken of the operand instead of the result.", "tanh′(x) is 1 − tanh(x)²."),
    _partial("tanh-as-sigmoid", "tanh", "out * (1 - out)", "",
             "tanh is differentiated like the sigmoid.", "tanh′(x) is 1 − tanh(x)²."),
    _partial("tanh-plus", "tanh", "1 + out * out", "",
             "The sign before the square is reversed.", "tanh′(x) is 1 − tanh(x)²."),
    _partial("exp-as-power", "exp", "x * exp(x - 1)", "",
             "eˣ is differentiated like a power of x.", "∂eˣ/∂x is eˣ, the result itself."),
    _partial("exp-times-data", "exp", "x * out", "",
             "The operand stands as a factor before eˣ.", "∂eˣ/∂x is eˣ, the result itself."),
    _partial("exp-of-result", "exp", "exp(out)", "",
             "exp is taken of the result, which is eˣ already.", "∂eˣ/∂x is eˣ, the result itself."),
    _partial("log-of-result", "log", "one(out) / out", "",
             "1 is divided by the result instead of the operand.", "∂ln x/∂x is 1/x."),
    _partial("log-square", "log", "-one(out) / (x * x)", "",
             "This is the second derivative.", "∂ln x/∂x is 1/x."),
    _partial("sqrt-of-data", "sqrt", "one(out) / (2 * x)", "",
             "The root is missing in the denominator.", "∂√x/∂x is 1/(2√x)."),
    _partial("sqrt-no-half", "sqrt", "one(out) / out", "",
             "The factor ½ is missing.", "∂√x/∂x is 1/(2√x)."),
    _partial("relu-passes-all", "relu", "1", "",
             "The gradient passes where relu is switched off, too.", "relu′(x) is 1 for x > 0, else 0."),
    _partial("relu-side", "relu", "ge(x, 0)", "",
             "At x = 0 the slope is taken from the right, 1; the convention is relu′(0) = 0.",
             "relu′(x) is 1 for x > 0, else 0: write > and not ≥."),
    _partial("relu-switched-off", "relu", "1 - step(x)", "",
             "The gradient passes where relu is off and stops where it is on.", "relu′(x) is 1 for x > 0, else 0."),
    _partial("sigmoid-of-data", "sigmoid", "x * (1 - x)", "",
             "s·(1 − s) is taken of the operand instead of the result.", "σ′(x) is σ(x)·(1 − σ(x))."),
    _partial("sigmoid-no-factor", "sigmoid", "1 - out", "",
             "The factor σ(x) is missing.", "σ′(x) is σ(x)·(1 − σ(x))."),
    _partial("sigmoid-as-tanh", "sigmoid", "1 - out * out", "",
             "The sigmoid is differentiated like tanh.", "σ′(x) is σ(x)·(1 − σ(x))."),
    # of any op
    _partial("function-for-derivative", "", "out", "",
             "The function stands where its derivative should.", "The partial is f′(x), not f(x)."),
    _partial("partial-forgotten", "", "1", "1",
             "out.grad is passed on unchanged.", "Multiply out.grad by the partial of the op."),
    _partial("sign-reversed", "", "-({dx})", "-({dy})",
             "The partials have the opposite sign.", "Check the signs of this op's backward step."),
    _partial("operand-forgotten", "", "0", "{dy}",
             "One of the two operands gets nothing.", "Add the contribution to self and to other."),
    _partial("operand-forgotten", "", "{dx}", "0",
             "One of the two operands gets nothing.", "Add the contribution to self and to other."),
    _partial("nothing-passed", "", "0", "0",
             "The backward step of this op adds nothing to its parents, or never runs.",
             "Attach the backward step to the result: `out._backward = _backward`."),
    GraphMistake("chain-forgotten", "The partial is added without the factor out.grad.", _CHAIN,
                 "Multiply the partial by out.grad: that is the chain rule.", "", "{dx}", "{dy}", False),
)
# fmt: on


def right_rule(row: Op) -> StepRule:
    """The backward step of one op.

    >>> from engine.ops import TABLE
    >>> right_rule(TABLE["mul"]).dx
    'y'
    """
    return StepRule((), row.dx, row.dy)


def wrong_rules(row: Op) -> Iterator[StepRule]:
    """The wrong backward steps of one op, each once: mistakes of this op first, then those for any.

    >>> from engine.ops import TABLE
    >>> [rule.mistakes[0].name for rule in wrong_rules(TABLE["neg"])][:3]
    ['function-for-derivative', 'partial-forgotten', 'sign-reversed']
    """
    seen = {(row.dx, row.dy, True)}
    for mistake in PARTIALS:
        impossible = "operand-forgotten" if row.dy is None else "function-for-derivative"
        if mistake.op not in ("", row.name) or mistake.name == impossible:
            continue
        dx = mistake.dx.format(dx=row.dx, dy=row.dy)
        dy = None if row.dy is None else mistake.dy.format(dx=row.dx, dy=row.dy)
        if (dx, dy, mistake.chain) not in seen:
            seen.add((dx, dy, mistake.chain))
            yield StepRule((mistake,), dx, dy, mistake.chain)
    yield StepRule((OVERWRITTEN,), row.dx, row.dy, assigns=True)


GRAPH_MISTAKES: dict[str, GraphMistake] = {}
"""All mistakes by name; "power-…" and "operand-forgotten" stand for several formulas of one mistake."""
for _mistake in (
    *PARTIALS, OVERWRITTEN, SECOND_BACKWARD, LEFT_OVER, NOT_TOPOLOGICAL, NOT_REVERSED, NO_SEED, WRONG_SEED,
    OTHER_ROOT, VISITED_AGAIN, CHANGED_LATER, UNREACHED, NOT_VISITED, NOT_RECOGNISED,
):  # fmt: skip
    GRAPH_MISTAKES.setdefault(_mistake.name, _mistake)
