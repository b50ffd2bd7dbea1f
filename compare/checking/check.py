"""`check`: is somebody's backpropagation right, in float64 and as an identity?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare.candidates.candidate import Candidate, Runner
from compare.candidates.gradients import CandidateError, NotGradients, as_float64
from compare.checking.batches import allowed
from compare.checking.check_report import CheckReport
from compare.checking.exact_verdict import verdict
from compare.checking.examination import Examination
from compare.checking.float_verdict import Beside, NoReference, Sample, beside, float_verdict
from compare.checking.other_sizes import at_other_sizes
from compare.checking.verdicts import FloatVerdict, Verdict
from explicit import Activation, Cost, Network, checks


def check(
    candidate: Any,
    x: Any,
    y: Any,
    activation: str | Activation | Sequence[str | Activation] = "sigmoid",
    cost: str | Cost = "quadratic",
    seed: int = 0,
    *,
    weights: Sequence[Any] | None = None,
    biases: Sequence[Any] | None = None,
    sizes: Sequence[int] | None = None,
    reduction: str | None = None,
) -> CheckReport:
    """Compare somebody's backpropagation with the adjoints of a graph of our own.

    In float64 at the given samples, bit by bit, and at these and at three random ones, one by one and as batches,
    within what rounding explains (`report.floats`).  In exact arithmetic at random points, where the
    candidate's own code runs on other numbers: over a finite field (`report.proved` is True), or, to
    confirm that it is wrong (False), in rational numbers or in balls (extra `exact`).  None means neither;
    `report.reason` says why, and names the line of the candidate's code that stood in the way.
    `report.right` joins both: True only where both hold.

    Parameters
    ----------
    candidate : an object with `weights`, `biases` and ``backprop(x, y) -> (nabla_b, nabla_w)``, as in the
        book's network.py; a function ``backprop(weights, biases, x, y)`` that returns the same; or a class whose
        objects are such, made as ``candidate(sizes)``.  It is called for one sample, x and y as columns, where C is
        the cost of that sample, and for batches, which it may sum, average, or not take.  nabla_b and nabla_w are
        lists of arrays in the shapes of biases and weights.  An object is copied first, and never changed
    x, y : inputs (n₁, B) and targets (n_L, B), samples in columns
    activation, cost : as for `explicit.Network`: what the candidate claims to differentiate
    seed : of the random points, and of the weights where only sizes are given
    weights, biases, sizes : for a function: its parameters, or the sizes of random ones; sizes for a class, too
    reduction : "sum" or "mean" over the samples of a batch, if that is part of the question

    Returns
    -------
    a `CheckReport`.  What the candidate raises or returns wrongly is a finding in it, and no error of check

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a candidate without the interface; parameters that do not fit together.
    """
    if reduction not in ("sum", "mean", None):
        raise ValueError(f"reduction: expected 'sum', 'mean' or None, got {reduction!r}")
    is_of_class = isinstance(candidate, type)
    of = _candidate(candidate, weights, biases, sizes, seed)
    network = Network(of.sizes, activation=activation, cost=cost)
    network.weights, network.biases = of.weights, of.biases
    x, y = checks.samples(x, y, of.sizes[0], of.sizes[-1])
    for name, array in (("x", x), ("y", y)):
        if array.dtype.hasobject:
            raise TypeError(f"{name}: expected floats, got an array of objects")
    samples = [(x[:, s : s + 1], y[:, s : s + 1]) for s in range(x.shape[1])]
    runner, failure = of.fresh(), ""
    found: list[Beside] = []
    try:
        found = [beside(runner, network, sample) for sample in samples]
        floats = float_verdict(of, network, found, (x, y), reduction, np.random.RandomState(seed))
    except NoReference as error:
        failure = str(error)
        floats = FloatVerdict(None, failure)
    except (CandidateError, NotGradients) as error:
        failure = f"{'the candidate raised at' if isinstance(error, CandidateError) else 'not comparable:'} {error}"
        return CheckReport(network, [], Verdict(None, failure, "float64"), FloatVerdict(None, failure), failure)
    # Floats first: a function that remembers must not meet the exact numbers of earlier calls in them.
    notes = _notes(runner, samples[0], found)
    others = at_other_sizes(of, is_of_class, network, samples[0], reduction, seed)
    reductions = allowed(reduction) if floats.reductions is None else floats.reductions
    decided = verdict(Examination(of, network, seed, reductions), floats)
    if of.forced is not None:
        notes.append(f"{of.forced}: forces floats; np.zeros and its kin made arrays of objects for the run")
    pairs = [[replace(pair, sample=s) for pair in one.pairs] for s, one in enumerate(found)]
    return CheckReport(network, pairs, decided, floats, failure, tuple(notes), others)


def _candidate(
    candidate: Any,
    weights: Sequence[Any] | None,
    biases: Sequence[Any] | None,
    sizes: Sequence[int] | None,
    seed: int,
) -> Candidate:
    if isinstance(candidate, type):
        if sizes is None or weights is not None or biases is not None:
            raise ValueError(f"sizes: needed for the class {candidate.__name__}, which has no other parameters")
        return Candidate(candidate(list(sizes)))
    if sizes is not None:
        if hasattr(candidate, "backprop"):
            raise ValueError("sizes: the candidate has weights of its own; sizes are for a function or a class only")
        if weights is not None or biases is not None:
            raise ValueError("sizes: give either sizes or weights and biases")
        drawn = Network(sizes, seed=seed)
        weights, biases = drawn.weights, drawn.biases
    return Candidate(candidate, weights, biases)


def _notes(runner: Runner, sample: Sample, found: list[Beside]) -> list[str]:
    notes = []
    if runner.changed:
        notes.append(f"backprop changed `{runner.changed}` in place; each call was given them afresh")
    if not found:
        return notes
    before = found[0].raw
    narrow = {str(a.dtype) for a in before} - {"float64"}
    if narrow:
        notes.append(f"backprop returned {', '.join(sorted(narrow))}, not float64")
    try:
        again = runner.on_floats(*sample)
        both = zip(before, again, strict=True)
        same = all(as_float64(a).tobytes() == as_float64(b).tobytes() for a, b in both)
    except (CandidateError, NotGradients) as error:
        return [*notes, f"a second call with the same numbers failed: {error}"]
    if not same:
        notes.append("two calls with the same numbers gave different results: it is random, or it remembers")
    return notes
