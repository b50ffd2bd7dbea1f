"""The source of numba's kernels: the fixed part (`numba_text`), and a case for each op, made from the table's text.

A case has the row's formulas with ints as floats, and with functions that raise where Python's raise.
"""

from __future__ import annotations

import ast
import inspect
import math
from typing import TYPE_CHECKING

from engine import scalars
from engine.replay import numba_text
from engine.replay.python_kernels import reads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from engine.ops import Op


def row_key(op: Op) -> str:
    """What the kernels depend on in a row."""
    return f"{op.name}: {op.forward} | {op.dx} | {op.dy}"


def python_function(name: str) -> Callable[..., float]:
    """The function that `name` is for floats in plain Python.

    >>> python_function("sigmoid")(0.0)
    0.5
    """
    found = scalars.ORDERED.get(name) or scalars.FLOATS.get(name) or getattr(math, name, None)
    if found is None:
        raise ValueError(f"{name}() is no function of floats")
    return found


def numba_source(rows: Sequence[Op]) -> str:
    """A module with `replay`, `go_back` and `sum_up` over the rows, kind i being rows[i], and the tables
    UNARY and BINARY of the elementary functions that they use.

    Raises
    ------
    ValueError
        A row calls what is no function of floats.
    """
    functions = _Functions()
    forward, backward = "", ""
    for kind, op in enumerate(rows):
        partials = [op.dx] if op.dy is None else [op.dx, op.dy]
        forward += _case(kind, op, [op.forward], [f"v[o, l] = {functions.translate(op.forward)}"])
        adds = []
        for slot, text in zip("ab", partials, strict=False):
            part = "g" if text == "1" else f"g * ({functions.translate(text)})"
            adds.append(f"adjoints[{slot}, l] += {part}")
        backward += _case(kind, op, partials, ["g = adjoints[o, l]", *adds])
    parts = [numba_text.HEAD, *functions.sources, numba_text.BLOCKS, numba_text.FORWARD + forward]
    parts += [numba_text.BACKWARD + backward, numba_text.PASSES]
    for title, names in (("UNARY", functions.unary), ("BINARY", functions.binary)):
        parts.append(f"{title} = {{{', '.join(f'{name!r}: {called}' for name, called in sorted(names.items()))}}}")
    return "\n".join(parts) + "\n"


def _case(kind: int, op: Op, texts: list[str], lines: list[str]) -> str:
    """The branch of a loop over instructions that does one row in every lane."""
    read = [line.replace("]", ", l]") if "v[" in line else line for line in reads(op, texts)]
    body = "".join(f"                {line}\n" for line in [*read, *lines])
    return f"        elif kind == {kind}:\n            for l in range(L):\n{body}"


class _Functions:
    """The elementary functions that rows call, as numba source: derived from `engine.scalars`."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.unary: dict[str, str] = {}
        self.binary: dict[str, str] = {}

    def translate(self, text: str) -> str:
        """A formula with ints as floats, and calls of checked functions."""
        return ast.unparse(self._changed(ast.parse(text, mode="eval")))

    def _changed(self, tree: Any) -> Any:
        functions = self

        class Change(ast.NodeTransformer):
            def visit_Constant(self, node: ast.Constant) -> ast.AST:
                number = isinstance(node.value, int) and not isinstance(node.value, bool)
                return ast.Constant(float(node.value)) if number else node  # type: ignore[arg-type]

            def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
                self.generic_visit(node)
                if isinstance(node.op, ast.Pow):
                    return self._call(functions.called("pow", 2), [node.left, node.right])
                return node

            def visit_Call(self, node: ast.Call) -> ast.AST:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                arguments = [self.visit(argument) for argument in node.args]
                if name in ("one", "zero"):
                    return ast.Constant(1.0 if name == "one" else 0.0)
                if name == "lift":
                    return arguments[0]
                if name in ("abs", "isinf", "isnan"):
                    called = name if name == "abs" else f"math.{name}"
                else:
                    called = functions.called(name, len(arguments))
                return self._call(called, arguments)

            def _call(self, called: str, arguments: list[Any]) -> ast.AST:
                return ast.Call(ast.Name(called, ast.Load()), arguments, [])

        return ast.fix_missing_locations(Change().visit(tree))

    def called(self, name: str, arity: int) -> str:
        """The name in the kernel's module of a function, whose source is added when first asked for."""
        known = self.unary if arity == 1 else self.binary
        if name in known:
            return known[name]
        if name == "pow":
            known[name] = "checked_pow"
            self.sources.append(numba_text.CHECKED_POW)
            return known[name]
        own = scalars.ORDERED.get(name) or scalars.FLOATS.get(name)
        if own is None:
            python_function(name)  # or a refusal
            known[name] = f"math_{name}"
            if arity != 1:
                raise ValueError(f"{name}() with {arity} arguments is not known to the compiled kernels")
            self.sources.append(numba_text.CHECKED.format(name=name))
            return known[name]
        known[name] = f"own_{name}"
        tree = ast.parse(inspect.getsource(own))
        (function,) = tree.body
        if not isinstance(function, ast.FunctionDef):
            raise ValueError(f"{name}(): no source")
        function.name, function.returns = known[name], None
        for argument in function.args.args:
            argument.annotation = None
        self.sources.append(f"\n@fast\n{ast.unparse(self._changed(tree))}\n")
        return known[name]
