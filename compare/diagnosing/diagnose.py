"""`diagnose`: what is wrong in somebody's backpropagation, by name; how it is found is said in `compare.diagnosing`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare.candidates.candidate import Candidate
from compare.candidates.gradients import CandidateError
from compare.diagnosing.answer import Answer, Remembered, answer_of, apart, displays, holds_as_given, other_functions
from compare.diagnosing.batch import batch_findings, leaves_samples_out
from compare.diagnosing.calls import call_findings
from compare.diagnosing.diagnosis import Diagnosis
from compare.diagnosing.findings import Finding, findings, patterns, remarks
from compare.diagnosing.given_numbers import diagnose_numbers
from compare.diagnosing.precision import FLOAT32
from compare.diagnosing.question import RAISED, Declared, Question, note, questions
from compare.diagnosing.walk import MOST
from explicit import Activation, Cost, Network


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
    a `Diagnosis`; its `mistakes` are the mistakes found, in order, [] for right code

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a candidate without a known interface; parameters that do not fit together; a cost whose
        gradient is not its derivative.
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
    declared = Declared(activation, cost, reduction, layout, dtype, regularisation, eta, seed)
    with np.errstate(all="ignore"):  # numpy sees the overflow of an error bound
        if isinstance(candidate, (list, tuple)):
            return diagnose_numbers(candidate, x, y, declared, weights, biases, sizes)
        return _best(questions(candidate, x, y, declared, weights, biases, sizes))


def _best(readings: Iterable[Question]) -> Diagnosis:
    """The diagnosis of the reading of the shapes that explains most; ours where they are alike."""
    made: list[Diagnosis] = []
    for question in readings:
        # Another reading of the shapes counts where it needs fewer mistakes.
        question.most = min([MOST, *(len(d.findings) - 1 for d in made if not (d.failure or d.unexplained))])
        try:
            diagnosis = _diagnosis(question)
        except (TypeError, ValueError) as error:  # the arguments are good, and what the candidate raises is caught
            raise RuntimeError(f"the diagnosis itself failed: {type(error).__name__}: {error}") from error
        if diagnosis.right:
            return diagnosis
        made.append(diagnosis)
    return min(made, key=lambda d: (bool(d.failure), len(d.unexplained), len(d.findings)))


def _diagnosis(q: Question) -> Diagnosis:
    try:
        found = call_findings(q)
        answer = answer_of(q)
        shown = Remembered(displays(q, answer))
        named = findings(answer.layers, shown)
        unknown = patterns(answer.layers, shown)
        batch = batch_findings(q, answer)
        if leaves_samples_out(q, answer):
            said = "samples are left out: of one sample all gradients are 0, of a batch they are not"
            named, batch = [], [Finding((), (), "batch", "", "", said)]
        found += [*named, *(Finding.of([name]) for name in answer.way.split()), *_precision(q, answer), *batch]
        as_given = bool(found or unknown) or holds_as_given(q, answer)
        if as_given is False:
            unknown = ["with the given weights, x and y it computes something else than with random ones"]
        distance = apart(q) if unknown else None
    except RAISED as error:
        return _raised(q, error)
    for said in remarks(answer.layers):
        note(q, said)
    if q.silent:
        note(q, "what differs from call to call is not judged")
    if answer.unexplained and q.most and (other := other_functions(q)):
        note(q, f"with {other} it would be right: is it the network that was declared?")
    unjudged = "" if as_given is not None else "at the given weights, x and y: z is at a kink, or floats overflow"
    if q.kept:
        unjudged = f"at other weights: it keeps parameters in `{q.kept}` too, which were not replaced"
    return Diagnosis(
        q.network, found, unknown, answer.layers, answer.arithmetic, "", q.notes, q.singly, unjudged, distance
    )


def _raised(q: Question, error: Exception) -> Diagnosis:
    """The candidate does not run.  On square layers every product has a shape: what does it do there?"""
    failure = f"it raised at {error}" if isinstance(error, CandidateError) else str(error)
    sizes = [3] * len(q.network.sizes)
    if isinstance(error, CandidateError) and not q.candidate.is_object and q.network.sizes != sizes:
        square = Network(sizes, q.network.activation_functions, q.network.cost, q.declared.seed)
        x, y = square.weights[0][:, :1], abs(square.weights[0][:, 1:2]) / 4
        of = Candidate(q.candidate.candidate, square.weights, square.biases)
        asked = Question(of, square, x, y, replace(q.declared, reduction=None), q.eta)
        try:
            answer = answer_of(asked)
            if not answer.unexplained:
                named = findings(answer.layers, Remembered(displays(asked, answer)))
                said = "it runs on layers of equal size; what is said of the equations was found there"
                return Diagnosis(q.network, named, [], answer.layers, answer.arithmetic, failure, [*q.notes, said])
        except RAISED:
            pass
    return Diagnosis(q.network, [], [], [], failure=failure, notes=q.notes)


def _precision(q: Question, answer: Answer) -> list[Finding]:
    """float32, where that explains the numbers: a convention if it was declared, or shows; else a mistake."""
    if answer.arithmetic != "float32":
        return []
    returned = q.candidate.fresh().returned(*q.own_sample)
    openly = all(a.dtype == np.float32 for group in returned for a in group)
    if q.declared.dtype == "float32" or (openly and q.declared.dtype is None):
        note(q, FLOAT32)
        return []
    return [Finding.of(["float32-inside"])]
