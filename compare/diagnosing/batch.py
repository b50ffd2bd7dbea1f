"""How the samples of a batch are put together: summed, averaged, or mistaken."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice, product

import numpy as np

from compare.candidates.gradients import as_float64
from compare.candidates.reduction import TAKEN, Reduction
from compare.diagnosing.answer import Answer, holds_as_given, is_firm
from compare.diagnosing.findings import Finding
from compare.diagnosing.probes import Probe, field_probe, float_probe, float_probes, rational_probes
from compare.diagnosing.question import RAISED, Question, call, found_in, note
from compare.diagnosing.tried import Found, Seen
from compare.diagnosing.walk import along, retraced
from compare.mistakes.slots import At, Pass, averaged, regularised
from compare.numbers.bounded import Near, equal, values
from explicit.costs import quadratic
from explicit.elementwise import Array

_EXACT = (4, 2)  # sizes of batches: two, which no other divisor can be; of exact numbers, 1/m must be a float
_FLOAT = (4, 3)
_MOST_PROBES = 6
_REDUCTIONS = [Reduction(taken, divided) for divided in range(3) for taken in TAKEN]
_WHOLE = [Reduction("averaged"), *(Reduction("spread", d) for d in range(3))]  # of both ∂C/∂b and ∂C/∂w, by a walk
_SLOTS = ("nabla_b", "nabla_w")
Reductions = list[list[set[Reduction]]]  # of ∂C/∂b and of ∂C/∂w, layer by layer; a set of all where nothing is judged


def batch_findings(q: Question, answer: Answer) -> list[Finding]:
    """How the samples of a batch are put together; asked if there are several, or if it was declared."""
    q.singly = q.x.shape[1] == 1 and q.declared.reduction is None
    if q.singly:
        return []
    try:
        common = _reductions(q, answer)
    except (*RAISED, _OneByOne) as error:
        if q.declared.reduction is not None:
            raise
        said = str(error) if isinstance(error, _OneByOne) else f"a batch raised: {error}"
        note(q, f"it takes one sample at a time ({said})")
        q.singly = True
        return []
    found = _layers_of_one_sample(common)
    overall = [_but_constant(set.intersection(*ways)) for ways in common]
    both = overall[0] & overall[1]
    b, w = (next((way for way in (*_REDUCTIONS, *_WHOLE) if way in (both or ways)), None) for ways in overall)
    if None in (b, w) and any(m.name == "updated-w" for layer in answer.layers for c in layer.classes for m in c):
        note(q, "W changes within a batch: how its samples are put together cannot be said")
        return []
    if None in (b, w) and answer.unexplained:  # what is not explained of one sample is not of several
        return found
    return [*found, *reduction_findings(q, b, w, q.declared.reduction)]


class _OneByOne(Exception):
    """Of a batch there are other shapes than of its samples: it is code for one sample."""


def _reductions(q: Question, answer: Answer) -> Reductions:
    """What holds at every point: of floats, the caller's own batch among them, and of exact numbers where these serve.

    As for one sample, floats decide where the code forces them, or computes something else on exact numbers.
    """
    common: Reductions = []
    with suppress(*RAISED):
        common = _common(q, answer, _exact_probes(q, answer), [])
    served = bool(common) and all(ways for layers in common for ways in layers)
    sizes, most = (_FLOAT[1:], 2) if served else (_FLOAT, _MOST_PROBES)
    in_floats = (probe for m in sizes for probe in islice(float_probes(q, answer.u, samples=m), most))
    common = _common(q, answer, in_floats, common if served else [])
    return _common_as_given(q, answer, common) if q.x.shape[1] > 1 else common


def _common(q: Question, answer: Answer, probes: Iterable[Probe], common: Reductions) -> Reductions:
    for probe in probes:
        here = _reductions_at(q, probe, answer)
        both_of = zip(common or here, here, strict=True)
        common = [[a & b for a, b in zip(*two, strict=True)] for two in both_of]
    return common


def _common_as_given(q: Question, answer: Answer, common: Reductions) -> Reductions:
    """The same with the caller's batch, where its numbers say anything."""
    own = float_probe(q, (q.candidate.weights, q.candidate.biases, q.x, q.y), answer.u)
    probe = replace(own, read=as_float64)  # there may be many samples, and their sums are bounded as they are
    try:
        here = _common(q, answer, [probe], common)
        if here == common or answer.unexplained:
            return here
        if holds_as_given(q, answer) is not True:  # that is said of its samples one by one
            return common
        seen = own.seen(q, answer.decay)
        if is_firm(seen, along(answer.layers, seen) or []):
            return here
    except (ArithmeticError, ValueError):  # the cost has no derivative there
        pass
    note(q, "the given batch: a z is at a kink, or floats overflow, so that nothing can be said of it as a whole")
    return common


