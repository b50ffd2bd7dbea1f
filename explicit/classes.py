"""Outputs read as classes: the unit with the largest output, and the share of samples where that is right."""

from typing import Any

import numpy as np

from explicit import checks
from explicit.elementwise import Array, is_nan


def predicted(a: Array) -> Array:
    """The class of each sample, (B,) ints, from outputs a (n_L, B): the largest output, the first one on a tie.

    With one output unit: 1 where the output is ≥ 0.5, else 0.
    Errors: ValueError where an output is NaN, which is no answer.

    >>> predicted(np.array([[0.1, 0.9], [0.3, 0.9]])).tolist()
    [1, 0]
    """
    nan = np.asarray(is_nan(a), dtype=bool).any(axis=0)
    if nan.any():
        raise ValueError(f"predict: the network's output for sample {int(np.argmax(nan))} is NaN")
    if a.shape[0] == 1:
        return np.asarray(a[0] >= 0.5, dtype=np.int64)
    return np.asarray(np.argmax(a, axis=0), dtype=np.int64)


def accuracy(a: Array, y: Any) -> float:
    """The fraction of samples whose class is the one in y; a (n_L, B), y labels or one-hot (see `labels`).

    >>> accuracy(np.array([[0.1, 0.9], [0.3, 0.9]]), [1, 1])
    0.5
    """
    found, wanted = predicted(a), labels(y, *a.shape)
    return int(np.sum(found == wanted)) / len(wanted)


def labels(y: Any, outputs: int, count: int) -> Array:
    """y as labels (count,), ints from 0 to outputs − 1 (0 or 1 for one output).

    y: labels, or one-hot columns (outputs, count); for one output (1, count) of 0 and 1.
    Errors: ValueError or TypeError for other y.
    """
    y = checks.number_array("y", y)
    if y.ndim == 1:
        found = y
    else:
        y = checks.columns("y", y, outputs)
        one_hot = ((y == 0) | (y == 1)).all(axis=0) & ((y == 1).sum(axis=0) == 1 if outputs > 1 else True)
        one_hot = np.asarray(one_hot, dtype=bool)
        if not one_hot.all():
            sample = int(np.argmin(one_hot))
            raise ValueError(f"y: expected one-hot columns, got {y[:, sample].tolist()} in sample {sample}")
        found = np.argmax(y, axis=0) if outputs > 1 else y[0]
    if len(found) != count:
        raise ValueError(f"y: expected {count} samples as in x, got {len(found)}")
    most = max(outputs, 2) - 1
    for sample, label in enumerate(found):
        if not (0 <= label <= most and label == int(label)):
            raise ValueError(f"y: expected labels from 0 to {most}, got {label} in sample {sample}")
    return np.asarray(found, dtype=np.int64)
