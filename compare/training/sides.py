"""The two sides of a training in lock-step: the replayed graph, and the textbook."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import Value, record
from explicit import Network
from explicit.elementwise import Array
from explicit.fast.stepper import Stepper, flatten, unflatten
from explicit.sums import add_up


def cost_on_values(network: Network) -> Callable[[list[Value], list[Value]], Value]:
    """The network's forward code and cost as a function of scalars, for `engine.record`.

    Inputs: x, then y, of one sample; parameters: as `explicit.fast.stepper.flatten` lays them out.
    """
    forward = network.in_contract_order()

    def function(inputs: list[Value], parameters: list[Value]) -> Value:
        column, vector = _objects(inputs).reshape(-1, 1), _objects(parameters)
        n = network.sizes[0]
        _, activations = forward.forward(column[:n], *unflatten(network.sizes, vector))
        (cost,) = forward.cost_per_sample(activations[-1], column[n:])
        if not isinstance(cost, Value):
            raise TypeError("network: its forward code does not run on Values")
        return cost

    return function


def _objects(values: list[Value]) -> Array:
    return np.fromiter(values, dtype=object, count=len(values))


class GraphSide:
    """The side of the engine: the recorded graph, replayed over the lanes of a mini-batch."""

    def __init__(self, network: Network, rows: Array, compiled: bool | None, blocks: bool = True) -> None:
        self.rows, self.parameters = rows, flatten(network)
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


class ExplicitSide:
    """The side of the textbook: BP1–BP4."""

    def __init__(self, network: Network, rows: Array, compiled: bool | None) -> None:
        self.rows, self.inputs = rows, network.sizes[0]
        self.stepper = Stepper(network, compiled)
        first = rows[[0, 0]]
        self.stepper.gradients(first[:, : self.inputs].T, first[:, self.inputs :].T)

    @property
    def parameters(self) -> Array:
        """All parameters, one after the other, as the stepper keeps them."""
        return self.stepper.parameters

    def step(self, batch: Array, eta: float) -> float:
        """One update with the samples of a mini-batch; returns the sum of their costs before it."""
        samples = self.rows[batch]
        return self.stepper.step(samples[:, : self.inputs].T, samples[:, self.inputs :].T, eta)


@dataclass
class Stretch:
    """What a side leaves of some updates: parameters after each compared one, costs, seconds."""

    parameters: Array
    costs: list[float]
    seconds: float


def advance(side: GraphSide | ExplicitSide, batches: list[Array], kept: list[bool], eta: float, into: Array) -> Stretch:
    """Some updates of one side, timed; the parameters after each kept one go into `into`."""
    start = time.perf_counter()
    costs, place = [], 0
    for batch, keep in zip(batches, kept, strict=True):
        costs.append(side.step(batch, eta))
        if keep:
            into[place] = side.parameters
            place += 1
    return Stretch(into[:place], costs, time.perf_counter() - start)


def accuracy(stepper: Stepper, x: Any, y: Any) -> float:
    """The fraction of samples whose largest output is the one of y; see `Network.accuracy`."""
    x, y = np.asarray(x), np.asarray(y)
    if not stepper.compiled:
        return stepper.network.accuracy(x, y)
    parts = [stepper.outputs(x[:, i : i + 500]) for i in range(0, x.shape[1], 500)]
    outputs = np.concatenate(parts, axis=1)
    found = np.argmax(outputs, axis=0) if len(outputs) > 1 else (outputs[0] >= 0.5).astype(np.int64)
    wanted = y if y.ndim == 1 else np.argmax(y, axis=0) if len(y) > 1 else (y[0] >= 0.5).astype(np.int64)
    return float(np.mean(found == wanted))