def _exact_probes(q: Question, answer: Answer) -> Iterator[Probe]:
    """Batches of each size in the exact arithmetic of the answer; none where it is one of floats."""
    for m in _EXACT:
        if answer.arithmetic == "finite field":
            yield field_probe(q, samples=m)
        elif answer.arithmetic == "rational":
            yield from islice(rational_probes(q, samples=m), _MOST_PROBES)


def _layers_of_one_sample(common: Reductions) -> list[Finding]:
    """Layers of which one sample alone counts, while all samples do of others: they are told, and taken out."""
    found: dict[tuple[int, str], list[str]] = {}
    for taken, (slot, layers) in product(("last", "first"), zip(("b", "w"), common, strict=True)):
        alone = [i for i, ways in enumerate(layers) if ways and all(way.taken == taken for way in ways)]
        if alone and len(alone) < len(layers) and not set.intersection(*layers):
            for i in alone:
                layers[i] = set(_REDUCTIONS)
                found.setdefault((i + 2, taken), []).append(f"∂C/∂{slot}")
    return [_of_one(taken, " and ".join(slots), layer) for (layer, taken), slots in sorted(found.items(), reverse=True)]


def _but_constant(ways: set[Reduction]) -> set[Reduction]:
    """Without "first" and "last" where both fit: what does not depend on the samples is neither."""
    alone = {way for way in ways if way.taken in ("first", "last")}
    return ways - alone if len({way.taken for way in alone}) == 2 else ways


def _of_one(taken: str, of: str, layer: int | None = None) -> Finding:
    """Only the last, or the first, sample counts of a quantity; everywhere, or at one layer."""
    where = () if layer is None else (layer,)
    if taken == "last":
        alone = "there" if where else "" if " and " in of else "alone"
        return Finding.of(["last-sample-only"], where, f"of {of} {alone}" if alone else "")
    return Finding((), where, "batch", "", "", f"of {of} only the first sample of a batch counts")


def leaves_samples_out(q: Question, answer: Answer) -> bool:
    """Whether all gradients of one sample are 0, and those of a batch are not."""
    if not all(layer.is_skipped for layer in answer.layers):
        return False
    try:
        probe = next(float_probes(q, samples=_EXACT[0]))
        batch = [f for layer in found_in(q, call(q, probe.point), probe.read) for f in (layer.nabla_b, layer.nabla_w)]
    except RAISED:
        return False
    return any(f is not None and values(f).any() for f in batch)


def _reductions_at(q: Question, probe: Probe, answer: Answer) -> Reductions:
    """How ∂C/∂b and ∂C/∂w of a batch may follow from those of its samples, layer by layer."""
    weights, biases, x, y = probe.point
    m = x.shape[1]
    batch = found_in(q, call(q, probe.point), probe.read)
    singles = [found_in(q, call(q, (weights, biases, x[:, s : s + 1], y[:, s : s + 1])), probe.read) for s in range(m)]
    _check_shapes(q, batch, singles)
    mixed: list[At] | None = None
    found: Reductions = []
    for slot, own, decay in zip(_SLOTS, (biases, weights), answer.decay[::-1], strict=True):
        layers = []
        for i in range(len(own)):
            if (slot, i) in q.silent:
                layers.append(set(_REDUCTIONS))
                continue
            whole, *each = (regularised(getattr(f[i], slot), own[i], -decay) for f in (batch, *singles))
            ways = set()
            if len({one.shape for one in each}) == 1:
                ways = _fitting(whole, {how: take(each) for how, take in TAKEN.items()}, m, _rounded(each, answer.u))
            if not ways and not answer.unexplained:  # a mistake mixes the samples, as an updated W does
                if mixed is None:
                    mixed = along(answer.layers, Seen(probe.passed, batch, probe.same, 1, *answer.decay)) or []
                for at in (at for at in mixed if at.layer == i + 2):
                    columns = {"columns": at.delta} if slot == "nabla_b" else {}
                    ways = _fitting(whole, {"all": getattr(at, slot), **columns}, m, probe.same)
            layers.append(ways)
        found.append(layers)
    flat = any(f.row.kink == 1 for f in q.network.activation_functions)
    if flat or not all(ways for layers in found for ways in layers):
        whole_ways = _of_the_whole(q, probe, batch, answer)
        found = [[ways | whole_ways for ways in layers] for layers in found]
    return found


