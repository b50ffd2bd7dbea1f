"""The two sides of a training in lock-step: the replayed graph, and the textbook."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.rounding.ulp import identical
from engine import Value, record
from explicit import Network
from explicit.classes import accuracy
from explicit.elementwise import Array, objects
from explicit.fast.stepper import Stepper, flatten, unflatten
from explicit.sums import add_up


def cost_on_values(network: Network) -> Callable[[list[Value], list[Value]], Value]:
    """The network's forward code and cost as a function of scalars, for `engine.record`.

    Inputs: x, then y, of one sample; parameters: as `explicit.fast.stepper.flatten` lays them out.
    """
    forward = network.in_contract_order()

    def function(inputs: list[Value], parameters: list[Value]) -> Value:
        column, vector = objects(inputs, (len(inputs), 1)), objects(parameters, (len(parameters),))
        n = network.sizes[0]
        _, activations = forward.forward(column[:n], *unflatten(network.sizes, vector))
        (cost,) = forward.cost_per_sample(activations[-1], column[n:])
        if not isinstance(cost, Value):
            raise TypeError("network: its forward code does not run on Values")
        return cost

    return function


@dataclass
class Stretch:
    """What a side leaves of some updates: parameters after each compared one, costs, seconds."""

    parameters: Array
    costs: list[float]
    seconds: float


def first_difference(a: Stretch, b: Stretch) -> int | None:
    """The first comparison at which some bit differs."""
    p, q = a.parameters, b.parameters
    if np.array_equal(p.view(np.int64), q.view(np.int64)):
        return None
    same = identical(p, q).all(axis=1)  # a NaN equals a NaN, whatever its bits
    return None if same.all() else int(np.argmin(same))


class Side(ABC):
    """One of the two: it makes updates, and keeps its parameters after those that are compared."""

    parameters: Array

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self._kept = np.empty((0, 0))

    @abstractmethod
    def step(self, batch: Array, eta: float) -> float:
        """One update with the samples of a mini-batch; returns the sum of their costs before it."""

    def advance(self, batches: list[Array], kept: list[bool], eta: float) -> Stretch:
        """Some updates, timed; the next call overwrites what this one kept."""
        if len(self._kept) < sum(kept):
            self._kept = np.empty((sum(kept), len(self.parameters)))
        start = time.perf_counter()
        costs, place = [], 0
        for batch, keep in zip(batches, kept, strict=True):
            costs.append(self.step(batch, eta))
            if keep:
                self._kept[place] = self.parameters
                place += 1
        return Stretch(self._kept[:place], costs, time.perf_counter() - start)


class GraphSide(Side):
    """The side of the engine: the recorded graph, replayed over the lanes of a mini-batch."""

    def __init__(self, network: Network, rows: Array, compiled: bool | None, blocks: bool = True) -> None:
        super().__init__(rows)
        self.parameters = flatten(network)
        # One thread: the other core has the other side.
        self.tape = record(
            cost_on_values(network), rows[0], self.parameters, compiled=compiled, threads=1, blocks=blocks
        )
        self.tape.forward(rows[[0, 0]].T, self.parameters)  # kernels are there before a clock runs
        self.tape.backward(inputs=False)

    def step(self, batch: Array, eta: float) -> float:
        """One update with the samples of a mini-batch; returns the sum of their costs before it."""
        costs = self.tape.forward(self.rows[batch].T, self.parameters)
        nabla = np.asarray(self.tape.backward(inputs=False))
        with np.errstate(over="ignore", invalid="ignore"):
            nabla *= eta / len(batch)
            self.parameters -= nabla
        return float(add_up(costs.tolist()))


class ExplicitSide(Side):
    """The side of the textbook: BP1–BP4."""

    def __init__(self, network: Network, rows: Array, compiled: bool | None) -> None:
        super().__init__(rows)
        self.inputs, self.stepper = network.sizes[0], Stepper(network, compiled)
        self.parameters = self.stepper.parameters
        first = rows[[0, 0]]
        self.stepper.gradients(first[:, : self.inputs].T, first[:, self.inputs :].T)

    def step(self, batch: Array, eta: float) -> float:
        """One update with the samples of a mini-batch; returns the sum of their costs before it."""
        samples = self.rows[batch]
        return self.stepper.step(samples[:, : self.inputs].T, samples[:, self.inputs :].T, eta)

    def accuracy(self, x: Any, y: Any) -> float | None:
        """The fraction of samples whose class is the one in y; None where an output is NaN. Errors: as `accuracy`."""
        x = np.asarray(x, dtype=np.float64)
        outputs = np.concatenate([self.stepper.outputs(x[:, i : i + 500]) for i in range(0, x.shape[1], 500)], axis=1)
        return None if np.isnan(outputs).any() else accuracy(outputs, y)
