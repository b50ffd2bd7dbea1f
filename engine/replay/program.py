"""The instructions of a tape on *slots*: what every replay reads, in plain Python or compiled.

A slot holds one number per lane.  What is stored has one: inputs, constants, results of ops and
the ends of runs.  A parameter that is only a factor of a block has none: it is read where it is, and
its adjoint goes straight to its total.
"""

from __future__ import annotations

from array import array
from itertools import islice

from engine.replay.schedule import BLOCK, SUM, Fused, is_reached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from engine.replay.flat_graph import FlatGraph

Line = tuple[int, int, int, int, int]  # (kind, out, a, b, c): an instruction


class Program:
    """A scheduled graph as instructions.

    code : kind, out, a, b, c of one instruction after the other, flat; visited : those of the backward pass
    pairs : the factors of the runs, flat; constants : the constant numbers of rows such as ``power``
    blocks : (slots read, [(first parameter, start slot, out slot) per run])
    slots : how many there are; slot[id] is a node's, −1 for none
    loose : (parameter, its slot) for parameters that have one
    values : (slot, number) of the recorded constants
    silent : slots and parameters that no contribution reaches: their adjoint is 0
    guards : (comparison, left slot, right slot, answer)
    """

    def __init__(self, graph: FlatGraph, steps: list[Fused | int], touched: set[int]) -> None:
        self.graph = graph
        first, parameters = graph.inputs, graph.parameters
        in_blocks = bytearray(parameters)
        for step in steps:
            if isinstance(step, int):
                continue
            for weight in step.weights:
                in_blocks[weight - first : weight - first + len(step.read)] = b"\1" * len(step.read)
        own = set(range(first, first + parameters))
        used = own.intersection(graph.xs) | own.intersection(graph.ys) | own.intersection(graph.kept)
        loose = [i for i in range(parameters) if not in_blocks[i] and first + i in used]
        stored = [*range(first), *(first + i for i in loose), *range(first + parameters, graph.leaves)]
        slot = [-1] * (graph.leaves + len(graph.rows))  # a list is read faster than an array
        place = 0
        for step in (*stored, *steps):
            if isinstance(step, int):
                slot[step] = place
                place += 1
            else:
                for out in step.outs:
                    slot[out] = place
                    place += 1
        self.slots, self.root = place, slot[graph.root]
        self.loose = [(i, slot[first + i]) for i in loose]
        self.values = [(slot[first + parameters + i], number) for i, number in enumerate(graph.values)]
        self.guards = [(symbol, slot[x], slot[y], answer) for symbol, x, y, answer in graph.guards]
        untouched = [i for i in range(graph.leaves) if i not in touched and i != graph.root]
        self.silent_slots = [slot[i] for i in untouched if slot[i] >= 0]
        self.silent_parameters = [i - first for i in untouched if graph.is_parameter(i)]
        self.runs: dict[int, tuple[Fused, int, int]] = {}  # id of a product or sum in a run → step, run, pair
        self.constants: list[float] = []
        self.pairs = array("i")
        self.blocks: list[tuple[list[int], list[tuple[int, int, int]]]] = []
        self.code = array("i", self._written(steps, slot))
        self.slot = array("i", slot)
        self.visited = self.code
        if graph.reached < len(graph.rows):
            lines = zip(self.lines(), steps, strict=True)
            self.visited = array("i", [x for line, step in lines if is_reached(graph, step) for x in line])

    def lines(self, start: int = 0) -> Iterator[Line]:
        """The instructions, one by one."""
        return zip(*[islice(self.code, 5 * start, None)] * 5, strict=True)

    def _written(self, steps: list[Fused | int], slot: list[int]) -> list[int]:
        first, leaves = self.graph.inputs, self.graph.leaves
        rows, xs, ys, held = self.graph.rows, self.graph.xs, self.graph.ys, self.graph.held
        code: list[int] = []  # extended faster than an array
        places: dict[str, int] = {}
        for step in steps:
            if isinstance(step, int):
                i, place = step - leaves, 0
                y = ys[i]
                if step in held:
                    place = places.setdefault(held[step].hex(), len(places))
                    if place == len(self.constants):
                        self.constants.append(held[step])
                code.extend((rows[i], slot[step], slot[xs[i]], slot[y] if y >= 0 else 0, place))
                continue
            out = slot[step.outs[0]]
            for u, pairs in enumerate(step.pairs):
                for k, (node, _, _) in enumerate(pairs):
                    for inner in (node,) if step.kind == SUM else (node, node + 1):
                        self.runs[inner] = (step, u, k)
                        slot[inner] = slot[step.outs[u]]  # one adjoint for all of them
            if step.kind != BLOCK:
                begin = len(self.pairs) // 2
                for _, x, y in step.pairs[0]:
                    self.pairs.extend((slot[x], slot[y] if y >= 0 else 0))
                code.extend((step.kind, out, begin, len(self.pairs) // 2, slot[step.starts[0]]))
            else:
                firsts = [weight - first for weight in step.weights]
                starts, outs = [slot[i] for i in step.starts], [slot[i] for i in step.outs]
                code.extend((BLOCK, out, len(self.blocks), 0, 0))
                self.blocks.append(([slot[i] for i in step.read], list(zip(firsts, starts, outs, strict=True))))
        return code

    def describe(self, line: Iterable[int], v: Sequence[Any]) -> str:
        """An instruction in words, with its operands."""
        kind, _, a, b, k = line
        op = self.graph.ops[kind]
        operands = [v[a]] + ([] if op.dy is None else [v[b]]) + ([] if op.c is None else [self.constants[k]])
        return f"{op.name}({', '.join(map(repr, operands))})"
