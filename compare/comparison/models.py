"""A model's adjoints: its own forward code traced on Values, and one pass with all named nodes as anchors."""

from collections.abc import Mapping

import numpy as np

from engine import Value
from explicit.elementwise import Array, objects
from explicit.model import Model
from explicit.sums import add_up


def adjoints_of(model: Model, inputs: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """(adjoints by name of quantity, gradients by name of parameter), as reverse mode leaves them.

    Samples that do not meet have a graph each, differentiated in ascending order; else the batch has one graph.
    A node belongs to the first name under which it appears, and None stands at all others, and where there is no node.
    """
    parameters = {name: as_leaves(array) for name, array in model.parameters.items()}
    samples = next(iter(inputs.values())).shape[-1]
    parts = [slice(0, samples)] if model.couples else [slice(s, s + 1) for s in range(samples)]
    found: dict[str, list[Array]] = {}
    for part in parts:
        given = {n: a[..., part] if n in model.data else as_leaves(a[..., part]) for n, a in inputs.items()}
        values = model.forward(given, parameters)
        owner: dict[int, str] = {}
        for name, nodes in values.items():
            for node in nodes.flat:
                if isinstance(node, Value):
                    owner.setdefault(id(node), name)
        costs = add_up(values[f"{use.name}.C"] for use in model.uses if use.layer.is_cost)
        made = [node for name in values if name not in inputs for node in values[name].flat]
        add_up(costs).backward(after=[node for node in made if isinstance(node, Value)])
        for name, nodes in values.items():
            if name not in model.data:
                own = [node.grad if owner.get(id(node)) == name else None for node in nodes.flat]
                found.setdefault(name, []).append(objects(own, nodes.shape))
    joined = {name: np.concatenate(arrays, axis=-1) for name, arrays in found.items()}
    return joined, {name: objects((node.grad for node in a.flat), a.shape) for name, a in parameters.items()}


def both_sides(model: Model, inputs: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """δ beside adjoints, flat, for every quantity, and for each parameter as "∂C/∂name"; only where there is a node.

    The adjoint of a node that the cost does not depend on is the int 0.
    """
    record, (adjoints, gradients) = model.backprop(**inputs), adjoints_of(model, inputs)
    pairs = {name: (record.deltas[name], theirs) for name, theirs in adjoints.items()}
    pairs |= {f"∂C/∂{name}": (record.gradients[name], theirs) for name, theirs in gradients.items()}
    found = {}
    for name, (ours, theirs) in pairs.items():
        is_node = np.array([number is not None for number in theirs.flat], dtype=bool)
        found[name] = ours.ravel()[is_node], theirs.ravel()[is_node]
    return found


def as_leaves(array: Array) -> Array:
    """A Value for each number, in an array of objects."""
    return objects((Value(number) for number in array.ravel().tolist()), array.shape)
