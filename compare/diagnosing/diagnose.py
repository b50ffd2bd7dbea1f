"""`diagnose`: what is wrong in somebody's backpropagation, by name.

The candidate is run at random points in exact arithmetic, where its code runs on such numbers: in
GF(2⁶¹ − 1), or in rational numbers for relu and its kin; there two formulas that agree are the same, but for
the chance that `compare.checking.exact_verdict` bounds for such a point.  Else, and where exact numbers explain
nothing, it is run on floats, and a formula fits when it agrees within a running error bound.
`compare.diagnosing.walk` finds the formulas; here is what surrounds it: conventions,
repeated calls, batches, regularisation, precision.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.candidates.candidate import Candidate
from compare.candidates.gradients import CandidateError, as_float64
from compare.diagnosing.answer import Remembered, answer_of, displays, other_functions
from compare.diagnosing.batch import batch_findings, leaves_samples_out
from compare.diagnosing.diagnosis import Diagnosis
from compare.diagnosing.findings import Finding, findings, patterns, remarks
from compare.diagnosing.given_numbers import diagnose_numbers
from compare.diagnosing.question import FLOAT32, RAISED, Question, found_in, note, questions
from compare.diagnosing.walk import MOST
from explicit import Activation, Cost, Network
from explicit.elementwise import Array


def diagnose(
    candidate: Any,
    x: Any,
    y: Any,
    activation: str | Activation | Sequence[str | Activation] = "sigmoid",
    cost: str | Cost = "quadratic",
    *,
    weights: Sequence[Any] | None = None,
    biases: Sequence[Any] | None = None,
    sizes: Sequence[int] | None = None,
    reduction: str | None = None,
    layout: str | None = None,
    dtype: str | None = None,
    regularisation: float | None = None,
    eta: float | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Name the mistakes in somebody's backpropagation.

    Parameters
    ----------
    candidate : an object with `weights`, `biases` and ``backprop(x, y) -> (nabla_b, nabla_w)``; a function
        ``backprop(weights, biases, x, y)``; a training step ``step(weights, biases, x, y, eta)`` that
        returns (weights, biases) or changes them in place; or numbers: a list of δ², …, δᴸ, each
        (nₗ, B), a pair (nabla_b, nabla_w), or a list of ∂C/∂W alone
    x, y : inputs (n₁, B) and targets (n_L, B), samples in columns (in rows where the candidate has rows)
    activation, cost : what the candidate claims to differentiate, as for `explicit.Network`
    weights, biases, sizes : for a function or for numbers: the parameters, or sizes for random ones.  Without
        biases the weights have one more column, which holds them
    reduction : "sum" or "mean" over the samples of a batch, if that is part of the question
    layout : "columns" or "rows"
    dtype : "float64" or "float32"
    regularisation : λ of C + λ/2 Σw²
    eta : the learning rate that a step is called with
    seed : of the random points, and of the weights where only sizes are given

    What is not declared is recognised, and reported without accusing anybody.

    Returns
    -------
    a `Diagnosis`; its `mistakes` are the records found, in order, [] for right code

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a candidate without a known interface; parameters that do not fit together.
    RuntimeError
        The diagnosis itself failed, which says nothing about the candidate.

    >>> from explicit import Network
    >>> from compare.mistakes import mistaken
    >>> wrong = mistaken(Network([2, 3, 2], seed=1), "w-of-wrong-layer", "bias-halved")
    Traceback (most recent call last):
    ...
    ValueError: w-of-wrong-layer: cannot be made in Network([2, 3, 2], activation='sigmoid', cost='quadratic')
    >>> wrong = mistaken(Network([2, 3, 2], seed=1), "sigma-prime-of-a")
    >>> def backprop(weights, biases, x, y):
    ...     wrong.weights, wrong.biases = weights, biases
    ...     record = wrong.backprop(x, y)
    ...     return record.nabla_b, record.nabla_w
    >>> [m.name for m in diagnose(backprop, [[0.5], [1.0]], [[1.0], [0.0]], sizes=[2, 3, 2]).mistakes]
    ['sigma-prime-of-a']
    """
    _one_of("reduction", reduction, ("sum", "mean"))
    _one_of("layout", layout, ("columns", "rows"))
    _one_of("dtype", dtype, ("float64", "float32"))
    for name, number in (("regularisation", regularisation), ("eta", eta)):
        if number is not None and not (isinstance(number, (int, float)) and np.isfinite(number)):
            raise ValueError(f"{name}: expected a finite number, got {number!r}")
    if eta == 0:
        raise ValueError("eta: expected a number other than 0, got 0")
    declared = (reduction, dtype, regularisation, seed)
    made: list[Diagnosis] = []
    with np.errstate(all="ignore"):  # numpy sees the overflow of an error bound
        if isinstance(candidate, (list, tuple)):
            return diagnose_numbers(candidate, x, y, activation, cost, weights, biases, sizes, declared, layout)
        for question in questions(candidate, x, y, activation, cost, weights, biases, sizes, layout, eta, declared):
            # Another reading of the shapes counts where it needs fewer mistakes.
            question.most = min([MOST, *(len(d.findings) - 1 for d in made if not (d.failure or d.unexplained))])
            try:
                diagnosis = _diagnosis(question)
            except (TypeError, ValueError) as error:  # the arguments are good, and what the candidate raises is caught
                raise RuntimeError(f"the diagnosis itself failed: {type(error).__name__}: {error}") from error
            if diagnosis.right:
                return diagnosis
            made.append(diagnosis)
    # The reading of the shapes that explains most; ours where they are alike.
    return min(made, key=lambda d: (bool(d.failure), len(d.unexplained), len(d.findings)))


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ValueError(f"{name}: expected {' or '.join(map(repr, known))}, got {value!r}")


