"""What the last passes of a replay left: data and adjoints of every recorded node, by its id."""

from __future__ import annotations

from engine.replay.schedule import SUM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.replay.program import Program


class LastPass:
    """The numbers of the last forward pass, and of the backward pass after it.

    lanes : how many; 0 for one sample that came as plain numbers
    totals : the parameters' adjoints; None before `backward`
    with_inputs : whether the backward pass made the inputs' adjoints
    """

    def __init__(self, program: Program, replay: Any, p: Any, lanes: int) -> None:
        self.program, self.replay, self.p, self.lanes = program, replay, p, lanes
        self.totals: Any = None
        self.with_inputs = True

    def read(self, what: str, ids: list[int]) -> Any:
        """The "data" or "adjoints" of nodes: a list for one sample, else an array (len(ids), B).

        Raises
        ------
        RuntimeError
            There was no backward pass to read from, or it left out the inputs.
        """
        if what == "adjoints" and self.totals is None:
            raise RuntimeError("tape.adjoints: there was no backward pass")
        rows = [self._data(i) if what == "data" else self._adjoint(i) for i in ids]
        if not self.lanes:
            return [float(row[0]) for row in rows]
        import numpy

        return numpy.array(rows, dtype=numpy.float64).reshape(len(rows), self.lanes)

    def _in_every_lane(self, number: Any) -> list[float]:
        return [float(number)] * (self.lanes or 1)

    def _adjoint(self, i: int) -> Any:
        graph = self.program.graph
        if graph.is_parameter(i):
            return self._in_every_lane(self.totals[i - graph.inputs])
        if i < graph.inputs and not self.with_inputs:
            raise RuntimeError("tape.adjoints: backward(inputs=False) left out the inputs' adjoints")
        if i >= graph.leaves + graph.reached:
            return self._in_every_lane(0.0)
        return self.replay.adjoint_at(self.program.slot[i])

    def _data(self, i: int) -> Any:
        graph, run = self.program.graph, self.program.runs.get(i)
        if graph.is_parameter(i):
            return self._in_every_lane(self.p[i - graph.inputs])
        if run is None or i in run[0].outs:
            return self.replay.data_at(self.program.slot[i])
        return self._within_run(i, *run)

    def _within_run(self, i: int, step: Any, u: int, k: int) -> list[float]:
        """The data of a product or sum within a run: not stored, so computed again."""
        product, x, y = step.pairs[u][k]
        if step.kind == SUM:
            return self._sum_before(step, u, k + 1)
        products = [float(a * b) for a, b in zip(self._data(x), self._data(y), strict=True)]
        if i == product:
            return products
        return [float(s + p) for s, p in zip(self._sum_before(step, u, k), products, strict=True)]

    def _sum_before(self, step: Any, u: int, k: int) -> list[float]:
        total = self._data(step.starts[u])
        for _, x, y in step.pairs[u][:k]:
            xs = self._data(x)
            ys = [1.0] * len(xs) if step.kind == SUM else self._data(y)
            total = [float(s + a * b) for s, a, b in zip(total, xs, ys, strict=True)]
        return total
