import numpy as np
import pytest

from explicit.classes import accuracy, labels, predicted


def test_classes_of_outputs():
    a = np.array([[0.1, 0.9, 0.5], [0.3, 0.9, 0.25]])
    assert predicted(a).tolist() == [1, 0, 0]  # the first one on a tie
    assert accuracy(a, [1, 1, 0]) == accuracy(a, [[0, 0, 1], [1, 1, 0]]) == 2 / 3
    assert predicted(np.array([[0.5, 0.49]])).tolist() == [1, 0]
    with pytest.raises(ValueError, match="sample 1 is NaN"):
        predicted(np.array([[0.0, np.nan]]))


def test_labels():
    assert labels([[0, 1], [1, 0]], 2, 2).tolist() == labels([1.0, 0.0], 2, 2).tolist() == [1, 0]
    with pytest.raises(ValueError, match="y: expected labels from 0 to 1, got 2.0 in sample 0"):
        labels([2], 1, 1)
