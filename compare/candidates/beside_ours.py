"""Somebody's δ and ∂C/∂W of one sample beside the adjoints of our traced graph, in any arithmetic."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from compare.candidates.gradients import Gradients
from compare.comparison.rows import Pair
from compare.comparison.tracing import Traced, parameters, trace_network
from explicit import Network, bp1, bp2, bp3, bp4
from explicit.elementwise import Array, objects

Point = tuple[list[Array], list[Array], Array, Array]  # weights, biases, x, y


def draw(sizes: Sequence[int], number: Callable[[int], Any], samples: int = 1) -> Point:
    """A point of random numbers, as arrays of objects.

    number gets the number of inputs of the layer, 1 for biases, x and y.
    """

    def array(rows: int, columns: int, inputs: int = 1) -> Array:
        return objects((number(inputs) for _ in range(rows * columns)), (rows, columns))

    weights = [array(n, m, m) for m, n in pairwise(sizes)]
    return weights, [array(n, 1) for n in sizes[1:]], array(sizes[0], samples), array(sizes[-1], samples)


def adjoints(
    network: Network, weights: list[Array], biases: list[Array], x: Array, y: Array
) -> tuple[Gradients, Traced]:
    """The adjoints of z and W in the graph of the network's forward code, and the graph.

    The network lends its activations and its cost; the numbers are the arguments, of any kind.
    """
    leaves = parameters("w", weights), parameters("b", biases)
    traced = trace_network(network, *leaves, x, y)
    traced.cost.backward()
    nodes = Gradients(traced.zs, leaves[0])
    return nodes.map(lambda array: objects((v.grad for v in array.flat), array.shape)), traced


def pairs(theirs: Gradients, ours: Gradients, first: str = "z") -> list[Pair]:
    """Layer by layer, walking backward from the cost: δ (or ∂C/∂b, where `first` is "b"), then ∂C/∂W."""
    last = len(ours.deltas) - 1
    found = []
    for i in range(last, -1, -1):
        made_by = bp3.tag if first == "b" else bp1.tag if i == last else bp2.tag
        found.append(Pair(first, i + 2, made_by, theirs.deltas[i], ours.deltas[i]))
        found.append(Pair("w", i + 2, bp4.tag, theirs.nabla_w[i], ours.nabla_w[i]))
    return found
