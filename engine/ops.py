"""The op table: one row per operation, written as text.

A row gives the forward formula and the *partials* (local derivatives on the edges, not
accumulations) in the variables x, y (the parents' data), out (the result) and c (a constant).
Everything else is made from the row: the method of `Value`, the same rule on Values for higher
derivatives, the label in pictures, the table in the docs, and the tests.  A new op is one row::

    >>> from engine import Value
    >>> from engine.ops import Op, TABLE
    >>> _ = TABLE.add(Op("cube", "x³", "x * x * x", "3 * x * x", samples=(0.5, -2.0)))
    >>> x = Value(2.0)
    >>> y = x.cube(); y.backward(); y.data, x.grad
    (8.0, 12.0)
    >>> TABLE.remove("cube")

Partials use only + − × ÷, small ints, ``one``, out and functions that are rows themselves, so
that every derivative has a derivative.  An int beside an int divides to a float, therefore
``one(out) / y`` and not ``1 / y``.
"""

from __future__ import annotations

import sys

from engine.modes import active, settle
from engine.scalars import elementary, one

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Samples = tuple[float, ...] | tuple[tuple[float, float], ...]


class Op:
    """One row of the table.

    Parameters
    ----------
    name : the method's name; the names in `OPERATORS` become Python operators as well
    symbol : what a picture shows, ``{c}`` stands for the constant
    forward : out as a formula of x, y and c
    dx, dy : ∂out/∂x and ∂out/∂y as formulas of x, y, out and c; a row without dy has one parent
    c : the default of the constant, where the row has one
    samples : points at which the tests check the partials, away from kinks
    kinks : points where the derivative is a convention, which `note` states
    ascii : micrograd's name for the op (its `_op`), where it differs from the symbol
    analytic : whether the complex step may check it
    """

    __slots__ = tuple("name symbol forward dx dy c samples kinks note ascii analytic _partials _result _bound".split())

    def __init__(
        self,
        name: str,
        symbol: str,
        forward: str,
        dx: str,
        dy: str | None = None,
        *,
        c: Any = None,
        samples: Samples,
        kinks: Samples = (),
        note: str = "",
        ascii: str = "",
        analytic: bool = True,
    ) -> None:
        if not name.isidentifier():
            raise ValueError(f"Op(name): expected an identifier, got {name!r}")
        self.name, self.symbol, self.forward, self.dx, self.dy = name, symbol, forward, dx, dy
        self.c, self.samples, self.kinks, self.note = c, samples, kinks, note
        self.ascii, self.analytic = ascii or symbol, analytic
        self._partials: Callable[..., tuple[Any, ...]] | None = None
        self._result: Callable[..., Any] | None = None
        self._bound: dict[Any, Op] = {}

    def __repr__(self) -> str:
        return f"Op({self.name!r}, {self.forward!r})"

    def __reduce__(self) -> Any:
        return _row, (self.name, self.c)

    def bind(self, c: Any) -> Op:
        """The row with the constant c: the same formulas, the constant in the symbol."""
        key = (c.__class__, c)
        bound = self._bound.get(key)
        if bound is None:
            symbol, ascii = self.symbol.format(c=c), self.ascii.format(c=c)
            bound = Op(self.name, symbol, self.forward, self.dx, c=c, samples=(), ascii=ascii, analytic=self.analytic)
            if len(self._bound) < 1000:  # sharing saves memory and is nothing more than that
                self._bound[key] = bound
        return bound

    def result(self, x: Any, y: Any = None) -> Any:
        """Out at the given numbers.

        >>> TABLE["div"].result(1.0, 4.0)
        0.25
        """
        if self._result is None:
            source = f"def result(x, y, c): return {self.forward}"
            self._result = compile_function(source, f"result of {self.name}", {})
        return self._result(x, y, self.c)

    def partials(self, x: Any, y: Any, out: Any) -> tuple[Any, ...]:
        """(∂out/∂x,) or (∂out/∂x, ∂out/∂y) at the given numbers or Values.

        >>> TABLE["div"].partials(1.0, 4.0, 0.25)
        (0.25, -0.0625)
        """
        if self._partials is None:
            texts = [self.dx] if self.dy is None else [self.dx, self.dy]
            source = f"def partials(x, y, out, c): return ({', '.join(texts)},)"
            self._partials = compile_function(source, f"partials of {self.name}", TABLE.on_values)
        return self._partials(x, y, out, self.c)


