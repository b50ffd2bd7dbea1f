"""Checks of what callers pass in. Every error names the argument, what was expected and what was given."""

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex, TypeVar

import numpy as np

from explicit.elementwise import Array

Row = TypeVar("Row")


def real_array(name: str, value: Any) -> Array:
    """`value` as an array of the real numbers, or of the objects, that it holds, in their own dtype.

    Errors: TypeError for what holds no real numbers, ValueError for ragged rows.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: expected rows of equal length ({error})") from error
    if array.dtype.kind not in "fiubO":
        raise TypeError(f"{name}: expected real numbers, got an array of dtype {array.dtype}")
    return array


def number_array(name: str, value: Any) -> Array:
    """`value` as an array: object arrays as they are, other real numbers as float64. Errors: as `real_array`.

    >>> number_array("x", [[1, 2]])
    array([[1., 2.]])
    """
    array = real_array(name, value)
    return array if array.dtype.hasobject or array.dtype == np.float64 else array.astype(np.float64)


def finite(name: str, array: Array) -> None:
    """Refuse inf and NaN (in an object array: among its floats), naming the first position that has one."""
    if array.dtype.hasobject:
        good = np.array([not isinstance(v, float) or math.isfinite(v) for v in array.flat], dtype=bool)
    else:
        good = np.isfinite(array).ravel()
    if not good.all():
        position = np.unravel_index(int(np.argmin(good)), array.shape)
        where = ", ".join(str(index) for index in position)
        raise ValueError(f"{name}: expected finite numbers, got {name}[{where}] = {array[position]}")


def columns(name: str, value: Any, rows: int) -> Array:
    """`value` as a finite array of shape (rows, B) with B ≥ 1, one sample per column.

    Errors: TypeError or ValueError that name the argument and the shape expected.
    """
    array = number_array(name, value)
    expected = f"expected shape ({rows}, B), samples in columns"
    if array.ndim == 1:
        raise ValueError(f"{name}: {expected}, got {array.shape}; write one sample as a column ({array.size}, 1)")
    if array.ndim != 2 or array.shape[0] != rows:
        raise ValueError(f"{name}: {expected}, got {array.shape}")
    if array.shape[1] == 0:
        raise ValueError(f"{name}: {expected} with at least one sample, got {array.shape}")
    finite(name, array)
    return array


def samples(x: Any, y: Any, inputs: int, outputs: int) -> tuple[Array, Array]:
    """x as (inputs, B) and y as (outputs, B), with the same B. Errors: as `columns`."""
    x, y = columns("x", x, inputs), columns("y", y, outputs)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"y: expected {x.shape[1]} samples as in x, got {y.shape[1]}")
    return x, y


def whole(name: str, value: SupportsIndex, least: int, most: int | None = None) -> int:
    """`value` as an int from `least` to `most`. Errors: TypeError (no int), ValueError (range).

    >>> whole("epochs", 3, least=1)
    3
    """
    expected = f"an int ≥ {least}" if most is None else f"an int from {least} to {most}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected {expected}, got {value!r}")
    number = operator.index(value)
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name}: expected {expected}, got {number}")
    return number


def seed_number(seed: SupportsIndex) -> int:
    """`seed` as an int that numpy's RandomState accepts."""
    return whole("seed", seed, least=0, most=2**32 - 1)


def chosen(name: str, value: Any, kind: type[Row], known: Mapping[str, Row]) -> Row:
    """The row that `value` is, or is the name of. Errors: TypeError, ValueError that lists the known names."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        a = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{name}: expected a name or {a} {kind.__name__}, got {value!r}")
    if value not in known:
        raise ValueError(f"{name}: unknown name {value!r}; known: {', '.join(known)}")
    return known[value]


def layer_sizes(sizes: Sequence[SupportsIndex]) -> list[int]:
    """The units of each layer. Errors: TypeError or ValueError that name the argument `sizes`."""
    if isinstance(sizes, str) or not hasattr(sizes, "__len__") or len(sizes) < 2:
        raise ValueError(f"sizes: expected at least two layer sizes such as [2, 3, 1], got {sizes!r}")
    return [whole(f"sizes[{i}]", size, least=1) for i, size in enumerate(sizes)]


def parameters(name: str, value: Any, sizes: Sequence[int]) -> list[Array]:
    """`value` as a list of arrays in the shapes of the "weights" or "biases" of a network of these sizes.

    Errors: TypeError or ValueError that name the argument and the shape expected.
    """
    layers = len(sizes) - 1
    if not hasattr(value, "__len__") or len(value) != layers:
        given = f"{len(value)} items" if hasattr(value, "__len__") else repr(value)
        raise ValueError(f"{name}: expected {layers} arrays, one per layer of weights, got {given}")
    arrays = [number_array(f"{name}[{i}]", item) for i, item in enumerate(value)]
    for i, array in enumerate(arrays):
        expected = (sizes[i + 1], sizes[i] if name == "weights" else 1)
        if array.shape != expected:
            raise ValueError(f"{name}[{i}]: expected shape {expected}, got {array.shape}")
    return arrays


def floats(what: str, name: str, arrays: Sequence[Array]) -> None:
    """Refuse arrays that are not float64: TypeError that names what needs them, and the first such array."""
    for i, array in enumerate(arrays):
        if array.dtype != np.float64:
            raise TypeError(f"{what}: {name}[{i}]: expected float64, got dtype {array.dtype}")
