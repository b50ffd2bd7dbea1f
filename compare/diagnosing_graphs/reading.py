"""Reading somebody's graph of scalars: its nodes, their ops, and their parents in the order in which the op took them.

An op is read where the op table's formula gives the node's data.  Where it does not, `_op` names something
else, or data were changed after the forward pass (an update does that): such nodes, and all nodes that use a leaf
which one of them uses, are not judged.  What could not be read is kept with the reason.
"""

import math
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from compare.rounding.rules import U
from engine.ops import TABLE, Op, compile_function

_UNITS = {4: (2.0**-24, 2.0**-100), 2: (2.0**-11, 2.0**-10)}
"""By bytes of a float that is shorter than Python's: its unit roundoff, and what may be lost to underflow."""

_NAMES = {alias: row.name for row in TABLE.values() for alias in (row.ascii, row.symbol, row.name) if "{" not in alias}
_NAMES.update({"-": "sub", "x": "mul", "·": "mul", "leakyrelu": "leaky_relu", "truediv": "div", "ln": "log"})
del _NAMES["power"]  # without its exponent it says nothing
_SYMMETRIC = ("add", "mul", "maximum", "minimum")

MOVED = "the data, or those beside it, are not what the op gives"
"""Why a node is not judged whose data, or whose leaves' data, were changed after the forward pass."""


class ForeignGraph:
    """Somebody's graph.

    Attributes
    ----------
    nodes : in depth-first postorder (parents first)
    data, grad : by id, the floats that were found (a grad that nobody set is 0)
    parents : by id; for a known op in its order, with repeats (a + a has two)
    ops : by id, the rows of the op table; only nodes whose ops could be read are in it
    unread : by id, why the op of a node could not be read
    users : by id, the nodes that use a node, each once
    cut : whether an op has no parents, so that it may have used any node
    kept : whether the pass has left the grads that it passed on: some free those of all but the leaves
    unit, tiny : the unit roundoff of the shortest floats in the graph, and what may be lost to underflow
    bound : what a formula may be away from the student's: 64 roundings of numbers of its size, or of 1
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self.nodes: list[Any] = []
        self.data: dict[int, float] = {}
        self.grad: dict[int, float] = {}
        self.parents: dict[int, tuple[Any, ...]] = {}
        self.ops: dict[int, Op] = {}
        self.unread: dict[int, str] = {}
        self.unit, self.tiny = U, 2.0**-1000
        self._collect()
        passing = [self.grad[id(n)] for n in self.nodes if self.parents[id(n)]]
        self.kept = not passing or any(passing) or not any(self.grad.values())
        self.bound = 64 * self.unit
        for node in self.nodes:
            self._recognise(node)
        self._leave_out_what_moved()
        self.cut = any(not self.parents[i] for i in self.unread)
        self.users: dict[int, list[Any]] = {id(n): [] for n in self.nodes}
        for node in self.nodes:
            for parent in self.operands(node):
                self.users[id(parent)].append(node)

    def operands(self, node: Any) -> tuple[Any, ...]:
        """The parents, each once."""
        parents = self.parents[id(node)]
        return parents[:1] if len(parents) == 2 and parents[0] is parents[1] else parents

    def names(self, nodes: Iterable[Any]) -> tuple[str, ...]:
        """What to call nodes, each once."""
        return tuple(name_of(n, self.data[id(n)]) for n in {id(n): n for n in nodes}.values())

    def in_numbers(self, user: Any, node: Any, made: float, right: float) -> str:
        """One share: what a user's step passes to a node, and what is right."""
        (at,), (to,) = self.names([user]), self.names([node])
        found, expected = in_digits(made, right)
        return f"{self.ops[id(user)].name} at {at}: passes {found} to {to}, right is {expected}"

    def at(self, node: Any) -> tuple[float, float, float]:
        """x, y and out of a node's op, in the graph's own data."""
        parents = self.parents[id(node)]
        return self.data[id(parents[0])], self.data[id(parents[-1])], self.data[id(node)]

    def used_more_than_once(self, node: Any) -> bool:
        """Whether two edges or more come in at a node."""
        return sum(p is node for u in self.users[id(node)] for p in self.parents[id(u)]) > 1

    def used_twice_by_one(self, node: Any) -> bool:
        """Whether one op took a node as both of its operands."""
        return any(len(self.operands(u)) < len(self.parents[id(u)]) for u in self.users[id(node)])

    def _collect(self) -> None:
        seen: set[int] = set()
        stack = [(self.root, False)]
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
        lacking = [name for name in ("data", "grad", "_op") if not hasattr(node, name)]
        if not hasattr(node, "_prev") and not hasattr(node, "_children"):
            lacking.append("_prev")
        if lacking:
            kind = type(node).__name__
            raise TypeError(f"root: expected nodes with data, grad, _prev and _op; a {kind} lacks {lacking[0]}")
        data, grad = number(node.data), 0.0 if node.grad is None else number(node.grad)
        if data is None or not math.isfinite(data):
            raise ValueError(f"root: expected finite data, got {node.data!r:.40} at a node of op {node._op!r:.20}")
        if grad is None:
            raise TypeError(f"root: expected numbers as grad, got {node.grad!r:.40} at a node of op {node._op!r:.20}")
        self.data[id(node)], self.grad[id(node)] = data, grad
        self.parents[id(node)] = tuple(parents_of(node))
        for x in (node.data, node.grad):
            dtype = getattr(x, "dtype", None)
            size = 8 if getattr(dtype, "kind", "f") in "biu" else getattr(dtype, "itemsize", 8)
            self.unit, self.tiny = max((self.unit, self.tiny), _UNITS.get(size, (0.0, 0.0)))

    def _recognise(self, node: Any) -> None:
        parents, text = self.parents[id(node)], str(node._op)
        if not parents:
            if named(text, 1) or named(text, 2):
                self.unread[id(node)] = f"op {text!r} without parents"
            return
        op = named(text, len(parents))
        ordered = self._ordered(op, parents, node) if op else None
        if op is None:
            self.unread[id(node)] = f"op {text!r} is not known"
        elif ordered is None:
            self.unread[id(node)] = f"op {text!r}: its operands cannot be told from its parents"
        elif not ordered:
            self.unread[id(node)] = MOVED
        else:
            self.parents[id(node)], self.ops[id(node)] = ordered, op

    def _leave_out_what_moved(self) -> None:
        """Once one leaf was changed, others may have been that no data show: factors beside a 0."""
        moved = [n for n in self.nodes if self.unread.get(id(n)) == MOVED]
        leaves = {id(p) for n in moved for p in self.parents[id(n)] if not self.parents[id(p)]}
        for node in self.nodes if moved else ():
            parents = self.parents[id(node)] if id(node) in self.ops else ()
            hidden = len(parents) == 2 and self.ops[id(node)].name == "mul" and 0 in self.at(node)[:2]
            if any(id(p) in leaves or (hidden and not self.parents[id(p)]) for p in parents):
                del self.ops[id(node)]
                self.unread[id(node)] = MOVED

    def _ordered(self, op: Op, parents: tuple[Any, ...], node: Any) -> tuple[Any, ...] | None:
        """The parents as the op took them; () if it does not give the node's data; None if they cannot be told."""
        if op.dy is None:
            return None if len(parents) != 1 else parents if self._gives(op, parents, node) else ()
        if len(parents) == 1:
            # One in a set may have been two that were the same; a constant that is no node leaves one behind, too.
            twice = (*parents, *parents)
            return twice if unordered(node) and backward_step(node) and self._gives(op, twice, node) else None
        if len(parents) != 2:
            return None
        if op.name in _SYMMETRIC or not unordered(node):
            return parents if self._gives(op, parents, node) else ()
        fitting = [order for order in (parents, parents[::-1]) if self._gives(op, order, node)]
        return None if len(fitting) == 2 else fitting[0] if fitting else ()

    def _gives(self, op: Op, parents: tuple[Any, ...], node: Any) -> bool:
        x, y, out = (self.data[id(n)] for n in (parents[0], parents[-1], node))
        try:
            made = formula(op.forward)(x, y, out, op.c)[0]
        except (ArithmeticError, ValueError):
            return False
        return bool(abs(made - out) <= self.bound * (1 + abs(out)))