def _row(name: str, c: Any) -> Op:
    row = TABLE[name]
    return row if row.c is None else row.bind(c)


# The dunder pair of each row that is a Python operator.
OPERATORS: dict[str, tuple[str, ...]] = {
    "add": ("__add__", "__radd__"),
    "sub": ("__sub__", "__rsub__"),
    "mul": ("__mul__", "__rmul__"),
    "div": ("__truediv__", "__rtruediv__"),
    "neg": ("__neg__",),
    "abs": ("__abs__",),
}

_PAIRS = ((1.5, -2.25), (-0.5, 3.0), (0.75, 0.5))
_POINTS = (0.5, -2.0, 1.25)
_POSITIVE = (0.5, 2.0, 10.25)

# fmt: off
ROWS = (
    #  name        symbol     forward            ∂out/∂x                 ∂out/∂y
    Op("add",      "+",       "x + y",           "1",                    "1",                  samples=_PAIRS),
    Op("sub",      "−",       "x - y",           "1",                    "-1",                 samples=_PAIRS, ascii="-"),
    Op("mul",      "×",       "x * y",           "y",                    "x",                  samples=_PAIRS, ascii="*"),
    Op("div",      "÷",       "x / y",           "one(out) / y",         "-out / y",           samples=_PAIRS, ascii="/"),
    Op("pow",      "xʸ",      "pow(x, y)",       "y * pow(x, y - 1)",    "out * base_log(x)",
       samples=((1.5, -2.25), (0.5, 3.0), (2.0, 0.5)), ascii="**",
       note="∂/∂y is 0 at x = 0 and NaN at x < 0, where xʸ exists only for whole y"),
    Op("power",    "**{c}",   "pow(x, c)",       "c * pow(x, c - 1) if c else 0",              c=2, samples=_POINTS,
       note="a constant exponent 0 has derivative 0, at 0 too"),
    Op("neg",      "−",       "-x",              "-1",                                         samples=_POINTS, ascii="neg"),
    Op("abs",      "|x|",     "abs(x)",          "sign(x)",                                    samples=_POINTS,
       kinks=(0.0,), note="abs′(0) = 0", analytic=False),
    Op("exp",      "exp",     "exp(x)",          "out",                                        samples=_POINTS),
    Op("log",      "log",     "log(x)",          "one(out) / x",                               samples=_POSITIVE),
    Op("base_log", "log₊",    "base_log(x)",     "one(out) / x",                               samples=_POSITIVE,
       note="the logarithm in ∂xʸ/∂y: log(x), but 0 at x = 0 and NaN below"),
    Op("sqrt",     "√",       "sqrt(x)",         "one(out) / (2 * out)",                       samples=_POSITIVE),
    Op("sin",      "sin",     "sin(x)",          "cos(x)",                                     samples=_POINTS),
    Op("cos",      "cos",     "cos(x)",          "-sin(x)",                                    samples=_POINTS),
    Op("tanh",     "tanh",    "tanh(x)",         "1 - out * out",                              samples=(0.0, 0.5, -2.0)),
    Op("sigmoid",  "σ",       "sigmoid(x)",      "out * (1 - out)",                            samples=(0.0, 0.5, -2.0), ascii="sigmoid"),
    Op("softplus", "softplus", "softplus(x)",    "sigmoid(x)",                                 samples=(0.0, 0.5, -2.0)),
    Op("softsign", "softsign", "softsign(x)",    "one(out) / ((1 + abs(x)) * (1 + abs(x)))",   samples=_POINTS,
       kinks=(0.0,), note="softsign′(0) = 1; softsign″(0) = 0 by abs′(0) = 0", analytic=False),
    Op("relu",     "relu",    "relu(x)",         "step(x)",                                    samples=_POINTS,
       kinks=(0.0,), note="relu′(0) = 0", ascii="ReLU", analytic=False),
    Op("leaky_relu", "leaky_relu", "leaky_relu(x, c)", "step(x) + c * (1 - step(x))",          c=0.01, samples=_POINTS,
       kinks=(0.0,), note="leaky_relu′(0) = c", analytic=False),
    Op("maximum",  "max",     "maximum(x, y)",   "ge(x, y)",             "1 - ge(x, y)",       samples=_PAIRS,
       kinks=((1.5, 1.5),), note="on a tie the first operand gets the gradient", analytic=False),
    Op("minimum",  "min",     "minimum(x, y)",   "ge(y, x)",             "1 - ge(y, x)",       samples=_PAIRS,
       kinks=((1.5, 1.5),), note="on a tie the first operand gets the gradient", analytic=False),
    Op("step",     "step",    "step(x)",         "0",                                          samples=_POINTS,
       kinks=(0.0,), note="step(0) = 0; derivative 0 everywhere", analytic=False),
    Op("sign",     "sign",    "sign(x)",         "0",                                          samples=_POINTS,
       kinks=(0.0,), note="sign(0) = 0; derivative 0 everywhere", analytic=False),
    Op("ge",       "≥",       "ge(x, y)",        "0",                    "0",                  samples=_PAIRS,
       kinks=((1.5, 1.5),), note="1 where x ≥ y, else 0; derivative 0 everywhere", analytic=False),
)
# fmt: on


