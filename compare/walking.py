"""Walking backward from the cost through somebody's gradients, naming what departs in each layer.

At each layer every way to make δ, ∂C/∂b and ∂C/∂w with as few mistakes as possible is tried on the
candidate's own δ of the layer above, so that a mistake is named where it is made, and not again below.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.near import Near, equal, within
from compare.records import CATALOGUE, SLOTS, Mistake
from compare.variants import At, Pass
from explicit import bp1, bp2, bp3, bp4

Array = npt.NDArray[Any]
Same = Callable[[Array, Array], bool]
Records = tuple[Mistake, ...]

MOST = 3  # mistakes in one layer

_BY_SLOT: dict[str, list[Mistake]] = {}
for _record in CATALOGUE:
    if not _record.parts:
        _BY_SLOT.setdefault(_record.slot, []).append(_record)
_SKIPPED = _BY_SLOT["layer"][0]


@dataclass(frozen=True, eq=False)
class Found:
    """What a candidate has for one layer; None: it does not say.  `delta` is (nₗ, B), given by some only."""

    nabla_b: Array | None = None
    nabla_w: Array | None = None
    delta: Array | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """What the walk says of one layer.

    at:            its numbers, with the candidate's δ
    explanations:  ways to make what was found, each with as few mistakes as possible; [()] for right code
    unexplained:   the equations that no record explains
    holds:         for BP1 or BP2, BP3 and BP4: True, False, or None where it cannot be said
    """

    at: At
    found: Found
    explanations: list[Records]
    unexplained: tuple[str, ...]
    holds: dict[str, bool | None]


@dataclass(frozen=True, eq=False)
class Way:
    """How gradients are compared, and what belongs to the question.

    same:     whether what was found (first) is what was expected
    factor:   1, or 1/B where the samples are averaged
    decay_w, decay_b:  λ of what is added to ∂C/∂w and ∂C/∂b
    """

    same: Same
    factor: Any = 1
    decay_w: Any = 0
    decay_b: Any = 0


@dataclass(frozen=True, eq=False)
class _Explained:
    records: Records
    at: At
    made_delta: Records = field(default=())
    made_b: Records = field(default=())
    made_w: Records = field(default=())


def walk(of: Pass, found: list[Found], way: Way) -> list[Layer]:
    """The layers L, …, 2, one after the other."""
    layers: list[Layer] = []
    above: At | None = None
    for number in range(of.last, 1, -1):
        nabla_w_next = None if above is None else found[number - 1].nabla_w
        at = At(of, number, None if above is None else above.delta, nabla_w_next)
        layers.append(_layer(at, found[number - 2], way))
        above = layers[-1].at
    return layers


def _layer(at: At, found: Found, way: Way) -> Layer:
    explained = _explanations(at, found, way)
    tag = bp1.tag if at.is_output else bp2.tag
    if explained:
        first = explained[0]
        ways = list(dict.fromkeys(e.records for e in explained))
        if ways == [(_SKIPPED,)]:
            return Layer(first.at, found, ways, (), {tag: None, bp3.tag: False, bp4.tag: False})
        holds = {
            tag: not first.made_delta,
            bp3.tag: None if found.nabla_b is None else not first.made_b,
            bp4.tag: None if found.nabla_w is None else not first.made_w,
        }
        return Layer(first.at, found, ways, (), holds)
    return _unexplained(at, found, way, tag)


def _explanations(at: At, found: Found, way: Way) -> list[_Explained]:
    """All explanations with the fewest mistakes; those with other δ than the first's are left out."""
    best = MOST
    kept: list[_Explained] = []
    for records, delta in _deltas(at):
        if len(records) > best:
            break
        here = replace(at, delta=delta)
        if found.delta is not None and not way.same(found.delta, delta):
            continue
        for b in _matching(here, "nabla_b", found.nabla_b, way):
            if len(records) + len(b) > best:
                continue
            for w in _matching(here, "nabla_w", found.nabla_w, way):
                total = len(records) + len(b) + len(w)
                if total < best:
                    kept = []
                if total <= best:
                    best = total
                    kept.append(_Explained((*records, *b, *w), here, records, b, w))
    skipped = _skipped(at, found, way)
    if skipped is None or (kept and best == 0):
        return kept
    return [*kept, skipped] if kept and best == 1 else [skipped]


def _skipped(at: At, found: Found, way: Way) -> _Explained | None:
    arrays = [a for a in (found.nabla_b, found.nabla_w) if a is not None]
    if found.delta is not None or found.nabla_w is None or not all((_plain(a) == 0).all() for a in arrays):
        return None
    return _Explained((_SKIPPED,), replace(at, delta=at.error * at.slope))


def _plain(array: Array) -> Array:
    return np.asarray(array, dtype=object)


