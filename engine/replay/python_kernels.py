"""The replay kernels of plain Python, made from the op table's text.

A kernel walks a program of instructions (kind, out, a, b, c): an op reads the slots a and b and the
constant number c; a run (`engine.replay.schedule`) starts from slot c and adds the products of the pairs
a … b−1, a sum their first slots; a block has number a.  An op's case is the row's text as it is.

Adjoints start as −0.0, the one number that x + (−0.0) = x for every x, −0.0 included: so "the first
contribution is assigned" needs no case of its own.
"""

from __future__ import annotations

import math

from engine import scalars
from engine.ops import compile_function
from engine.replay.schedule import BLOCK, RUN, SUM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.ops import Op


_FORWARD = """
def forward(program, pairs, blocks, constants, v, p):
    done = 0
    try:
        for kind, o, a, b, k in program:
{cases}
            done += 1
    except (ArithmeticError, ValueError) as error:
        raise Stopped(done, error) from error
"""
_BACKWARD = """
def backward(program, pairs, blocks, constants, v, p, adjoints, totals):
    done = 0
    try:
        for kind, o, a, b, k in program:
{cases}
            done += 1
    except (ArithmeticError, ValueError) as error:
        raise Stopped(done, error) from error
"""
_RUN_FORWARD = """
total = v[k]
for i, j in pairs[a:b]:
    total = total + v[i] * v[j]
v[o] = total
"""
_RUN_BACKWARD = """
g = adjoints[o]
for i, j in reversed(pairs[a:b]):
    adjoints[i] += g * v[j]
    adjoints[j] += g * v[i]
adjoints[k] += g
"""
_SUM_FORWARD = """
total = v[k]
for i, _ in pairs[a:b]:
    total = total + v[i]
v[o] = total
"""
_SUM_BACKWARD = """
g = adjoints[o]
for i, _ in reversed(pairs[a:b]):
    adjoints[i] += g
adjoints[k] += g
"""
_BLOCK_FORWARD = """
read, rows = blocks[a]
for first, start, o in rows:
    total = v[start]
    for i in read:
        total = total + p[first] * v[i]
        first += 1
    v[o] = total
"""
_BLOCK_BACKWARD = """
read, rows = blocks[a]
for first, start, o in reversed(rows):
    g = adjoints[o]
    for w, i in enumerate(read, first):
        totals[w] += g * v[i]
        adjoints[i] += g * p[w]
for first, start, o in reversed(rows):
    adjoints[start] += adjoints[o]
"""


_FIXED_FORWARD = {RUN: _RUN_FORWARD, SUM: _SUM_FORWARD, BLOCK: _BLOCK_FORWARD}
_FIXED_BACKWARD = {RUN: _RUN_BACKWARD, SUM: _SUM_BACKWARD, BLOCK: _BLOCK_BACKWARD}


class Stopped(Exception):
    """A formula raised at instruction number `at`."""

    def __init__(self, at: int, error: Exception) -> None:
        super().__init__(str(error))
        self.at, self.error = at, error


def plain(rows: Sequence[Op], kinds: Sequence[int]) -> tuple[Callable[..., None], Callable[..., None]]:
    """(forward, backward) in plain Python; kinds: the instruction kinds that occur, the commonest first.

    forward(program, pairs, blocks, constants, v, p) fills the slots v of one sample;
    backward(…, adjoints, totals) adds to the slots' adjoints and to the totals of block parameters.
    """
    scope = {"Stopped": Stopped, "one": lambda x: 1.0, "reversed": reversed, "enumerate": enumerate}
    for name in dir(math):
        scope[name] = getattr(math, name)
    scope |= scalars.FLOATS | scalars.ORDERED
    functions = []
    for source, title, fixed, op_case in (
        (_FORWARD, "replay forward", _FIXED_FORWARD, _plain_forward),
        (_BACKWARD, "replay backward", _FIXED_BACKWARD, _plain_backward),
    ):
        cases, word = [], "if"
        for kind in kinds:
            body = fixed[kind] if kind < 0 else op_case(rows[kind])
            cases += [f"{word} kind == {kind}:", *(f"    {line}" for line in body.strip().splitlines())]
            word = "elif"
        text = "\n".join(" " * 12 + line for line in cases or ["pass"])
        functions.append(compile_function(source.format(cases=text).lstrip(), title, dict(scope)))
    return functions[0], functions[1]


def reads(op: Op, texts: Sequence[str]) -> list[str]:
    """Lines that give x, y, out and c their values, those that the texts name."""
    named = {name for text in texts for name in compile(text, op.name, "eval").co_names}
    places = {"x": "x = v[a]", "y": "y = v[b]", "out": "out = v[o]", "c": "c = constants[k]"}
    return [line for name, line in places.items() if name in named]


def _plain_forward(op: Op) -> str:
    return "\n".join([*reads(op, [op.forward]), f"v[o] = {op.forward}"])


def _plain_backward(op: Op) -> str:
    texts = [op.dx] if op.dy is None else [op.dx, op.dy]
    lines = [*reads(op, texts), "g = adjoints[o]"]
    for slot, text in zip("ab", texts, strict=False):
        lines.append(f"adjoints[{slot}] += g" if text == "1" else f"adjoints[{slot}] += g * ({text})")
    return "\n".join(lines)