def _check_shapes(q: Question, batch: list[Found], singles: list[list[Found]]) -> None:
    """Raise _OneByOne where a batch has the shapes of no gradients; ∂C/∂b may have one column for each sample."""
    for i, slot in product(range(len(batch)), _SLOTS if q.declared.reduction is None else ()):
        whole, *each = (getattr(f[i], slot) for f in (batch, *singles))
        shapes = {one.shape for one in each if one is not None}
        columns = np.hstack(each).shape if slot == "nabla_b" and len(shapes) == 1 else None
        if len(shapes) == 1 and whole.shape not in (*shapes, columns):
            name = f"∂C/∂{slot[-1]} at layer {i + 2}"
            raise _OneByOne(f"of a batch of {len(singles)}, {name} has shape {whole.shape}, and of one {shapes.pop()}")


def _fitting(whole: Array, taken: dict[str, Array], m: int, same: Callable[[Array, Array], bool]) -> set[Reduction]:
    """The ways that make the batch's gradient of what was taken of the samples."""
    made = ((way, way.over(taken[way.taken], m)) for way in _REDUCTIONS if way.taken in taken)
    return {way for way, expected in made if whole.shape == expected.shape and same(whole, expected)}


def _rounded(parts: list[Array], u: float) -> Callable[[Array, Array], bool]:
    """Whether two sums of the same few hundred products are equal, or, of floats, within u times their size."""
    if not parts or not isinstance(parts[0].flat[0], (Near, float)):
        return equal
    bound = 4096 * u * max(1.0, sum(float(np.abs(values(part)).max()) for part in parts))
    if not np.isfinite(bound):
        return lambda found, expected: False
    return lambda found, expected: bool((np.abs(values(found) - values(expected)) <= bound).all())


def _of_the_whole(q: Question, probe: Probe, batch: list[Found], answer: Answer) -> set[Reduction]:
    """Reductions that are a pass of their own: that of the mean sample (or twice it), and that of spread targets."""
    found = set()
    m = probe.passed.y.shape[1]
    one = probe.passed.y.flat[0] * 0 + 1
    for made in means(q, probe):
        if any(retraced(answer.layers, Seen(made, batch, probe.same, factor, *answer.decay)) for factor in (1, 2)):
            found.add(Reduction("averaged"))
    if q.network.cost.row == quadratic:  # Σₜ (aₛ − yₜ) = m (aₛ − ȳ)
        y = np.repeat(probe.passed.y.sum(axis=1, keepdims=True) / m, m, axis=1)
        for way in _WHOLE[1:]:
            factor = one * m / m**way.divided
            if retraced(answer.layers, Seen(replace(probe.passed, y=y), batch, probe.same, factor, *answer.decay)):
                found.add(way)
    return found


def means(q: Question, probe: Probe) -> tuple[Pass, Pass]:
    """The passes of the mean sample: z, a and y averaged after the forward pass, or x and y before it."""
    after = averaged(probe.passed)
    zs, activations = q.network.forward(after.activations[0], after.weights, after.biases)
    return after, replace(after, zs=zs, activations=activations)


def reduction_findings(q: Question, b: Reduction | None, w: Reduction | None, declared: str | None) -> list[Finding]:
    """What the ways in which ∂C/∂b and ∂C/∂w are put together mean, given what was declared; None: no known way."""
    if b is None or w is None:
        which = " and ".join(name for name, way in (("∂C/∂b", b), ("∂C/∂w", w)) if way is None)
        said = f"{which} of a batch: no sum or mean of what is made of its samples one by one"
        return [Finding((), (), "batch", "", "", said)]
    if b.taken == "columns" and declared is None:
        q.singly = True
        note(q, "it takes one sample at a time: of a batch, ∂C/∂b is one column per sample, and not summed")
        return []
    found = []
    if "averaged" in (b.taken, w.taken):
        return [Finding.of(["activations-averaged"])]
    if "spread" in (b.taken, w.taken):
        return [Finding.of(["y-broadcast"], numbers="over the samples of a batch: (m, 1) minus (m,)")]
    for taken in ("first", "last"):
        if of := [name for name, way in (("∂C/∂b", b), ("∂C/∂w", w)) if way.taken == taken]:
            found.append(_of_one(taken, " and ".join(of)))
    if b.taken == "columns":
        found.append(Finding.of(["bias-not-summed-over-batch"]))
    divided = {b.divided, w.divided}
    if b.taken != w.taken or divided == {0}:  # where no sum was made, its division is gone with it
        divided = {way.divided for way in (b, w) if way.taken == "all" or way.divided}
    if 2 in divided:
        found.append(Finding.of(["averaged-twice"]))
    if len(divided) > 1:
        found.append(Finding.of(["reductions-differ"]))
    elif declared == "sum" and divided == {1}:
        found.append(Finding.of(["mean-for-sum"]))
    elif declared == "mean" and divided == {0}:
        found.append(Finding.of(["sum-for-mean"]))
    if not found and declared is None:
        note(q, f"equal under this convention: the samples of a batch are {'averaged' if w.divided else 'summed'}")
    return found
