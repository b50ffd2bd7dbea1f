"""How the samples of a batch are put together: summed, averaged, or mistaken."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.answering import FLAT, Answer, Run, field_run, float_runs, rational_runs
from compare.asking import RAISED, Question, call, found_in, note
from compare.diagnosis import Finding
from compare.near import DOUBLE, SINGLE, Near, equal, values
from compare.variants import Pass, averaged
from compare.walking import Found, Way, walk

Array = npt.NDArray[Any]


def batch_findings(q: Question, answer: Answer) -> list[Finding]:
    """How the samples of a batch are put together; asked if there are several, or if it was declared."""
    if q.x.shape[1] == 1 and q.reduction is None:
        return []
    u = SINGLE if answer.arithmetic == "float32" else DOUBLE
    runs = float_runs(q, u, samples=2)
    if answer.arithmetic == "finite field":
        runs = iter([field_run(q, samples=2)])
    elif answer.arithmetic == "rational":
        runs = rational_runs(q, samples=2)
    common: list[set[str]] = []
    for run in runs:
        try:
            here = _ways(q, run, answer, u)
        except RAISED as error:
            if q.reduction is not None:
                raise
            note(q, f"it takes one sample at a time (a batch raised: {error})")
            return []
        common = [a & b for a, b in zip(common, here, strict=True)] if common else here
    both = common[0] & common[1]
    names = [next((way for way in WAYS if way in (both or ways)), "") for ways in common]
    return reduction_findings(q, names[0], names[1])


WAYS: dict[str, Callable[[Array, Array], Array]] = {
    "sum": lambda a, b: a + b,
    "mean": lambda a, b: (a + b) / 2,
    "mean twice": lambda a, b: (a + b) / 4,
    "last": lambda a, b: b,
    "columns": lambda a, b: np.hstack([a, b]),
    "averaged": lambda a, b: a,  # found by a walk of its own
}


def _ways(q: Question, run: Run, answer: Answer, u: float) -> list[set[str]]:
    """How ∂C/∂b and ∂C/∂w of a batch of two may follow from those of its samples, for all layers alike."""
    weights, biases, x, y = run.point
    batch = found_in(q, call(q, run.point), run.read)
    singles = [found_in(q, call(q, (weights, biases, x[:, s : s + 1], y[:, s : s + 1])), run.read) for s in (0, 1)]
    found = []
    for slot, own, each in (
        ("nabla_b", run.passed.biases, answer.decay[1]),
        ("nabla_w", run.passed.weights, answer.decay[0]),
    ):
        parts = [[_without(getattr(f, slot), w, each) for f, w in zip(s, own, strict=True)] for s in singles]
        whole = [_without(getattr(f, slot), w, each) for f, w in zip(batch, own, strict=True)]
        found.append({name for name, way in WAYS.items() if name != "averaged" and _fits(way, whole, parts, u)})
    flat = {f.name for f in q.network.activation_functions} & set(FLAT)
    if (flat or not all(found)) and _is_averaged(q, run, batch, answer):
        return [ways | {"averaged"} for ways in found]
    return found


def _without(array: Array | None, own: Array, decay: float) -> Array:
    assert array is not None
    return array - own * decay if decay and array.shape == own.shape else array


def _fits(way: Callable[[Array, Array], Array], whole: list[Array], parts: list[list[Array]], u: float) -> bool:
    for found, a, b in zip(whole, *parts, strict=True):
        if a.shape != b.shape:
            return False
        expected = way(a, b)
        if found.shape != expected.shape or not _alike(found, expected, np.hstack([a, b]), u):
            return False
    return True


def _alike(found: Array, expected: Array, scale: Array, u: float) -> bool:
    if not isinstance(expected.flat[0], Near):
        return equal(found, expected)
    # Both are sums of the same few hundred products: u times their size, with room.
    bound = 4096 * u * max(float(np.abs(values(scale)).max()), 1.0)
    return bool((np.abs(values(found) - values(expected)) <= bound).all())


def _is_averaged(q: Question, run: Run, batch: list[Found], answer: Answer) -> bool:
    """Whether these are the gradients of the mean sample, or twice them."""
    singly = [layer.explanations for layer in answer.walks[0]]
    for made in (averaged(run.passed), *_mean_inputs(q, run)):
        for factor in (1, 2):
            walked = walk(made, batch, Way(run.same, factor, *answer.decay))
            if [layer.explanations for layer in walked] == singly:
                return True
    return False


def _mean_inputs(q: Question, run: Run) -> Iterator[Pass]:
    """The pass of the mean input: x and y averaged before the forward pass."""
    p = run.passed
    x, y = (a.sum(axis=1, keepdims=True) / a.shape[1] for a in (p.activations[0], p.y))
    zs, activations = q.network.forward(x, p.weights, p.biases)
    yield Pass(p.weights, p.biases, zs, activations, y, p.functions, p.cost, p.eta)


def reduction_findings(q: Question, b: str, w: str) -> list[Finding]:
    """What the ways (of `WAYS`) in which ∂C/∂b and ∂C/∂w are reduced mean, given what was declared."""
    declared = q.reduction
    accused = {
        ("mean twice", "mean twice"): "averaged-twice",
        ("last", "last"): "last-sample-only",
        ("averaged", "averaged"): "activations-averaged",
        ("sum", "mean"): "reductions-differ",
        ("mean", "sum"): "reductions-differ",
    }.get((b, w))
    if accused:
        return [Finding.of([accused])]
    if b == w and b in ("sum", "mean"):
        if declared is None:
            note(q, f"equal under this convention: the samples of a batch are {'summed' if b == 'sum' else 'averaged'}")
        elif b != declared:
            return [Finding.of(["mean-for-sum" if b == "mean" else "sum-for-mean"])]
        return []
    if b == "columns" and w in ("sum", "mean"):
        if declared is not None:
            return [Finding.of(["bias-not-summed-over-batch"])]
        note(q, "it takes one sample at a time: of a batch, ∂C/∂b is one column per sample, and not summed")
        return []
    if declared is None:
        note(q, "it takes one sample at a time: of a batch, its gradients are no sum or mean over the samples")
        return []
    return [Finding((), (), "batch", "", "", "the gradients of a batch are no sum or mean of those of its samples")]
