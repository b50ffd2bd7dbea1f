"""Replay by numba (extra ``fast``): buffers, threads, and the calls of the compiled kernels.

They have the bits of plain Python: numba is not given ``fastmath``, and `kernel_store` checks its functions.

Threads (kernels let go of Python's lock) change no bit.  The passes over lanes are split by lane: no lane
reads another.  What parameters get, the sum over lanes, is added when all adjoints are there, and is split
by parameter: each total goes through all lanes in ascending order.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise

import numpy as np

from engine.replay.kernel_store import kernels
from engine.replay.plain import COMPARISONS, Plain
from engine.replay.program import Program
from engine.replay.schedule import BLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CHUNK = 32  # lanes that are replayed together: so many fit the cache
WORTHWHILE = 5_000_000  # operations × lanes, below which threads cost more than they save (about a millisecond)
THREADS = "DELTA_ADJOINT_THREADS"  # environment: how many threads replay lanes, unless the caller says it

_pool: list[ThreadPoolExecutor] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)  # threads are not inherited


def cores() -> int:
    """How many threads replay lanes by default: what the environment says, or the cores of this process.

    Errors: ValueError for an environment that says something else than a whole number from 1 on.
    """
    said = os.environ.get(THREADS)
    if said:
        if not (said.isdecimal() and int(said) >= 1):
            raise ValueError(f"{THREADS}: expected a whole number from 1 on, got {said!r}")
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(work: Callable[[int], None], parts: int) -> None:
    """work(0) … work(parts − 1) in as many threads, this one among them; an error is raised when all have ended."""
    if parts == 1:
        return work(0)
    if not _pool:
        _pool.append(ThreadPoolExecutor(thread_name_prefix="replay"))
    jobs = [_pool[0].submit(work, part) for part in range(1, parts)]
    try:
        work(0)
    finally:
        wait(jobs)
    for job in jobs:
        job.result()


class Compiled:
    """The replay by numba's kernels; the interface of `engine.replay.plain.Plain`.

    threads : how many replay lanes; None for `cores()`, where there is work enough
    """

    def __init__(self, program: Program, threads: int | None = None) -> None:
        self.program, self.threads = program, threads
        graph = program.graph
        self.module, kinds = kernels(program.graph.ops)
        self.code, self.visited = (_renumbered(table, kinds) for table in (program.code, program.visited))
        self.pairs = _table(program.pairs, 2)
        self.constants = np.array(program.constants or [0.0])
        blocks: list[tuple[int, ...]] = []
        read: list[int] = []
        rows: list[tuple[int, int]] = []
        offset = widest = tallest = 0
        offsets: dict[tuple[int, ...], int] = {}  # blocks that read the same have one copy of it
        for slots, lines in program.blocks:
            fresh = tuple(slots) not in offsets
            if fresh:
                offsets[tuple(slots)] = offset
                offset += len(slots)
            wanted = any(s >= graph.inputs for s in slots)  # else: inputs only
            stride = lines[1][0] - lines[0][0] if len(lines) > 1 else 0
            place = len(read), len(rows), offsets[tuple(slots)]
            blocks.append((len(lines), len(slots), lines[0][0], stride, *place, fresh, wanted))
            read += slots
            rows += [(start, out) for _, start, out in lines]
            widest = max(widest, len(slots) * len(lines))
            tallest = max(tallest, len(slots) + len(lines))
        self.blocks = np.array(blocks, dtype=np.int64).reshape(-1, 9)
        self.read = np.array(read, dtype=np.uint64)  # unsigned: the compiler need not allow for negative places
        self.rows = np.array(rows, dtype=np.int64).reshape(-1, 2)
        blocks_visited = self.visited[:, 0] == BLOCK
        self.summed = self.visited[blocks_visited, 2].astype(np.int64)  # blocks whose parameters have totals
        self.loose = np.array(program.loose, dtype=np.int64).reshape(-1, 2)
        self.copied, self.widest, self.tallest = offset, widest, tallest
        self.values = np.array([number for _, number in program.values])
        self.value_slots = np.array([slot for slot, _ in program.values], dtype=np.int64)
        self.silent_slots = np.array(program.silent_slots, dtype=np.int64)
        self.silent_parameters = np.array(program.silent_parameters, dtype=np.int64)
        self.guards = _by_comparison(program.guards)
        self._buffers: dict[Any, Any] = {}
        self.chunks: list[Any] = []
        self.parts = 1  # threads of the last pass
        self.plain: Plain | None = None  # after an error: the replay that explained it

    def lanes(self, inputs: Any) -> Any:
        """Inputs as `forward` takes them: the numbers of one sample, or an array (inputs,) or (inputs, B)."""
        x = np.asarray(inputs, dtype=np.float64)
        return x if x.ndim == 2 else x[:, None]

    def parameters(self, p: Any) -> Any:
        """Parameters as `forward` takes them."""
        return np.ascontiguousarray(p, dtype=np.float64)

    def forward(self, x: Any, p: Any) -> Any:
        """The root's data of each lane: x (inputs, B).  Errors: as `Plain.forward`."""
        self.p, self.x = p, x
        self._prepare(x)
        out = np.empty(self.edges[-1])

        def work(part: int) -> None:
            self.module.replay(
                part, self.parts, self.edges, x, out, self.program.root, self.code, self.pairs, self.constants,
                self.blocks, self.read, self.rows, self.loose, self.v, p, self.copies, *self.work[part],
            )  # fmt: skip

        try:
            at_once(work, self.parts)
        except (ArithmeticError, ValueError):
            self._in_plain_python()
            raise
        return out

    def _in_plain_python(self) -> Plain:
        """The forward pass in plain Python, which raises with the op, its operands and the lane."""
        self.plain = Plain(self.program)
        self.plain.forward(self.plain.lanes(self.x), self.p.tolist())
        return self.plain

    def _prepare(self, x: Any) -> None:
        """Buffers for x, kept for the next time; a chunk of lanes has a part of its own in v, adjoints and copies."""
        program = self.program
        self.plain = None
        count = x.shape[1]
        self.parts = min(self._threads(count), count)
        key = count, self.parts
        if key not in self._buffers:
            if len(self._buffers) > 4:  # a run has two shapes: the batch and the last, smaller one
                self._buffers.clear()
            chunks = -(-count // (CHUNK * self.parts)) * self.parts  # each thread has as many, of about one size
            edges = np.array([count * i // chunks for i in range(chunks + 1)])
            most = int(np.diff(edges).max())
            v, adjoints = np.empty(program.slots * count), np.empty(program.slots * count)
            work = [(np.empty(self.widest + 1), np.empty(self.tallest * (most + 1))) for _ in range(self.parts)]
            views = []
            for lo, hi in pairwise(edges.tolist()):
                part = slice(program.slots * lo, program.slots * hi)
                views.append([some[part].reshape(program.slots, hi - lo) for some in (v, adjoints)])
                views[-1][0][self.value_slots] = self.values[:, None]
            self._buffers[key] = edges, v, adjoints, np.empty(self.copied * count), work, views
        self.edges, self.v, self.adjoints, self.copies, self.work, self.chunks = self._buffers[key]

    def _threads(self, lanes: int) -> int:
        """How many threads replay so many lanes."""
        if lanes == 1 or self.threads == 1:
            return 1
        if self.threads is not None:
            return self.threads
        graph = self.program.graph
        return cores() if len(graph.rows) * lanes >= WORTHWHILE else 1

    def broken_guard(self) -> tuple[int, int] | None:
        """As `Plain.broken_guard`."""
        if self.plain is not None:
            return self.plain.broken_guard()
        for lo, (v, _) in zip(self.edges.tolist(), self.chunks, strict=False):
            for symbol, numbers, left, right, answers in self.guards:
                wrong = COMPARISONS[symbol](v[left], v[right]) != answers
                if wrong.any():
                    guard, lane = np.argwhere(wrong)[0]
                    return numbers[guard], lo + int(lane)
        return None

    def backward(self, seeds: Any, inputs: bool) -> Any:
        """As `Plain.backward`; the totals are a new array."""
        totals, starts = np.full(self.program.graph.parameters, -0.0), np.array(seeds)

        def work(part: int) -> None:
            self.module.go_back(
                part, self.parts, self.edges, starts, self.program.root, self.visited, self.pairs, self.constants,
                self.blocks, self.read, self.rows, self.v, self.p, self.adjoints, inputs, self.work[part][1],
                self.summed, self.loose, self.copies, totals,
            )  # fmt: skip

        def add_up(part: int) -> None:
            self.module.sum_up(
                part, self.parts, self.edges, self.summed, self.blocks, self.rows, self.loose, self.copies,
                self.adjoints, totals,
            )  # fmt: skip

        try:
            at_once(work, self.parts)
        except (ArithmeticError, ValueError):
            self._in_plain_python().backward(seeds, True)
            raise
        if self.parts > 1:
            at_once(add_up, self.parts)
        for _, adjoints in self.chunks:
            adjoints[self.silent_slots] = 0.0
        totals[self.silent_parameters] = 0.0
        return totals

    def data_at(self, slot: int) -> Any:
        """As `Plain.data_at`."""
        return np.concatenate([v[slot] for v, _ in self.chunks])

    def adjoint_at(self, slot: int) -> Any:
        """As `Plain.adjoint_at`."""
        return np.concatenate([adjoints[slot] for _, adjoints in self.chunks])


def _table(rows: Any, width: int) -> Any:
    return np.array(rows, dtype=np.int32).reshape(-1, width)


def _renumbered(code: Any, kinds: list[int]) -> Any:
    """The instructions, their ops numbered as the kernels number them."""
    table, known = _table(code, 5), np.array(kinds, dtype=np.int32)
    ops = table[:, 0] >= 0
    table[ops, 0] = known[table[ops, 0]]
    return table


def _by_comparison(guards: Any) -> list[Any]:
    found = []
    for symbol in COMPARISONS:
        mine = [(i, x, y, answer) for i, (s, x, y, answer) in enumerate(guards) if s == symbol]
        if mine:
            numbers, left, right, answers = zip(*mine, strict=True)
            found.append((symbol, numbers, list(left), list(right), np.array(answers)[:, None]))
    return found