def _diagnosis(q: Question) -> Diagnosis:
    try:
        calls = _calls(q)
        answer = answer_of(q)
        shown = Remembered(displays(q, answer))
        named = findings(answer.layers, shown)
        unknown = patterns(answer.layers, shown)
        batch = batch_findings(q, answer)
        left_out = leaves_samples_out(q, answer)
    except RAISED as error:
        return _raised(q, error)
    if left_out:
        said = "samples are left out: of one sample all gradients are 0, of a batch they are not"
        named, batch = [], [Finding((), (), "batch", "", "", said)]
    found = [*calls, *named, *(Finding.of([name]) for name in answer.way.split())]
    if answer.arithmetic == "float32":
        _say_float32(q, found)
    for said in remarks(answer.layers):
        note(q, said)
    if q.silent:
        note(q, "what differs from call to call is not judged")
    if unknown and q.most:
        other = other_functions(q)
        if other:
            note(q, f"with {other} it would be right: is it the network that was declared?")
    return Diagnosis(q.network, [*found, *batch], unknown, answer.layers, answer.arithmetic, "", q.notes)


def _raised(q: Question, error: Exception) -> Diagnosis:
    """The candidate does not run.  On square layers every product has a shape: what does it do there?"""
    failure = f"it raised at {error}" if isinstance(error, CandidateError) else str(error)
    sizes = [3] * len(q.network.sizes)
    if isinstance(error, CandidateError) and not q.candidate.is_object and q.network.sizes != sizes:
        square = Network(sizes, activation=q.network.activation_functions, cost=q.network.cost, seed=q.seed)
        x, y = square.weights[0][:, :1], abs(square.weights[0][:, 1:2]) / 4
        try:
            of = Candidate(q.candidate.candidate, square.weights, square.biases)
            asked = Question(of, square, x, y, None, q.dtype, q.regularisation, q.eta, q.seed)
            answer = answer_of(asked)
            if not answer.unexplained:
                named = findings(answer.layers, Remembered(displays(asked, answer)))
                said = "it runs on layers of equal size; what is said of the equations was found there"
                return Diagnosis(q.network, named, [], answer.layers, answer.arithmetic, failure, [*q.notes, said])
        except RAISED:
            pass
    return Diagnosis(q.network, [], [], [], failure=failure, notes=q.notes)


def _calls(q: Question) -> list[Finding]:
    """Whether a second call gives what the first gave; what differs otherwise than by adding up is not looked at."""
    x, y = q.x[:, :1], q.y[:, :1]
    runner = q.candidate.fresh()
    point = q.candidate.weights, q.candidate.biases, x, y
    runners = [runner, runner, runner, *([q.candidate.fresh()] if q.candidate.is_object else [])]
    returned = [r.returned(*point) for r in runners]
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


def _say_float32(q: Question, found: list[Finding]) -> None:
    runner = q.candidate.fresh()
    returned = runner.returned(q.candidate.weights, q.candidate.biases, q.x[:, :1], q.y[:, :1])
    openly = all(a.dtype == np.float32 for group in returned for a in group)
    if q.dtype == "float32" or (openly and q.dtype is None):
        note(q, FLOAT32)
    else:
        found.append(Finding.of(["float32-inside"]))
