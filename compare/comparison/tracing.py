"""The graph of a network: its own forward code, run on arrays of Values.

Operator-overloading AD has always done so.  Nothing here knows an equation of a layer: the z nodes
are the entries of the z arrays that the forward code made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import Value
from engine.nn import MLP
from engine.notation import symbol
from explicit import ACTIVATIONS, Network
from explicit.elementwise import Array, objects


@dataclass(frozen=True, eq=False)
class Traced:
    """The nodes of one sample: z and a per layer (from layer 2 on, columns), and the cost."""

    zs: list[Array]
    activations: list[Array]
    cost: Value


def as_values(numbers: Array, label: Callable[..., str] | None = None) -> Array:
    """An array of leaves with the numbers of an array; label gets the indices, counted from 1.

    >>> as_values(np.array([[0.5]]), lambda j, k: f"w{j}{k}")[0, 0]
    Value(data=0.5, grad=0, label='w11')
    """
    data = numbers.ravel().tolist() if numbers.dtype != object else list(numbers.ravel())
    places = np.ndindex(numbers.shape)
    leaves = (
        Value(number, label(*(i + 1 for i in place)) if label else "")
        for number, place in zip(data, places, strict=True)
    )
    return objects(leaves, numbers.shape)


def parameters(letter: str, arrays: list[Array]) -> list[Array]:
    """Weights or biases as arrays of leaves, labelled w²₁₁ … or b²₁ …."""
    return [as_values(array, _labeller(letter, layer)) for layer, array in enumerate(arrays, start=2)]


def _labeller(letter: str, layer: int | None) -> Callable[..., str]:
    # A column's second index is always 1 and is left out; a weight has two.
    return lambda j, k: symbol(letter, layer, j, k) if letter == "w" else symbol(letter, layer, j)


def trace_network(network: Network, weights: list[Array], biases: list[Array], x: Array, y: Array) -> Traced:
    """The graph of one sample: x and y are columns of numbers, weights and biases arrays of leaves."""
    inputs, targets = as_values(x, _labeller("a", 1)), as_values(y, _labeller("y", None))
    zs, activations = network.forward(inputs, weights, biases)
    return _labelled(network, zs, activations[1:], targets)


def trace_mlp(network: Network, mlp: MLP, x: Array, y: Array) -> Traced:
    """The graph that an MLP itself builds for one sample, with the network's cost on top."""
    inputs, targets = as_values(x, _labeller("a", 1)), as_values(y, _labeller("y", None))
    zs, activations, out = [], [], list(inputs[:, 0])
    for layer in mlp.layers:
        out = layer.outputs(out)
        zs.append(objects(layer.z, (len(layer.z), 1)))
        activations.append(objects(out, (len(out), 1)))
    return _labelled(network, zs, activations, targets)


def _labelled(network: Network, zs: list[Array], activations: list[Array], targets: Array) -> Traced:
    (cost,) = network.cost_per_sample(activations[-1], targets)
    cost.label = "C"
    for letter, arrays in (("a", activations), ("z", zs)):  # z last: the identity's a is z itself
        for layer, array in enumerate(arrays, start=2):
            for unit, node in enumerate(array[:, 0], start=1):
                node.label = symbol(letter, layer, unit)
    return Traced(zs, activations, cost)


def network_of(mlp: MLP, cost: Any = "quadratic") -> Network:
    """An explicit Network with the sizes, activations and (copied) parameters of an MLP.

    Raises
    ------
    ValueError
        A layer's activation has no equation in `explicit`, or its neurons have different ones.
    """
    names = [layer.neurons[0].activation for layer in mlp.layers]
    for i, (layer, name) in enumerate(zip(mlp.layers, names, strict=True), start=2):
        if any(neuron.activation != name for neuron in layer.neurons):
            raise ValueError(f"network: the neurons of layer {i} have different activations")
    unknown = [name for name in names if name not in ACTIVATIONS]
    if unknown:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"network: activation {unknown[0]!r} has no textbook side; known: {known}")
    sizes = [len(mlp.layers[0].neurons[0].w), *(len(layer.neurons) for layer in mlp.layers)]
    network = Network(sizes, activation=names, cost=cost)
    # Items and not the properties: an MLP that has diverged can be compared too.
    network.weights[:] = [numbers([n.w for n in layer.neurons]) for layer in mlp.layers]
    network.biases[:] = [numbers([[n.b] for n in layer.neurons]) for layer in mlp.layers]
    return network


def numbers(rows: list[list[Value]]) -> Array:
    """The data of rows of Values as an array: float64, or objects where it is no float or int."""
    data = [[v.data for v in row] for row in rows]
    plain = all(isinstance(d, (int, float)) for row in data for d in row)
    return np.array(data, dtype=np.float64 if plain else object)
