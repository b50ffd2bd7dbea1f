"""Numbers that a caller gave to a recording or a replay, read as the floats that they are."""

from __future__ import annotations

from engine.scalars import is_lanes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def sequence(values: Any, name: str, where: str = "record", expected: str = "a sequence of numbers") -> list[Any]:
    """The values in a list, or a TypeError that names the argument."""
    try:
        return list(values)
    except TypeError:
        raise TypeError(f"{where}({name}): expected {expected}, got {type(values).__name__} {values!r:.60}") from None


def numbers(values: Any, name: str, where: str = "record") -> list[float]:
    """The values as the floats that they are; a TypeError names the first that is none."""
    return [number(x, f"{name}[{i}]", where) for i, x in enumerate(sequence(values, name, where))]


def number(x: Any, name: str, where: str = "record") -> float:
    """x as the float that it is, or a TypeError that names the argument."""
    if x.__class__ is float:
        return x
    if isinstance(x, bool) or is_lanes(x) or not (isinstance(x, (int, float)) or hasattr(x, "dtype")):
        raise TypeError(f"{where}({name}): a tape holds float64 numbers, got {type(x).__name__} {x!r:.60}")
    near = float(x)
    if near != x and x == x:
        raise TypeError(f"{where}({name}): no float is equal to {x!r:.60}")
    return near


def checked_dtype(array: Any, name: str) -> Any:
    """The array, if it holds real numbers that a float64 holds.

    Raises
    ------
    TypeError
        It holds others.
    """
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(f"tape.forward({name}): expected real numbers, got dtype {array.dtype}")
    return array


def replay_inputs(inputs: Any, count: int, where: str) -> tuple[Any, bool]:
    """Numbers of one sample, or an array of lanes, and which of the two.

    Raises
    ------
    TypeError, ValueError
        They are no such numbers; the shape is not that of the recording at `where`.
    """
    shape = getattr(inputs, "shape", None)
    if shape is None:
        inputs = numbers(inputs, "inputs", "tape.forward")
        got: Any = len(inputs)
        right = got == count
    else:
        checked_dtype(inputs, "inputs")
        got = shape
        right = len(shape) in (1, 2) and shape[0] == count and 0 not in shape[1:]
    if not right:
        expected = f"expected {count} numbers, or an array ({count}, B)"
        raise ValueError(f"tape.forward(inputs): {expected} as recorded from {where}, got {got}")
    return inputs, shape is not None and len(shape) == 2


def replay_parameters(parameters: Any, count: int, where: str) -> Any:
    """One number per parameter.  Errors: as `replay_inputs`."""
    shape = getattr(parameters, "shape", None)
    if shape is None:
        parameters = numbers(parameters, "parameters", "tape.forward")
    got = len(parameters) if shape is None else shape
    if got not in (count, (count,)):
        raise ValueError(f"tape.forward(parameters): expected {count} numbers as recorded from {where}, got {got}")
    return parameters if shape is None else checked_dtype(parameters, "parameters")
