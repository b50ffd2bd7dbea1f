"""Both sides run on the same numbers: the textbook's arrays, and the graphs of its samples."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.comparison.outcome import Outcome
from compare.comparison.rows import Misshapen, Pair
from compare.comparison.tracing import Traced, network_of, parameters, trace_mlp, trace_network
from compare.numbers.arithmetic import Arithmetic
from compare.referees.opinion import opinion
from engine.nn import MLP
from explicit import Backprop, Network
from explicit.elementwise import Array


def two_sides(
    network: Network | MLP,
    x: Any,
    y: Any,
    cost: Any,
    numbers: Arithmetic,
    progress: bool = False,
    referees: Sequence[str] = (),
) -> Outcome:
    """Run both sides. Arguments and errors: see `compare.comparing.compare`."""
    mlp = network if isinstance(network, MLP) else None
    if mlp:
        textbook = network_of(mlp, "quadratic" if cost is None else cost)
    elif not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit Network or an engine MLP, got {network!r:.60}")
    elif cost is not None:
        raise ValueError(f"cost: the network has its own, {network.cost.name!r}; it is given for an MLP only")
    else:
        textbook = network
    textbook = numbers.network(textbook)
    x, y = numbers.array("x", x), numbers.array("y", y)
    record = textbook.backprop(x, y)
    graphs = _of_mlp(mlp, textbook, numbers, x, y, progress) if mlp else _of_network(textbook, x, y, progress)
    opinions = [opinion(name, textbook, x, y, record.deltas) for name in referees]
    return Outcome(textbook, numbers, record, y, _pairs(record, graphs), opinions)


class _Graphs:
    """What the graphs of all samples hold after reverse mode: z, a and C and their adjoints, parameters' summed."""

    def __init__(self) -> None:
        self.samples: dict[str, list[list[list[Any]]]] = {q: [] for q in ("forward z", "forward a", "cost", "z", "a")}
        self.parameters: dict[str, list[Array]] = {}

    def take(self, traced: Traced) -> None:
        """Keep the numbers of one sample's graph, differentiated."""
        for quantity, arrays in (("z", traced.zs), ("a", traced.activations)):
            self.samples[quantity].append([[node.grad for node in array[:, 0]] for array in arrays])
            self.samples[f"forward {quantity}"].append([[node.data for node in array[:, 0]] for array in arrays])
        self.samples["cost"].append([[traced.cost.data]])

    def layers(self, quantity: str) -> list[Array]:
        """The arrays of one quantity, layer by layer, a column for each sample."""
        if quantity in self.parameters:
            return self.parameters[quantity]
        by_layer = zip(*self.samples[quantity], strict=True)
        return [_array([list(unit) for unit in zip(*samples, strict=True)]) for samples in by_layer]


def _of_network(network: Network, x: Array, y: Array, progress: bool) -> _Graphs:
    """The graphs that the network's own forward code makes on Values, sample after sample."""
    forward = network.in_contract_order()  # whatever matmul the explicit side uses
    weights, biases = parameters("w", network.weights), parameters("b", network.biases)
    graphs = _Graphs()
    for s in _samples(x.shape[1], progress):
        traced = trace_network(forward, weights, biases, x[:, s : s + 1], y[:, s : s + 1])
        traced.cost.backward()
        graphs.take(traced)
    graphs.parameters = {"w": [_grads(w) for w in weights], "b": [_grads(b) for b in biases]}
    return graphs


def _of_mlp(mlp: MLP, network: Network, numbers: Arithmetic, x: Array, y: Array, progress: bool) -> _Graphs:
    """The graphs that an MLP builds itself; the MLP is left as it was, whatever is raised."""
    graphs = _Graphs()
    before = [(p, p.data, p.grad) for p in mlp.parameters()]
    last_call = [(m, m.z) for layer in mlp.layers for m in (layer, *layer.neurons)]
    try:
        for p, data, _ in before:
            p.data, p.grad = numbers.convert(data), 0
        for s in _samples(x.shape[1], progress):
            traced = trace_mlp(network, mlp, x[:, s : s + 1], y[:, s : s + 1])
            traced.cost.backward()
            graphs.take(traced)
        for letter in "wb":
            graphs.parameters[letter] = [
                _array([[p.grad for p in (n.w if letter == "w" else [n.b])] for n in layer.neurons])
                for layer in mlp.layers
            ]
    finally:
        for p, data, gradient in before:
            p.data, p.grad = data, gradient
        for module, z in last_call:
            module.z = z
    return graphs


def _pairs(record: Backprop, graphs: _Graphs) -> list[Pair]:
    """The explicit result beside the graph's: forward z and a by layer, and C; backward for each layer a, z, b, w."""
    explicit = {
        "forward z": record.zs,
        "forward a": record.activations[1:],
        "cost": [record.costs[np.newaxis]],
        "a": record.nabla_a,
        "z": record.deltas,
        "b": record.nabla_b,
        "w": record.nabla_w,
    }
    theirs = {quantity: graphs.layers(quantity) for quantity in explicit}
    layers = range(2, len(record.deltas) + 2)
    order = [(quantity, i) for i in range(len(layers)) for quantity in ("forward z", "forward a")]
    order += [("cost", -1)]
    order += [(quantity, i) for i in reversed(range(len(layers))) for quantity in ("a", "z", "b", "w")]
    return [
        Pair(q, layers[i], record.made_by[i], _shaped(explicit[q][i], theirs[q][i].shape), theirs[q][i])
        for q, i in order
    ]


def _shaped(array: Array, expected: tuple[int, ...]) -> Array:
    """The array; in the place of one of another shape, one that says so everywhere."""
    return array if array.shape == expected else np.full(expected, Misshapen(array.shape, expected), dtype=object)


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