def number(value: Any) -> float | None:
    """A float, or None where value is no number."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def in_digits(a: float, b: float) -> tuple[str, str]:
    """Two numbers in as many digits as tell them apart, and six at least."""
    digits = next((d for d in range(6, 17) if f"{a:.{d}g}" != f"{b:.{d}g}"), 17)
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def name_of(node: Any, data: float) -> str:
    """A node's label, or its op and data."""
    label = getattr(node, "label", "") or ""
    return str(label) if label else f"{node._op or 'leaf'}({data:.4g})"


def backward_step(node: Any) -> Callable[[], Any] | None:
    """The node's own backward step, where it has one."""
    step = getattr(node, "_backward", None)
    return step if callable(step) else None


def parents_of(node: Any) -> Any:
    """A node's parents as it keeps them: a set is in no order, but stays in the one that it has."""
    return node._prev if hasattr(node, "_prev") else node._children


def unordered(node: Any) -> bool:
    """Whether a node has lost the order of the operands, and one of two that were the same."""
    return isinstance(parents_of(node), (set, frozenset))


def at_kink(op: Op, x: Any, y: Any) -> bool:
    """Whether the derivative of the op at this point is a convention."""
    return bool(op.kinks) and bool(x == y if op.dy is not None else x == 0)


def named(text: str, parents: int) -> Op | None:
    """The row of the op table behind `_op`, given the number of parents.

    >>> named("**-1", 1).c, named("-", 1).name, named("-", 2).name, named("mystery", 1)
    (-1, 'neg', 'sub', None)
    """
    power = re.fullmatch(r"(?:\*\*|\^|pow)\s*\(?(-?\d+(?:\.\d*)?(?:e-?\d+)?)\)?", text)
    if power:
        exponent = float(power[1])
        return TABLE["power"].bind(int(exponent) if exponent.is_integer() else exponent)
    name = _NAMES.get(text) or _NAMES.get(text.lower())
    if name == "sub" and parents == 1:
        name = "neg"
    return TABLE.get(name) if name else None


@cache
def formula(*texts: str) -> Callable[..., tuple[Any, ...]]:
    """Formulas of the op table as one function of x, y, out and c, for every type of number."""
    return compile_function(f"def values(x, y, out, c): return ({', '.join(texts)},)", "formula", {})
