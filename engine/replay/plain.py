"""A recorded graph run in plain Python: what a replay is without numba, for one sample and over lanes."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from engine.replay.program import Line, Program
from engine.replay.python_kernels import Stopped, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

COMPARISONS = {
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


class Plain:
    """The replay in plain Python, lane after lane."""

    def __init__(self, program: Program) -> None:
        self.program = program
        kinds = program.code[::5]
        common = sorted(set(kinds), key=kinds.count, reverse=True)
        self._forward, self._backward = plain(program.graph.ops, common)
        self._pairs = _tuples(program.pairs, 2)
        self._lines: list[Line] | None = None  # as tuples, which are read faster; of the first forward
        self._reversed: list[Line] | None = None
        self.v: list[list[Any]] = []
        self.adjoints: list[list[float]] = []

    def lanes(self, inputs: Any) -> list[list[float]]:
        """Inputs as `forward` takes them: the numbers of one sample, or an array (inputs,) or (inputs, B)."""
        return [[float(x) for x in lane] for lane in (inputs.T if getattr(inputs, "ndim", 1) == 2 else [inputs])]

    def parameters(self, p: Any) -> list[float]:
        """Parameters as `forward` takes them."""
        return p if isinstance(p, list) else [float(x) for x in p]

    def forward(self, lanes: Sequence[Sequence[float]], p: Sequence[float]) -> list[float]:
        """The root's data of each lane; lanes: the inputs, lane by lane.

        Raises
        ------
        ArithmeticError, ValueError
            A formula has no result; the message names the op, its operands and the lane.
        """
        if self._lines is None:
            self._lines = list(self.program.lines())
        program = self.program
        self.v, self.p = [], p
        for x in lanes:
            v: list[Any] = [*x, *[None] * (program.slots - len(x))]
            self.v.append(v)
            for i, place in program.loose:
                v[place] = p[i]
            for place, number in program.values:
                v[place] = number
            try:
                self._forward(self._lines, self._pairs, program.blocks, program.constants, v, p)
            except Stopped as stop:
                what = program.describe(program.code[5 * stop.at : 5 * stop.at + 5], v)
                self._go_on(stop.at + 1, v)
                raise type(stop.error)(f"{what} in lane {len(self.v) - 1}: {stop.error}") from stop.error
        return [v[program.root] for v in self.v]

    def _go_on(self, at: int, v: list[Any]) -> None:
        """Fill what still can be filled: a guard may say why a formula failed."""
        program = self.program
        for line in program.lines(at):
            try:
                self._forward([line], self._pairs, program.blocks, program.constants, v, self.p)
            except (Stopped, TypeError):
                continue  # it fails too, or reads what failed

    def broken_guard(self) -> tuple[int, int] | None:
        """(guard, lane) of the first comparison that no longer holds, among those that were reached."""
        for lane, v in enumerate(self.v):
            for i, (symbol, left, right, answer) in enumerate(self.program.guards):
                if v[left] is None or v[right] is None:
                    continue
                if COMPARISONS[symbol](v[left], v[right]) != answer:
                    return i, lane
        return None

    def backward(self, seeds: Sequence[float], inputs: bool) -> list[float]:
        """The parameters' adjoints, summed over lanes in ascending order.

        Raises
        ------
        ZeroDivisionError
            A partial does not exist.
        """
        program = self.program
        if self._reversed is None:
            lines = self._lines if self._lines and program.visited is program.code else _tuples(program.visited, 5)
            self._reversed = lines[::-1]
        totals = [-0.0] * program.graph.parameters
        self.adjoints = []
        for lane, (v, seed) in enumerate(zip(self.v, seeds, strict=True)):
            adjoints = [-0.0] * program.slots
            adjoints[program.root] = seed
            arguments = (self._pairs, program.blocks, program.constants, v, self.p, adjoints, totals)
            try:
                self._backward(self._reversed, *arguments)
            except Stopped as stop:
                what = program.describe(self._reversed[stop.at], v)
                raise ZeroDivisionError(f"{what} in lane {lane} has no finite derivative: {stop.error}") from stop.error
            for i, place in program.loose:
                totals[i] += adjoints[place]
            for place in program.silent_slots:
                adjoints[place] = 0.0
            self.adjoints.append(adjoints)
        for i in program.silent_parameters:
            totals[i] = 0.0
        return totals

    def data_at(self, slot: int) -> list[float]:
        """A slot's number in each lane."""
        return [v[slot] for v in self.v]

    def adjoint_at(self, slot: int) -> list[float]:
        """A slot's adjoint in each lane."""
        return [adjoints[slot] for adjoints in self.adjoints]


def _tuples(flat: array[int], width: int) -> list[Any]:
    return list(zip(*[iter(flat)] * width, strict=True))
