"""Whether a candidate's calls agree with each other: gradients that add up, state that is kept, random numbers."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from compare.candidates.candidate import Candidate
from compare.candidates.gradients import as_float64
from compare.diagnosing.findings import Finding
from compare.diagnosing.question import Question, found_in, note
from explicit.elementwise import Array


def call_findings(q: Question) -> list[Finding]:
    """Whether a second call gives what the first gave; what differs otherwise than by adding up is not looked at."""
    runner = q.candidate.fresh()
    runners = [runner, runner, runner, *([q.candidate.fresh()] if q.candidate.is_object else [])]
    returned = [r.returned(*q.own_sample) for r in runners]
    calls = [[[as_float64(a) for a in group] for group in groups] for groups in returned]
    grows: set[tuple[int, int]] = set()
    differs: set[tuple[int, int]] = set()
    for g, groups in enumerate(zip(*calls, strict=True)):
        for i, (first, *others) in enumerate(zip(*groups, strict=True)):
            if any(first.shape != o.shape or first.tobytes() != o.tobytes() for o in others):
                (grows if _grows(first, *others[:2]) else differs).add((g, i))
    # The names are those of the book's order, whatever the candidate's is.
    marks = [[np.full(a.shape, (g, i) in differs) for i, a in enumerate(group)] for g, group in enumerate(calls[0])]
    marked = enumerate(found_in(q, marks, lambda a: a))
    named = [(name, i, getattr(f, name)) for i, f in marked for name in ("nabla_b", "nabla_w")]
    q.silent = frozenset((name, i) for name, i, mark in named if mark.any())
    if runner.changed and q.eta is None:
        note(q, f"it changes the {runner.changed} that it is given")
    if (grows or differs) and not q.candidate.is_object:
        q.floats_only = True  # what it keeps between calls must not be mixed with other numbers
    if grows and not q.candidate.is_object:
        of = q.candidate
        q.candidate = Candidate(_Differences(of.candidate, grows), of.own_weights, of.own_biases)
    seen = [("accumulated-over-calls", grows), ("nondeterministic", differs)]
    return [Finding.of([name]) for name, where in seen if where]


def _grows(first: Array, second: Array, third: Array) -> bool:
    """Whether each call adds the same."""
    if not first.shape == second.shape == third.shape:
        return False
    size = np.abs(third).max() * 2.0**-20  # some roundings of float32
    grown, again = second - first, third - second
    return bool(np.abs(grown - again).max() <= size < np.abs(grown).max())


class _Differences:
    """A function whose results grow from call to call, without what was there: two calls, and their difference.

    grows:    which arrays grow: (which of the two lists, place in it)
    largest:  number that was subtracted; its rounding is in the differences
    """

    def __init__(self, function: Callable[..., Any], grows: set[tuple[int, int]]) -> None:
        self.function, self.grows, self.largest = function, grows, 0.0

    def __call__(self, weights: Any, biases: Any, x: Any, y: Any) -> Any:
        before = copy.deepcopy(self.function(copy.deepcopy(weights), copy.deepcopy(biases), x.copy(), y.copy()))
        after = [list(group) for group in self.function(weights, biases, x, y)]
        for g, i in self.grows:
            old = np.asarray(before[g][i])
            self.largest = max(self.largest, float(np.abs(old).max()))
            after[g][i] = np.asarray(after[g][i]) - old
        return tuple(after)
