"""Running one backward step of somebody's graph, on exact numbers.

A step does to each parent: grad ← grad + loose + partial · out.grad.  It is right if loose is 0 and partial is
∂out/∂parent.  Four runs show all of it, exactly: grads that were not 0 before tell `=` from `+=`, two values of
out.grad tell what it multiplies from what is added without it, and the last run confirms that there is nothing else.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from compare.diagnosing_graphs.reading import ForeignGraph, backward_step
from compare.numbers.field import Functions, Residue
from compare.numbers.rational import Rational
from engine.ops import Op


@dataclass(frozen=True)
class Effect:
    """What a backward step does to one parent: grad ← grad + loose + partial · out.grad; no "grad +" if it assigns.

    slack : how far the student's own floats may be from loose and partial
    size : of loose and partial, as a float
    """

    partial: Any
    loose: Any = 0
    assigns: bool = False
    slack: float = 0.0
    size: float = 0.0

    @property
    def chain_forgotten(self) -> bool:
        """Whether something is added, and out.grad is no factor of it."""
        return bool(self.partial == 0 and self.loose != 0)


class Rationals:
    """Random positive rationals, of the size of 1."""

    name = "rational"

    def __init__(self) -> None:
        self._random = random.Random(0)

    def random(self) -> Rational:
        """A number that is in no graph by chance."""
        return Rational(self._random.randrange(2**28, 2**31), self._random.randrange(2**29, 2**30))

    def exact(self, value: Any) -> Rational:
        """A student's number, a float as the ratio that it is."""
        return Rational(value)

    def points(self, op: Op) -> list[tuple[Any, Any]]:
        """Data on both sides of 0 and of each other, and the kinks."""
        if op.name == "power" and abs(op.c) > 64:
            return []  # the digits of xⁿ would be many: a field has no such trouble
        low, high = sorted((self.random(), self.random()), key=Rational.to_float)
        pairs = [(low, high), (high, low), (-low, high), (low, -high), (-high, -low)]
        return pairs + [(low * 0 if op.dy is None else low, low)] * bool(op.kinks)


class Field:
    """Random elements of GF(2⁶¹ − 1), with exp a random function."""

    name = "finite field"

    def __init__(self) -> None:
        self._functions = Functions(0)

    def random(self) -> Residue:
        """A uniform element."""
        return self._functions.variable()

    def exact(self, value: Any) -> Residue:
        """A student's number, a float as the ratio that it is."""
        return Residue(value, self._functions)

    def points(self, op: Op) -> list[tuple[Any, Any]]:
        """Random pairs."""
        return [(self.random(), self.random()) for _ in range(3)]


@contextmanager
def unchanged(nodes: Iterable[Any]) -> Iterator[None]:
    """Whatever happens to data and grad of these nodes, afterwards they are the same objects as before."""
    before = [(n, name, getattr(n, name)) for n in nodes for name in ("data", "grad")]
    try:
        yield
    finally:
        for node, name, value in before:
            if getattr(node, name) is not value:
                with suppress(AttributeError):  # read-only, with a new object at each reading: it was not changed
                    setattr(node, name, value)


def observed(
    graph: ForeignGraph, node: Any, arithmetic: Any, data: Iterable[tuple[Any, Any]] = ()
) -> list[Effect] | None:
    """What the node's step does to each of its operands; None if it cannot be run, or does something else.

    data : (node, number) pairs to put in before; without them the graph's own stay
    """
    step, operands, random_number = backward_step(node), graph.operands(node), arithmetic.random
    if step is None:
        return None

    def run(before: list[Any], out_grad: Any) -> list[Any]:
        with unchanged((node, *operands)):
            for n, x in data:
                _put(n, "data", x)
            for n, x in zip((*operands, node), (*before, out_grad), strict=True):
                _put(n, "grad", x)
            step()
            return [arithmetic.exact(n.grad) for n in operands]

    befores = [[random_number() for _ in operands] for _ in range(3)]
    out_grads = [random_number() for _ in range(3)]
    try:
        first, second = run(befores[0], out_grads[0]), run(befores[1], out_grads[0])
        third, last = run(befores[0], out_grads[1]), run(befores[2], out_grads[2])
        effects = []
        for i in range(len(operands)):
            kept = (second[i] - first[i]) / (befores[1][i] - befores[0][i])
            partial = (third[i] - first[i]) / (out_grads[1] - out_grads[0])
            loose = first[i] - kept * befores[0][i] - partial * out_grads[0]
            again = kept * befores[2][i] + partial * out_grads[2] + loose
            if not (kept == 0 or kept == 1) or last[i] != again:
                return None
            effects.append(Effect(partial, loose, bool(kept == 0)))
    except Exception:
        return None  # somebody's code, on numbers that it does not expect, may raise anything
    return effects


def _put(node: Any, name: str, value: Any) -> None:
    setattr(node, name, value)
    if getattr(node, name) is not value:
        raise TypeError(f"{name} does not hold a {type(value).__name__}")
