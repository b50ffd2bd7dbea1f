"""A candidate's results read as gradients: copied, checked, in one form."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from compare.candidates.user_lines import Line, causes
from compare.numbers.field import NoOrder
from explicit import checks
from explicit.elementwise import Array, objects

Lift = Callable[[Any], Any]  # a constant among exact numbers, as one of them


@dataclass(frozen=True, eq=False)
class Gradients:
    """What a backpropagation returns for one sample: δ², …, δᴸ, each (nₗ, 1), and ∂C/∂W², …, (nₗ, nₗ₋₁)."""

    deltas: list[Array]
    nabla_w: list[Array]

    def __iter__(self) -> Iterator[Array]:
        """All arrays, the δ first."""
        return chain(self.deltas, self.nabla_w)

    def of(self, quantity: str, layer: int) -> Array:
        """∂C/∂w of a layer from 2 on where the quantity is "w", else its δ."""
        return (self.nabla_w if quantity == "w" else self.deltas)[layer - 2]

    def map(self, function: Callable[[Array], Array]) -> "Gradients":
        """What a function makes of each array."""
        return Gradients(list(map(function, self.deltas)), list(map(function, self.nabla_w)))

    def lifted(self, lift: Lift) -> "Gradients":
        """The same with constants lifted. Errors: as `lifted`."""
        return self.map(lambda array: lifted(array, lift))


class CandidateError(Exception):
    """The candidate raised; `error` is what, `line` is where in the candidate's code (None: not known)."""

    def __init__(self, error: BaseException, line: Line | None) -> None:
        self.error, self.line = error, line
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        what = f"it ends the process ({what})" if isinstance(error, SystemExit) else what
        super().__init__(f"{line}: {what}" if line else what)

    @property
    def is_of_arithmetic(self) -> bool:
        """Whether arithmetic itself raised: a division by 0, a comparison that balls do not decide."""
        return isinstance(self.error, ArithmeticError)

    @property
    def has_no_order(self) -> bool:
        """Whether an order was asked for among the elements of a field."""
        return any(isinstance(cause, NoOrder) for cause in causes(self.error))

    @property
    def forces_floats(self) -> bool:
        """Whether it looks as if nothing but floats may stand where it was raised."""
        return isinstance(self.error, (TypeError, ValueError)) and not self.has_no_order


class NotGradients(Exception):
    """What the candidate returned cannot be compared: it is no pair, or has other shapes."""


def lists_of(returned: Any, layers: int) -> list[list[Array]]:
    """What backprop returned, as two lists nabla_b and nabla_w of copies; NotGradients where it is no such pair."""
    names = ("nabla_b", "nabla_w")
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        raise NotGradients(f"backprop returned {kind_of(returned)}, expected the pair (nabla_b, nabla_w)")
    for name, arrays in zip(names, returned, strict=True):
        if not hasattr(arrays, "__len__") or len(arrays) != layers:
            raise NotGradients(f"{name} is {kind_of(arrays)}, expected {layers} arrays, one per layer")
    return [[_array(f"{n}[{i}]", a) for i, a in enumerate(arrays)] for n, arrays in zip(names, returned, strict=True)]


def kind_of(value: Any) -> str:
    """A value in words: its type, and its length or shape where it has one."""
    length = f" of length {len(value)}" if isinstance(value, (list, tuple)) else ""
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"a {type(value).__name__}{length}{shape}"


def _array(name: str, value: Any) -> Array:
    try:
        return checks.real_array(name, value).copy()
    except (TypeError, ValueError) as error:
        raise NotGradients(str(error)) from error


def as_float64(array: Array) -> Array:
    """A float array as float64; an array of objects too, if they are numbers that are floats or ints.

    Raises
    ------
    NotGradients
        An element is none (None, an array, …).
    """
    try:
        return np.array([float(v) for v in array.ravel().tolist()], dtype=np.float64).reshape(array.shape)
    except (TypeError, ValueError) as error:
        raise NotGradients(f"backprop returned objects that are no floats: {error}") from error


def lifted(array: Array, lift: Lift) -> Array:
    """An array of what the candidate returned as numbers of one kind: constants (0, 1.0) are lifted.

    Raises
    ------
    NotGradients
        An element is no number of that kind (NaN, None, …).
    """
    numbers = []
    for value in array.ravel().tolist():
        if isinstance(value, float) and not math.isfinite(value):
            raise NotGradients(f"backprop returned {value} among exact numbers")
        try:
            numbers.append(lift(value))
        except (TypeError, ValueError) as error:
            raise NotGradients(f"backprop returned {value!r:.60} among exact numbers: {error}") from error
    return objects(numbers, array.shape)
