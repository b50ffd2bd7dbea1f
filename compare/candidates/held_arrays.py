"""Where an object keeps its arrays: under which attributes, list items and dictionary keys."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from explicit.elementwise import Array

_CLOSED = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType)


@dataclass(frozen=True, eq=False)
class HeldArray:
    """An array at ``container[key]``; `path` is how one writes it, `layers[0].W`."""

    container: Any
    key: Any
    path: str
    array: Array

    @property
    def is_parameter(self) -> bool:
        """Whether it hangs in the attributes `weights` or `biases` themselves."""
        return self.path.partition("[")[0] in ("weights", "biases")


def held_arrays(thing: Any) -> Iterator[HeldArray]:
    """Every array that an object holds, in lists, dictionaries and objects to any depth.

    >>> class Layer:
    ...     pass
    >>> layer = Layer(); layer.W = np.zeros((1, 2)); layer.inputs = [np.ones(2)]
    >>> [place.path for place in held_arrays(layer)]
    ['W', 'inputs[0]']
    """
    waiting: list[tuple[Any, str]] = [(thing, "")]
    seen: dict[int, Any] = {}  # the things themselves too, so that no id is used again
    while waiting:
        holder, path = waiting.pop()
        if id(holder) in seen or isinstance(holder, _CLOSED):
            continue
        seen[id(holder)] = holder
        for container, key, item, name in _items(holder, path):
            if isinstance(item, np.ndarray) and item.dtype != object:
                yield HeldArray(container, key, name, item)
            else:
                waiting.append((item, name))


def _items(holder: Any, path: str) -> list[tuple[Any, Any, Any, str]]:
    if isinstance(holder, dict):
        return [(holder, key, item, f"{path}[{key!r}]") for key, item in holder.items()]
    if isinstance(holder, (list, tuple)):
        return [(holder, i, item, f"{path}[{i}]") for i, item in enumerate(holder)]
    attributes = getattr(holder, "__dict__", {})
    dot = "." if path else ""
    return [(attributes, name, item, f"{path}{dot}{name}") for name, item in attributes.items()]


def copies(thing: Any, arrays: list[Array]) -> list[HeldArray]:
    """The places, outside `weights` and `biases`, that repeat the numbers of one of `arrays`.

    Transposed or not; an array of zeros repeats nothing.  The very arrays are none, except in a tuple, where
    nothing else can be put in their place.
    """
    return [
        place
        for place in held_arrays(thing)
        if not place.is_parameter and place.array.any() and any(_repeats(place, array) for array in arrays)
    ]


def _repeats(place: HeldArray, array: Array) -> bool:
    if place.array is array:
        return isinstance(place.container, tuple)
    return any(place.array.shape == form.shape and bool((place.array == form).all()) for form in (array, array.T))
