"""The source of numba's kernels, made from the op table's text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine import scalars
from engine.replay.numba_text import (
    _CHECKED,
    _CHECKED_POW,
    _NUMBA_BACKWARD,
    _NUMBA_BLOCKS_LANES,
    _NUMBA_BLOCKS_ONE,
    _NUMBA_FORWARD,
    _NUMBA_HEAD,
    _NUMBA_PASSES_LANES,
    _NUMBA_PASSES_ONE,
    _RUN_LANES,
    _RUN_ONE,
)
from engine.replay.python_kernels import reads

if TYPE_CHECKING:
    from engine.ops import Op
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.ops import Op
if TYPE_CHECKING:
    from typing import Any

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


def numba_source(rows: Sequence[Op], lanes: bool) -> str:
    """A module with `replay`, `go_back` and `sum_up` over the rows, kind i being rows[i], and the tables
    UNARY and BINARY of the elementary functions that they use.

    Raises
    ------
    ValueError
        A row calls what is no function of floats.
    """
    functions = _Functions()
    forward, backward = [], []
    for kind, op in enumerate(rows):
        texts = [op.dx] if op.dy is None else [op.dx, op.dy]
        head = [f"        elif kind == {kind}:", "            for each lane"]
        read = [line.replace("]", "@]") if "v[" in line else line for line in reads(op, [op.forward])]
        body = [*read, f"v[o@] = {functions.translate(op.forward)}"]
        forward += [*head, *(f"                {line}" for line in body)]
        read = [line.replace("]", "@]") if "v[" in line else line for line in reads(op, texts)]
        body = [*read, "g = adjoints[o@]"]
        for slot, text in zip("ab", texts, strict=False):
            part = "g" if text == "1" else f"g * ({functions.translate(text)})"
            body.append(f"adjoints[{slot}@] += {part}")
        backward += [*head, *(f"                {line}" for line in body)]
    parts = [_NUMBA_HEAD, *functions.sources, _NUMBA_BLOCKS_LANES if lanes else _NUMBA_BLOCKS_ONE]
    length = "    L = v.shape[1]" if lanes else ""
    run = _RUN_LANES if lanes else _RUN_ONE
    parts.append(_NUMBA_FORWARD.format(lanes=length, run=run.strip("\n"), cases="\n".join(forward)))
    length = length.replace("v.", "adjoints.")
    parts.append(_NUMBA_BACKWARD.format(lanes=length, cases="\n".join(backward)))
    parts.append(_NUMBA_PASSES_LANES if lanes else _NUMBA_PASSES_ONE)
    for title, names in (("UNARY", functions.unary), ("BINARY", functions.binary)):
        parts.append(f"{title} = {{{', '.join(f'{name!r}: {called}' for name, called in sorted(names.items()))}}}")
    text = "\n".join(parts) + "\n"
    each, index = ("for l in range(L):", ", l") if lanes else ("if True:", "")
    prelude, mark, kernels_text = text.partition("\n@fast\ndef forward(")
    return prelude + mark + kernels_text.replace("for each lane", each).replace("@]", f"{index}]")


class _Functions:
    """The elementary functions that rows call, as numba source: derived from `engine.scalars`."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.unary: dict[str, str] = {}
        self.binary: dict[str, str] = {}

    def translate(self, text: str) -> str:
        """A formula with ints as floats, and calls of checked functions."""
        import ast

        return ast.unparse(self._changed(ast.parse(text, mode="eval")))

    def _changed(self, tree: Any) -> Any:
        import ast

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
            self.sources.append(_CHECKED_POW)
            return known[name]
        own = scalars.ORDERED.get(name) or scalars.FLOATS.get(name)
        if own is None:
            python_function(name)  # or a refusal
            known[name] = f"math_{name}"
            if arity != 1:
                raise ValueError(f"{name}() with {arity} arguments is not known to the compiled kernels")
            self.sources.append(_CHECKED.format(name=name))
            return known[name]
        known[name] = f"own_{name}"
        import ast
        import inspect

        tree = ast.parse(inspect.getsource(own))
        (function,) = tree.body
        if not isinstance(function, ast.FunctionDef):
            raise ValueError(f"{name}(): no source")
        function.name, function.returns = known[name], None
        for argument in function.args.args:
            argument.annotation = None
        self.sources.append(f"\n@fast\n{ast.unparse(self._changed(tree))}\n")
        return known[name]