class _Source:
    """Gives linecache the source of a generated function where it asks the function's globals for it."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, name: str) -> str:
        return self.source


_sources: dict[tuple[str, str], str] = {}  # title, source → the file name of the compiled code


def _file_name(title: str, source: str) -> str:
    """A name of the source's own, under which tracebacks, pdb and inspect find its lines.

    linecache is not imported for it (that takes as long as all of engine): where it is loaded later, tracebacks and
    pdb come by `_Source`, and inspect from the next function on that is compiled.
    """
    if (title, source) not in _sources:
        count = sum(known == title for known, _ in _sources)
        _sources[title, source] = f"{title} ({count + 1})" if count else title
    linecache = sys.modules.get("linecache")
    if linecache is not None:
        for (_, text), name in _sources.items():
            if name not in linecache.cache:  # without a time of change: it is never looked for on disk
                linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    return _sources[title, source]


def compile_function(source: str, title: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """The one function that `source` defines; elementary functions that it calls are filled in."""
    scope = {"one": one, "abs": abs, "__name__": title, "__loader__": _Source(source), **scope}
    module = compile(source, _file_name(title, source), "exec")
    code = next(c for c in module.co_consts if hasattr(c, "co_names"))
    for name in code.co_names:
        if name not in scope and name not in _ATTRIBUTES:
            scope[name] = elementary(name)
    found: dict[str, Any] = {}
    exec(module, scope, found)
    return found[code.co_name]


_ATTRIBUTES = frozenset(
    "data grad label _adj _row _x _y _dx _dy __class__ bind NotImplemented ArithmeticError TypeError ValueError".split()
)


class Singular:
    """A partial that does not exist (√ at 0): the forward value stands, using the partial raises."""

    __slots__ = ("op", "at", "why")

    def __init__(self, op: Op, at: tuple[Any, ...], why: Exception) -> None:
        self.op, self.at, self.why = op, at, why

    def __rmul__(self, adjoint: Any) -> Any:
        raise ZeroDivisionError(f"{self.op.name} has no finite derivative at {self.at}: {self.why}")


def method_source(op: Op) -> str:
    """The source of the Value method that a row becomes: flat, one store per slot.

    The partial 1 is stored as None, so that the backward pass adds instead of multiplying.
    """
    binary = op.dy is not None
    lines = [f"def {op.name}(self{', other' if binary else '' if op.c is None else f', c={op.c!r}'}):"]
    if binary:
        refused = f"raise TypeError('{op.name}() of a Value and ' + given.__class__.__name__)"
        lines += [
            "    if other.__class__ is not Value:",
            "        given, other = other, operand(other, self)",
            f"        if other is NotImplemented: {'return other' if op.name in OPERATORS else refused}",
            "    y = other.data",
        ]
    lines += [
        "    x = self.data",
        f"    out = {op.forward}",
        "    node = new(Value)",
        "    node.data = out",
        "    node.grad = 0",
        "    node.label = ''",
        "    node._adj = None",
        f"    node._row = {'ROW' if op.c is None else 'ROW.bind(c)'}",
        "    node._x = self",
        *_store("_dx", op.dx, "(x, y)" if binary else "(x,)"),
        f"    node._y = {'other' if binary else 'None'}",
        *_store("_dy", op.dy or "None", "(x, y)"),
        "    if active: settle(node)",
        "    return node",
    ]
    return "\n".join(lines) + "\n"


def _store(slot: str, partial: str, at: str) -> list[str]:
    if partial == "1":
        partial = "None"
    if not ("/" in partial or "(" in partial):
        return [f"    node.{slot} = {partial}"]
    return [
        f"    try: node.{slot} = {partial}",
        f"    except (ArithmeticError, ValueError) as why: node.{slot} = Singular(ROW, {at}, why)",
    ]


class Table(dict[str, Op]):
    """The rows by name.  Adding a row gives `Value` its method."""

    value_class: Any = None

    @property
    def on_values(self) -> dict[str, Callable[..., Any]]:
        """The functions of a rule that are no rows, or not the row of their name, on Values."""
        value_class, number_pow = self.value_class, elementary("pow")

        def one_(x: Any) -> Any:
            return value_class(one(x.data)) if isinstance(x, value_class) else one(x)

        def pow_(x: Any, y: Any) -> Any:  # a constant exponent stays one: its derivative ends at 0
            return x**y if isinstance(x, value_class) else number_pow(x, y)

        return {"one": one_, "pow": pow_}

    def add(self, op: Op) -> Op:
        """Add a row and compile its method; a name that Value has already is refused.

        Raises
        ------
        ValueError
            The name is taken.
        """
        if op.name in self or hasattr(self.value_class, op.name):
            raise ValueError(f"Op(name): Value has {op.name!r} already")
        self[op.name] = op
        self._compile(op)
        return op

    def remove(self, name: str) -> None:
        """Take out a row that was added, and its method."""
        del self[name]
        delattr(self.value_class, name)

    def attach(self, value_class: Any, operand: Callable[..., Any]) -> None:
        """Give the Value class its methods (once, when it is defined)."""
        self.value_class, self.operand = value_class, operand
        for op in self.values():
            self._compile(op)

    def function(self, op: Op) -> Callable[..., Any]:
        """A row as a function on Values, without a place in the table or a method of Value.

        >>> from engine import Value
        >>> halve = TABLE.function(Op("halve", "½", "x / 2", "one(out) / 2", samples=(1.0,)))
        >>> halve(Value(3.0)).data
        1.5
        """
        scope = {"Value": self.value_class, "new": object.__new__, "operand": self.operand}
        scope |= {"ROW": op, "Singular": Singular, "active": active, "settle": settle}
        method = compile_function(method_source(op), f"engine op {op.name}", scope)
        method.__doc__ = f"{op.name}: out = {op.forward.format(c='c')}, ∂out/∂x = {op.dx}"
        method.__doc__ += f", ∂out/∂y = {op.dy}." if op.dy else "."
        method.__doc__ += f"  {op.note}." if op.note else ""
        method.__qualname__, method.__module__ = f"Value.{op.name}", "engine.value"
        return method

    def _compile(self, op: Op) -> None:
        method = self.function(op)
        names = OPERATORS.get(op.name, ())
        for name in (op.name, *names[:1]):
            setattr(self.value_class, name, method)
        if len(names) == 2:
            setattr(self.value_class, names[1], _reflected(method, self.operand))

    def markdown(self) -> str:
        """The table as the docs show it, in Markdown.

        >>> print(TABLE.markdown().splitlines()[4])
        | mul | × | x * y | y | x |  |
        """
        lines = ["| op | symbol | out | ∂out/∂x | ∂out/∂y | convention |", "|---|---|---|---|---|---|"]
        for op in self.values():
            cells = (op.name, op.symbol.format(c="c"), op.forward, op.dx, op.dy or "", op.note)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return "\n".join(lines)


def _reflected(method: Callable[..., Any], operand: Callable[..., Any]) -> Callable[..., Any]:
    def reflected(self: Any, other: Any) -> Any:
        other = operand(other, self)
        return other if other is NotImplemented else method(other, self)

    return reflected


TABLE = Table({op.name: op for op in ROWS})