def _deltas(at: At) -> Iterator[tuple[Records, Array]]:
    """Ways to make δ, with no mistake first, then with one, then with two."""
    filled = {slot: _filled(slot, at) for slot in SLOTS}
    yield (), at.error * at.slope
    if at.is_output and at.of.cost.name == "cross_entropy" and at.name == "sigmoid":
        yield (), at.a - at.of.y  # the same number, which rounds otherwise
    for count in (1, 2):
        for slots in combinations(SLOTS, count):
            if "delta" in slots and ("error" in slots or "slope" in slots):
                continue
            for choice in product(*(filled[slot] for slot in slots)):
                parts = {slot: made for slot, (_, made) in zip(slots, choice, strict=True)}
                made = parts.get("delta")
                if made is None:
                    made = parts.get("error", at.error) * parts.get("slope", at.slope)
                yield tuple(record for record, _ in choice), made * parts["scale"] if "scale" in parts else made


def _filled(slot: str, at: At) -> list[tuple[Mistake, Any]]:
    return [(record, made) for record in _BY_SLOT[slot] for made in _variant(record, at)]


def _variant(record: Mistake, at: At) -> list[Any]:
    try:
        return list(record.variant(at))
    except (ArithmeticError, ValueError):  # the formula has no value there: nobody computed it
        return []


def _matching(at: At, slot: str, found: Array | None, way: Way) -> Iterator[Records]:
    """() where the right formula gives what was found; else (record,) for each one that does."""
    if found is None:
        yield ()
        return
    right = at.nabla_b if slot == "nabla_b" else at.nabla_w
    if _is(found, right, at, slot, way):
        yield ()
        return
    for record in _BY_SLOT[slot]:
        if any(_is(found, made, at, slot, way) for made in _variant(record, at)):
            yield (record,)


def _is(found: Array, made: Array, at: At, slot: str, way: Way) -> bool:
    i = at.layer - 2
    decay, own = (way.decay_b, at.of.biases[i]) if slot == "nabla_b" else (way.decay_w, at.of.weights[i])
    if found.shape != made.shape:
        return False
    if way.factor != 1:
        made = made * way.factor
    if decay and own.shape == made.shape:
        made = made + own * decay
    return way.same(found, made)


def _unexplained(at: At, found: Found, way: Way, tag: str) -> Layer:
    """No record explains the layer: what can still be said of it, and with which δ the walk goes on."""
    right = replace(at, delta=at.error * at.slope)
    if found.delta is not None:
        return Layer(replace(at, delta=found.delta), found, [], (tag,), {tag: False, bp3.tag: None, bp4.tag: None})
    for here, b, w in chain([(right, True, False), (right, False, True)], _own_deltas(at, found, way)):
        says_b = next(_matching(here, "nabla_b", found.nabla_b, way), None) if b else None
        says_w = next(_matching(here, "nabla_w", found.nabla_w, way), None) if w else None
        if (b and says_b is None) or (w and says_w is None):
            continue
        if here is right:
            if (b and found.nabla_b is None) or (w and found.nabla_w is None) or says_b or says_w:
                continue
            unexplained = (bp4.tag,) if b else (bp3.tag,)
            return Layer(here, found, [], unexplained, {tag: True, bp3.tag: b, bp4.tag: w})
        records = (*(says_b or ()), *(says_w or ()))
        return Layer(here, found, [records], (tag,), {tag: False, bp3.tag: not says_b, bp4.tag: not says_w})
    return Layer(right, found, [], (tag, bp3.tag, bp4.tag), {tag: None, bp3.tag: None, bp4.tag: None})


def _own_deltas(at: At, found: Found, way: Way) -> Iterator[tuple[At, bool, bool]]:
    """δ as the candidate must have had it, for one sample: from ∂C/∂b, or from ∂C/∂w = δ aᵀ."""
    if at.z.shape[1] != 1 or way.decay_w or way.decay_b:
        return
    if found.nabla_b is not None and found.nabla_b.shape == at.z.shape:
        yield replace(at, delta=found.nabla_b), True, found.nabla_w is not None
    if found.nabla_w is not None and found.nabla_w.shape == (at.z.shape[0], at.a_below.shape[0]):
        for k in range(at.a_below.shape[0]):
            if at.a_below[k, 0] != 0:
                delta = found.nabla_w[:, k : k + 1] / at.a_below[k, 0]
                yield replace(at, delta=delta), found.nabla_b is not None, True
                return


def shows(record: Mistake, at: At) -> bool:
    """Whether a mistake would change the layer's own numbers, in every way in which it can be made."""
    if record.slot not in ("slope", "error", "delta"):
        return False
    made = _variant(record, at)
    if record.slot != "delta":
        made = [m * (at.error if record.slot == "slope" else at.slope) for m in made]
    return bool(made) and not any(_same(m, at.error * at.slope) for m in made)


def _same(a: Array, b: Array) -> bool:
    if a.shape == b.shape and isinstance(a.flat[0], Near):
        return within(a, b)
    return equal(a, b)
