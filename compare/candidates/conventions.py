"""Candidates in other conventions, as functions backprop(weights, biases, x, y) in ours.

Ours is the book's: samples in columns, W of shape (units, inputs), biases apart.  Others keep samples in
rows and W as (inputs, units), or fold the biases into W as one more column; a training step returns
parameters instead of gradients.
"""

import copy
import inspect
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from explicit.elementwise import Array

Backward = Callable[..., Any]


def is_step(candidate: Any) -> bool:
    """Whether a function takes five arguments: step(weights, biases, x, y, eta)."""
    if hasattr(candidate, "backprop") or not callable(candidate):
        return False
    try:
        parameters = inspect.signature(candidate).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    return len(needed) == 5 or any(p.name in ("eta", "lr", "learning_rate") for p in parameters)


def as_backward(step: Callable[..., Any], eta: float) -> Backward:
    """The gradients that a training step used: (W − W′)/η.  A step in place returns None."""

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        before = copy.deepcopy(weights), copy.deepcopy(biases)
        after = step(weights, biases, x, y, eta)
        if after is None:
            after = weights, biases
        if not isinstance(after, (tuple, list)) or len(after) != 2:
            return after  # what is no pair is refused by the caller, with its reasons
        differences = [
            [(np.asarray(b) - np.asarray(a)) / eta for b, a in zip(two, changed, strict=True)]
            for two, changed in zip(before, after, strict=True)
        ]
        return differences[1], differences[0]

    return backprop


def is_folded(weights: Sequence[Any], biases: Any, inputs: int, outputs: int) -> bool:
    """Whether weights are (units, inputs + 1), the biases in one more column."""
    shapes = [np.shape(w) for w in weights]
    return (
        biases is None
        and all(len(s) == 2 for s in shapes)
        and shapes[0][1] == inputs + 1
        and shapes[-1][0] == outputs
        and all(b[1] == a[0] + 1 for a, b in pairwise(shapes))
    )


def unfolded(weights: Sequence[Any], first: bool) -> tuple[list[Array], list[Array]]:
    """W and b of folded weights; `first`: the biases are the first column, else the last."""
    arrays = [np.asarray(w) for w in weights]
    where = slice(0, 1) if first else slice(-1, None)
    rest = slice(1, None) if first else slice(None, -1)
    return [w[:, rest] for w in arrays], [w[:, where] for w in arrays]


def of_folded(candidate: Callable[..., Any], first: bool) -> Backward:
    """A function backprop(weights, x, y) that returns [∂C/∂W, …] of folded weights."""

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        joined = [np.hstack([b, w] if first else [w, b]) for w, b in zip(weights, biases, strict=True)]
        nabla = candidate(joined, x, y)
        nabla_w, nabla_b = unfolded(nabla, first)
        return nabla_b, nabla_w

    return backprop


def of_rows(
    candidate: Callable[..., Any], bias_shapes: Sequence[tuple[int, ...]], samples: bool = True, weights: bool = True
) -> Backward:
    """A function with samples in rows, x (B, n₁), or with W (inputs, units), or both; b (nₗ,) or (1, nₗ)."""
    turned = weights

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        # Of other sizes than bias_shapes, too: (n,) as a vector, (1, n) as a row, (n, 1) as a column.
        forms = [(-1,) if len(shape) == 1 else (1, -1) if shape[0] == 1 else (-1, 1) for shape in bias_shapes]
        given = [b.reshape(form) for b, form in zip(biases, forms, strict=True)]
        own = [w.T.copy() for w in weights] if turned else list(weights)
        returned = candidate(own, given, *((x.T.copy(), y.T.copy()) if samples else (x, y)))
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            return returned
        nabla_b, nabla_w = returned
        columns = [_column(b, shape) for b, shape in zip(nabla_b, bias_shapes, strict=True)]
        return columns, [np.asarray(w).T if turned else np.asarray(w) for w in nabla_w]

    return backprop


def _column(b: Any, own: tuple[int, ...]) -> Array:
    """A bias gradient as a column; of shape (B, n), which was not summed, as (n, B)."""
    array = np.asarray(b)
    if array.ndim == 2 and (len(own) == 1 or own[0] == 1):
        return array.T
    return array.reshape(-1, 1) if array.ndim == 1 else array
