import math
from fractions import Fraction

import numpy as np
import pytest

from explicit import checks


@pytest.mark.parametrize("value", [[[1, 2]], np.array([[1, 2]], np.int8), np.array([[1, 2]], np.float32)])
def test_numbers_become_float64(value):
    array = checks.number_array("x", value)
    assert array.dtype == np.float64 and array.tolist() == [[1.0, 2.0]]


def test_object_arrays_stay_as_they_are():
    array = np.array([[Fraction(1, 3)]], dtype=object)
    assert checks.number_array("x", array) is array
    assert checks.columns("x", array, 1) is array


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([[1.0, 2.0]], ValueError, r"x: expected shape \(2, B\), samples in columns, got \(1, 2\)"),
        ([1.0, 2.0], ValueError, r"x: .*got \(2,\); write one sample as a column \(2, 1\)"),
        (np.zeros((2, 0)), ValueError, r"x: .*at least one sample, got \(2, 0\)"),
        (3.0, ValueError, r"x: .*got \(\)"),
        (np.zeros((2, 1, 1)), ValueError, r"x: .*got \(2, 1, 1\)"),
        ([[1.0], [2.0, 3.0]], ValueError, "x: expected rows of equal length"),
        ([["a"], ["b"]], TypeError, "x: expected real numbers, got an array of dtype <U1"),
        ([[1j], [2j]], TypeError, "x: expected real numbers, got an array of dtype complex128"),
        ([[1.0, 2.0], [3.0, math.nan]], ValueError, r"x: expected finite numbers, got x\[1, 1\] = nan"),
        ([[Fraction(1)], [math.inf]], ValueError, r"x: expected finite numbers, got x\[1, 0\] = inf"),
    ],
)
def test_columns_refuses(value, error, message):
    with pytest.raises(error, match=message):
        checks.columns("x", value, 2)


def test_samples_must_be_as_many_in_x_and_y():
    with pytest.raises(ValueError, match="y: expected 2 samples as in x, got 1"):
        checks.samples([[1, 2]], [[1]], 1, 1)


@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (11, ValueError), (1.0, TypeError), ("1", TypeError), (True, TypeError)],
)
def test_whole_refuses(value, error):
    with pytest.raises(error, match=f"epochs: expected an int from 1 to 10, got {value!r}"):
        checks.whole("epochs", value, least=1, most=10)


def test_whole_takes_numpy_ints():
    assert type(checks.whole("epochs", np.int64(3), least=1)) is int
