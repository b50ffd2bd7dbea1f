"""How the samples of a batch are put together: summed, averaged, or mistaken.

A batch of m is compared with the candidate's own results for its samples, not with ours, so that a mistake in BP4 is
not taken for one of averaging.  ∂C/∂b and ∂C/∂w may each be put together in a way of their own (`Way`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.answering import FLAT, Answer, Run, field_run, float_runs, rational_runs
from compare.asking import RAISED, Question, call, found_in, note
from compare.diagnosis import Finding
from compare.near import DOUBLE, SINGLE, Near, equal, values
from compare.variants import Pass, averaged
from compare.walking import Found, Seen, along, retraced

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Way:
    """What is made of the samples, and how often it is divided by their number m.

    taken:    "all": their sum; "last": the last one; "columns": one column each; "averaged": the pass of the
              mean sample
    divided:  0, 1, 2
    """

    taken: str
    divided: int = 0


_WAYS = [Way(taken, divided) for divided in range(3) for taken in ("all", "last", "columns")]
_AVERAGED = Way("averaged")
_M = 2  # samples in a batch here


def batch_findings(q: Question, answer: Answer) -> list[Finding]:
    """How the samples of a batch are put together; asked if there are several, or if it was declared."""
    if q.x.shape[1] == 1 and q.reduction is None:
        return []
    u = SINGLE if answer.arithmetic == "float32" else DOUBLE
    runs = float_runs(q, u, samples=_M)
    if answer.arithmetic == "finite field":
        runs = iter([field_run(q, samples=_M)])
    elif answer.arithmetic == "rational":
        runs = rational_runs(q, samples=_M)
    common: list[set[Way]] = []
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
    b, w = (next((way for way in (*_WAYS, _AVERAGED) if way in (both or ways)), None) for ways in common)
    if None in (b, w) and any(m.name == "updated-w" for layer in answer.layers for c in layer.classes for m in c):
        note(q, "W changes within a batch: how its samples are put together cannot be said")
        return []
    return reduction_findings(q, b, w)


def _ways(q: Question, run: Run, answer: Answer, u: float) -> list[set[Way]]:
    """How ∂C/∂b and ∂C/∂w of a batch of two may follow from those of its samples, for all layers alike."""
    weights, biases, x, y = run.point
    batch = found_in(q, call(q, run.point), run.read)
    singles = [found_in(q, call(q, (weights, biases, x[:, s : s + 1], y[:, s : s + 1])), run.read) for s in range(_M)]
    found = []
    for slot, own, decay in (
        ("nabla_b", run.passed.biases, answer.decay[1]),
        ("nabla_w", run.passed.weights, answer.decay[0]),
    ):
        judged = [i for i in range(len(own)) if (slot, i) not in q.silent]
        whole, first, last = (
            [_without(getattr(layers[i], slot), own[i], decay) for i in judged] for layers in (batch, *singles)
        )
        ways = set()
        if [a.shape for a in first] == [b.shape for b in last]:
            each = list(zip(first, last, strict=True))
            taken = {"all": [a + b for a, b in each], "last": last, "columns": [np.hstack(two) for two in each]}
            ways = _fitting(whole, taken, _rounded(first + last, u))
        if not ways and not answer.unexplained:  # a mistake mixes the samples, as an updated W does
            made = along(answer.layers, Seen(run.passed, batch, run.same, 1, *answer.decay))
            at = {at.layer - 2: at for at in made or ()}
            of = {"all": [getattr(at[i], slot) for i in judged], "columns": [at[i].delta for i in judged]} if at else {}
            ways = _fitting(whole, of, run.same)
        found.append(ways)
    flat = {f.name for f in q.network.activation_functions} & set(FLAT)
    if (flat or not all(found)) and _is_averaged(q, run, batch, answer):
        return [ways | {_AVERAGED} for ways in found]
    return found


def _without(array: Array, own: Array, decay: float) -> Array:
    return array - own * decay if decay and array.shape == own.shape else array


def _fitting(whole: list[Array], taken: dict[str, list[Array]], same: Callable[[Array, Array], bool]) -> set[Way]:
    """The ways that make the batch's gradients of what was taken of the samples."""
    return {
        way
        for way in _WAYS
        if way.taken in taken
        and all(
            f.shape == e.shape and same(f, e / _M**way.divided if way.divided else e)
            for f, e in zip(whole, taken[way.taken], strict=True)
        )
    }


def _rounded(parts: list[Array], u: float) -> Callable[[Array, Array], bool]:
    """Whether two sums of the same few hundred products are equal, or, of floats, within u times their size."""
    if not parts or not isinstance(parts[0].flat[0], Near):
        return equal
    bound = 4096 * u * max(1.0, *(float(np.abs(values(part)).max()) for part in parts))
    return lambda found, expected: bool((np.abs(values(found) - values(expected)) <= bound).all())


def _is_averaged(q: Question, run: Run, batch: list[Found], answer: Answer) -> bool:
    """Whether these are the gradients of the mean sample, or twice them."""
    return any(
        retraced(answer.layers, Seen(made, batch, run.same, factor, *answer.decay))
        for made in (averaged(run.passed), *_mean_inputs(q, run))
        for factor in (1, 2)
    )


def _mean_inputs(q: Question, run: Run) -> Iterator[Pass]:
    """The pass of the mean input: x and y averaged before the forward pass."""
    p = run.passed
    x, y = (a.sum(axis=1, keepdims=True) / a.shape[1] for a in (p.activations[0], p.y))
    zs, activations = q.network.forward(x, p.weights, p.biases)
    yield Pass(p.weights, p.biases, zs, activations, y, p.functions, p.cost, p.eta)


def reduction_findings(q: Question, b: Way | None, w: Way | None) -> list[Finding]:
    """What the ways in which ∂C/∂b and ∂C/∂w are put together mean, given what was declared; None: no known way."""
    if b is None or w is None:
        which = " and ".join(name for name, way in (("∂C/∂b", b), ("∂C/∂w", w)) if way is None)
        said = f"{which} of a batch is no sum or mean of those of its samples"
        if q.reduction is not None:
            return [Finding((), (), "batch", "", "", said)]
        note(q, f"it takes one sample at a time: {said}")
        return []
    if b.taken == "columns" and q.reduction is None:
        note(q, "it takes one sample at a time: of a batch, ∂C/∂b is one column per sample, and not summed")
        return []
    found = []
    if "averaged" in (b.taken, w.taken):
        return [Finding.of(["activations-averaged"])]
    if "last" in (b.taken, w.taken):
        of = "" if b.taken == w.taken else f"of ∂C/∂{'b' if b.taken == 'last' else 'w'} alone"
        found.append(Finding.of(["last-sample-only"], numbers=of))
    if b.taken == "columns":
        found.append(Finding.of(["bias-not-summed-over-batch"]))
    divided = {b.divided, w.divided}
    if b.taken != w.taken or divided == {0}:  # where no sum was made, its division is gone with it
        divided = {way.divided for way in (b, w) if way.taken == "all" or way.divided}
    if 2 in divided:
        found.append(Finding.of(["averaged-twice"]))
    if len(divided) > 1:
        found.append(Finding.of(["reductions-differ"]))
    elif q.reduction == "sum" and divided == {1}:
        found.append(Finding.of(["mean-for-sum"]))
    elif q.reduction == "mean" and divided == {0}:
        found.append(Finding.of(["sum-for-mean"]))
    if not found and q.reduction is None:
        note(q, f"equal under this convention: the samples of a batch are {'averaged' if w.divided else 'summed'}")
    return found
