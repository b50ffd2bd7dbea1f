"""Both sides run on the same numbers: δ of the textbook, adjoints of the graph."""

import sys
from typing import Any

import numpy as np

from compare.comparison.rows import Pair
from compare.comparison.tracing import Traced, parameters, trace_mlp, trace_network
from compare.numbers.arithmetic import Arithmetic
from engine.nn import MLP
from explicit import Backprop, Network
from explicit.elementwise import Array


class _Adjoints:
    """What reverse mode leaves in the graphs of all samples: z and a as (nₗ, B), parameters summed."""

    def __init__(self) -> None:
        self.samples: dict[str, list[list[list[Any]]]] = {"z": [], "a": []}
        self.parameters: dict[str, list[Array]] = {}

    def take(self, traced: Traced) -> None:
        for quantity, arrays in (("z", traced.zs), ("a", traced.activations)):
            self.samples[quantity].append([[node.grad for node in array[:, 0]] for array in arrays])

    def layers(self, quantity: str) -> list[Array]:
        if quantity in self.parameters:
            return self.parameters[quantity]
        by_layer = zip(*self.samples[quantity], strict=True)
        return [_array([list(unit) for unit in zip(*samples, strict=True)]) for samples in by_layer]


def from_traced(network: Network, x: Array, y: Array, progress: bool) -> _Adjoints:
    """The adjoints of the graphs that the network's own forward code makes on Values, sample after sample."""
    forward = network.in_contract_order()  # whatever matmul the explicit side uses
    weights, biases = parameters("w", network.weights), parameters("b", network.biases)
    adjoints = _Adjoints()
    for s in _samples(x.shape[1], progress):
        traced = trace_network(forward, weights, biases, x[:, s : s + 1], y[:, s : s + 1])
        traced.cost.backward()
        adjoints.take(traced)
    adjoints.parameters = {"w": [_grads(w) for w in weights], "b": [_grads(b) for b in biases]}
    return adjoints


def from_mlp(
    mlp: MLP, network: Network, numbers: Arithmetic, x: Array, y: Array, progress: bool
) -> _Adjoints:
    """The adjoints of the graphs that an MLP builds itself; the MLP is left as it was, whatever is raised."""
    adjoints = _Adjoints()
    before = [(p, p.data, p.grad) for p in mlp.parameters()]
    last_call = [(m, m.z) for layer in mlp.layers for m in (layer, *layer.neurons)]
    try:
        for p, data, _ in before:
            p.data, p.grad = numbers.convert(data), 0
        for s in _samples(x.shape[1], progress):
            traced = trace_mlp(network, mlp, x[:, s : s + 1], y[:, s : s + 1])
            traced.cost.backward()
            adjoints.take(traced)
        for letter in "wb":
            adjoints.parameters[letter] = [
                _array([[p.grad for p in (n.w if letter == "w" else [n.b])] for n in layer.neurons])
                for layer in mlp.layers
            ]
    finally:
        for p, data, gradient in before:
            p.data, p.grad = data, gradient
        for module, z in last_call:
            module.z = z
    return adjoints


def pairs_of(record: Backprop, adjoints: _Adjoints) -> list[Pair]:
    """Explicit result beside adjoint, walking backward from the cost: for each layer a, z, b, w."""
    explicit = {"a": record.nabla_a, "z": record.deltas, "b": record.nabla_b, "w": record.nabla_w}
    last = len(record.deltas) - 1
    return [
        Pair(quantity, i + 2, record.made_by[i], explicit[quantity][i], adjoints.layers(quantity)[i])
        for i in range(last, -1, -1)
        for quantity in ("a", "z", "b", "w")
    ]


def _grads(leaves: Array) -> Array:
    return _array([[node.grad for node in row] for row in leaves])


def _array(rows: list[list[Any]]) -> Array:
    """Rows of numbers as an array: float64 if all are floats, objects if not.  Nothing is converted."""
    floats = all(type(number) is float for row in rows for number in row)
    array = np.empty((len(rows), len(rows[0])), dtype=np.float64 if floats else object)
    for i, row in enumerate(rows):
        array[i, :] = row
    return array


def _samples(count: int, progress: bool) -> Any:
    if not progress:
        return range(count)
    from tqdm import tqdm

    return tqdm(range(count), unit="sample", desc="graphs", leave=False, file=sys.stderr)
