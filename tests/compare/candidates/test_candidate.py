"""A candidate with its parameters: what it keeps of them, and what becomes of its results."""

import numpy as np
import pytest

from compare.candidates.candidate import Candidate
from compare.candidates.gradients import CandidateError


class Doubled:
    """Keeps its weights twice; what it does with the second copy is the subclass's."""

    def __init__(self):
        self.weights, self.biases = [np.array([[0.5, -1.0]])], [np.array([[0.25]])]
        self.again = [self.weights[0].copy()]

    def used(self):
        return self.again[0]

    def backprop(self, x, y):
        delta = self.used() @ x + self.biases[0] - y
        return [delta], [delta @ x.T]


def test_where_parameters_are_kept_a_second_time_is_a_path():
    assert Candidate(Doubled()).kept() == "again[0]"

    class Strict(Doubled):
        def used(self):
            if self.again[0][0, 0] != 0.5:
                raise ValueError("changed")
            return self.again[0]

    assert Candidate(Strict()).kept() == "again[0]"  # it raised, so it looked


def test_where_it_does_not_run_nothing_is_said_of_what_it_keeps():
    class Raising(Doubled):
        def used(self):
            raise RuntimeError("no")

    with pytest.raises(CandidateError, match="RuntimeError: no"):
        Candidate(Raising()).kept()


def test_results_are_copies():
    buffer = np.zeros((1, 1))

    def backprop(weights, biases, x, y):
        buffer[...] = y
        return [buffer], [np.zeros((1, 2))]

    runner = Candidate(backprop, [np.ones((1, 2))], [np.zeros((1, 1))]).fresh()
    x = np.zeros((2, 1))
    first, second = (runner.on_floats(x, np.array([[v]])) for v in (1.0, 2.0))
    assert first.deltas[0] == 1 and second.deltas[0] == 2


def test_after_an_error_the_copy_is_made_anew():
    class Half(Doubled):
        def backprop(self, x, y):
            if y[0, 0] == 7:
                self.again[0] = None
                raise ValueError("7")
            return super().backprop(x, y)

    runner = Candidate(Half()).fresh()
    x = np.ones((2, 1))
    before = runner.on_floats(x, np.zeros((1, 1)))
    with pytest.raises(CandidateError):
        runner.on_floats(x, np.full((1, 1), 7.0))
    assert runner.on_floats(x, np.zeros((1, 1))).deltas[0] == before.deltas[0]
