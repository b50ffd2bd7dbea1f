"""The shapes in which people keep parameters, samples and gradients, and how they are turned into the book's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.candidates import conventions
from explicit.elementwise import Array

ROWS = {None: (False, True), "columns": (False,), "rows": (True,)}  # by declared layout: whether samples may be rows


@dataclass(frozen=True)
class Shapes:
    """How the caller's shapes are turned into ours: samples in columns, W as (units, inputs), biases apart.

    samples, weights:  whether samples are rows; whether W is (inputs, units)
    biases:            whether b is (n,) or (1, n) where samples are rows, so that (B, n) is one row per sample
    folded:            where the biases are in W: in the first column (True), in the last (False), apart (None)
    """

    samples: bool = False
    weights: bool = False
    biases: bool = False
    folded: bool | None = None

    @property
    def are_ours(self) -> bool:
        """Whether nothing is turned."""
        return self.folded is None and not (self.samples or self.weights)

    @property
    def said(self) -> list[str]:
        """A remark on what is turned."""
        if self.folded is not None:
            return [f"the biases are folded into W as its {'first' if self.folded else 'last'} column"]
        turned = (("samples are rows", self.samples), ("W is (inputs, units)", self.weights))
        return [] if self.are_ours else ["; ".join(said for said, is_so in turned if is_so)]

    def data(self, x: Array, y: Array) -> tuple[Array, Array]:
        """x as (n₁, B) and y as (n_L, B)."""
        return (x.T, y.T) if self.samples else (x, y)

    def parameters(self, weights: Any, biases: Any) -> tuple[Any, Any]:
        """W and b as ours; as they are where nothing is turned."""
        if self.folded is not None:
            return conventions.unfolded(weights, self.folded)
        if self.are_ours:
            return weights, biases
        return [self.w(np.asarray(w)) for w in weights], [np.asarray(b).reshape(-1, 1) for b in biases or ()]

    def function(self, candidate: Callable[..., Any], biases: Any) -> Callable[..., Any]:
        """The candidate as a function of what is ours."""
        if self.folded is not None:
            return conventions.of_folded(candidate, self.folded)
        if self.are_ours:
            return candidate
        return conventions.of_rows(candidate, [np.shape(b) for b in biases or ()], self.samples, self.weights)

    def delta(self, array: Array) -> Array:
        """δ as (n, B)."""
        return array.reshape(-1, 1) if array.ndim == 1 else array.T if self.samples else array

    def b(self, array: Array) -> Array:
        """∂C/∂b as (n, 1), or (n, B) where it was not summed."""
        is_row = array.ndim == 2 and (self.biases or (self.weights and len(array) == 1))
        return array.T if is_row else array.reshape(-1, 1) if array.ndim == 1 else array

    def w(self, array: Array) -> Array:
        """∂C/∂w as (units, inputs)."""
        return array.T if self.weights else array


def readings(weights: Sequence[Any], biases: Any, x: Array, y: Array, layout: str | None) -> list[Shapes]:
    """All the ways in which the shapes of parameters can be read, ours first."""
    if conventions.is_folded(weights, biases, x.shape[0], y.shape[0]):
        return [Shapes(folded=False), Shapes(folded=True)]
    shapes = [np.shape(w) for w in weights]
    if any(len(s) != 2 for s in shapes):
        return [Shapes()]
    sizes = None if biases is None or len(biases) != len(shapes) else [np.size(b) for b in biases]
    flat = all(np.ndim(b) == 1 or len(b) == 1 for b in biases or ())
    found = []
    for rows_x in ROWS[layout]:
        ends = (x.shape[1], y.shape[1]) if rows_x else (x.shape[0], y.shape[0])
        for rows_w in (False, True):
            units, inputs = ([s[axis] for s in shapes] for axis in ((1, 0) if rows_w else (0, 1)))
            if units[:-1] == inputs[1:] and sizes in (None, units) and (inputs[0], units[-1]) == ends:
                found.append(Shapes(rows_x, rows_w, rows_x and flat))
    return found or [Shapes()]
