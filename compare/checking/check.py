"""`check`: is somebody's backpropagation right, in float64 and as an identity?"""

from collections.abc import Sequence
from typing import Any

from compare.candidates.beside_ours import adjoints, pairs
from compare.candidates.candidate import Candidate, Runner
from compare.candidates.gradients import CandidateError, Gradients, NotGradients, as_float64
from compare.checking.check_report import CheckReport
from compare.checking.exact_verdict import verdict
from compare.checking.trial import Verdict
from compare.comparison.rows import Pair
from explicit import Activation, Cost, Network, checks
from explicit.elementwise import Array


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
) -> CheckReport:
    """Compare somebody's backpropagation with the adjoints of a graph of our own.

    In float64 at the given samples, bit by bit; and in exact arithmetic at random points, where the
    candidate's own code runs on other numbers: over a finite field (`report.proved` is True), or, to
    confirm that it is wrong (False), in rational numbers or in balls (extra `exact`).  None means neither;
    `report.reason` says why, and names the line of the candidate's code that stood in the way.

    Parameters
    ----------
    candidate : an object with `weights`, `biases` and ``backprop(x, y) -> (nabla_b, nabla_w)``, as in the
        book's network.py, or a function ``backprop(weights, biases, x, y)`` that returns the same.  It is
        called for one sample at a time, x and y as columns; C is the cost of that sample, without a
        mean.  nabla_b and nabla_w are lists of arrays in the shapes of biases and weights.  An object is
        copied first, and never changed
    x, y : inputs (n₁, B) and targets (n_L, B), samples in columns
    activation, cost : as for `explicit.Network`: what the candidate claims to differentiate
    seed : of the random points, and of the weights where only sizes are given
    weights, biases, sizes : for a function: its parameters, or the sizes of random ones

    Returns
    -------
    a `CheckReport`.  What the candidate raises or returns wrongly is a finding in it, and no error of check

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a candidate without the interface; parameters that do not fit together.
    """
    of = _candidate(candidate, weights, biases, sizes, seed)
    network = Network(of.sizes, activation=activation, cost=cost)
    network.weights, network.biases = of.weights, of.biases
    x, y = checks.samples(x, y, of.sizes[0], of.sizes[-1])
    for name, array in (("x", x), ("y", y)):
        if array.dtype.hasobject:
            raise TypeError(f"{name}: expected floats, got an array of objects")
    try:
        found, notes = _in_floats(of, network, x, y)
        failure = ""
    except CandidateError as error:
        failure, notes = f"the candidate raised at {error}", []
        return CheckReport(network, [], Verdict(None, failure, "float64"), failure)
    except NotGradients as error:
        failure = f"not comparable: {error}"
        return CheckReport(network, [], Verdict(None, failure, "float64"), failure)
    except _OursFailed as error:
        found, failure, notes = [], str(error), []
    decided = verdict(of, network, seed)
    return CheckReport(network, found, decided, failure, (*notes, *decided.notes))


def _candidate(
    candidate: Any,
    weights: Sequence[Any] | None,
    biases: Sequence[Any] | None,
    sizes: Sequence[int] | None,
    seed: int,
) -> Candidate:
    if sizes is not None:
        if hasattr(candidate, "backprop"):
            raise ValueError("sizes: the candidate has weights of its own; sizes are for a function only")
        if weights is not None or biases is not None:
            raise ValueError("sizes: give either sizes or weights and biases")
        drawn = Network(sizes, seed=seed)
        weights, biases = drawn.weights, drawn.biases
    return Candidate(candidate, weights, biases)


class _OursFailed(Exception):
    """Our own side has no answer at the given samples (cross-entropy at an output of 0 or 1)."""


def _in_floats(of: Candidate, network: Network, x: Array, y: Array) -> tuple[list[list[Pair]], list[str]]:
    runner = of.fresh()
    samples = [(x[:, s : s + 1], y[:, s : s + 1]) for s in range(x.shape[1])]
    returned = [runner.on_floats(*sample) for sample in samples]
    found = []
    for sample, gradients in zip(samples, returned, strict=True):
        theirs = _as_float64(gradients)
        try:
            ours, _ = adjoints(network, of.weights, of.biases, *sample)
        except ValueError as error:
            raise _OursFailed(f"the network's own cost has no value here: {error}") from error
        found.append(pairs(theirs, _as_float64(ours)))
    return found, _notes(runner, samples[0], returned[0])


def _as_float64(g: Gradients) -> Gradients:
    return Gradients([as_float64(a) for a in g.deltas], [as_float64(a) for a in g.nabla_w])


def _notes(runner: Runner, sample: tuple[Array, Array], before: Gradients) -> list[str]:
    notes = []
    if runner.changed:
        notes.append(f"backprop changed `{runner.changed}` in place; each call was given them afresh")
    narrow = {str(a.dtype) for a in (*before.deltas, *before.nabla_w)} - {"float64"}
    if narrow:
        notes.append(f"backprop returned {', '.join(sorted(narrow))}, not float64")
    try:
        again = runner.on_floats(*sample)
    except (CandidateError, NotGradients) as error:
        return [*notes, f"a second call with the same numbers failed: {error}"]
    if any(not found.equal.all() for found in pairs(_as_float64(again), _as_float64(before))):
        notes.append("two calls with the same numbers gave different results: it is random, or it remembers")
    return notes
