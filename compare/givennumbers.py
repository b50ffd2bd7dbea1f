"""δ or gradients that somebody computed, as numbers: compared at the point where they were computed."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.answering import float_run, is_rounding, with_decay
from compare.asking import FLOAT32, Question, found_in, matrix, note, question_of
from compare.batches import Way, reduction_findings
from compare.candidates import NotGradients, as_float64
from compare.diagnosis import Diagnosis, Finding, findings, patterns, remarks
from compare.near import DOUBLE, SINGLE, near
from compare.walking import Found, Seen, along

Array = npt.NDArray[Any]


def diagnose_numbers(
    given: Any, x: Any, y: Any, activation: Any, cost: Any, weights: Any, biases: Any,
    sizes: Any, declared: tuple[Any, ...],
) -> Diagnosis:  # fmt: skip
    """δ, or gradients, that somebody computed: compared at the caller's own x and y."""
    if sizes is not None:
        raise ValueError("sizes: for numbers give the weights and biases with which they were computed")
    if weights is None or biases is None:
        raise TypeError("weights, biases: needed for numbers: those with which they were computed")
    x, y = matrix("x", x), matrix("y", y)
    q = question_of(lambda *_: None, x, y, activation, cost, weights, biases, None, declared, [])
    q.network.backprop(q.x, q.y)  # refuses a point at which the cost has no derivative
    given_arrays = _read(q, given)
    point = q.candidate.weights, q.candidate.biases, q.x, q.y
    m = q.x.shape[1]
    answers = []
    for u, arithmetic in ((DOUBLE, "float64"), (SINGLE, "float32")):
        run = float_run(q, point, u)
        found = [_rounded(f, u) for f in given_arrays]
        reductions = {None: ("sum", "mean"), "sum": ("sum", "mean"), "mean": ("mean", "sum")}[q.reduction]
        for reduction in reductions[: 1 if m == 1 else 2]:
            factor = 1 / m if reduction == "mean" and m > 1 else 1
            seen = Seen(run.passed, found, run.same, factor)
            answer = with_decay(q, [seen], arithmetic)
            if u == DOUBLE or is_rounding(answer, [seen]):
                answers.append((answer, reduction, seen))
    answer, reduction, seen = min(answers, key=lambda a: (a[0].score, a[0].arithmetic == "float32"))
    seen = replace(seen, decay_w=answer.decay[0], decay_b=answer.decay[1])
    display = along(answer.layers, seen)
    assert display is not None  # it is the point at which they were found
    named = findings(answer.layers, [(display, seen)])
    named += [Finding.of([name]) for name in answer.way.split()]
    if answer.arithmetic == "float32":
        if q.dtype == "float64":
            named.append(Finding.of(["float32-inside"]))
        else:
            note(q, FLOAT32)
    if m > 1 and given_arrays[0].delta is None and not answer.unexplained:
        way = Way("all", int(reduction == "mean"))
        named += reduction_findings(q, way, way)
    for said in remarks(answer.layers):
        note(q, said)
    unknown = patterns(answer.layers, [(display, seen)])
    return Diagnosis(q.network, named, unknown, answer.layers, answer.arithmetic, "", q.notes)


def _rounded(found: Found, u: float) -> Found:
    arrays = (None if a is None else near(a, u) for a in (found.nabla_b, found.nabla_w, found.delta))
    return Found(*arrays)


def _read(q: Question, given: Any) -> list[Found]:
    """(nabla_b, nabla_w), or a list of δ, or a list of ∂C/∂W: told apart by shapes."""
    shapes, count = [w.shape for w in q.candidate.weights], len(q.candidate.weights)

    def arrays(values: Any) -> list[Array]:
        return [as_float64(np.asarray(v)) for v in values]

    try:
        if len(given) == 2 and all(isinstance(g, (list, tuple)) and len(g) == count for g in given):
            pair = [arrays(g) for g in given]
            if [w.shape for w in pair[1]] == shapes or [b.size for b in pair[0]] == [s[0] for s in shapes]:
                return found_in(q, pair, lambda a: a)
        items = arrays(given)
    except (TypeError, ValueError, NotGradients) as error:
        raise ValueError(f"candidate: expected lists of arrays of floats ({error})") from error
    samples = q.x.shape[1]
    if [i.shape for i in items] == shapes and any(s[1] != samples for s in shapes):
        return [Found(None, w) for w in items]
    deltas = [i.reshape(-1, 1) if i.ndim == 1 else i for i in items]
    wanted = [(s[0], samples) for s in shapes]
    if [d.shape for d in deltas] != wanted:
        raise ValueError(
            f"candidate: expected δ of shapes {wanted}, or (nabla_b, nabla_w), or ∂C/∂W of shapes {shapes}; "
            f"got {[i.shape for i in items]}"
        )
    return [Found(None, None, d) for d in deltas]
