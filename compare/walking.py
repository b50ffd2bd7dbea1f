"""Walking backward from the cost through somebody's gradients, naming what departs in each layer.

At each layer every way to make δ, ∂C/∂b and ∂C/∂w with as few mistakes as possible is tried on the
candidate's own δ of the layer above, so that a mistake is named where it is made, and not again below.  A way
has to hold at every point at once: one that fits at a few by chance does not stay.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.records import CATALOGUE, IN_EQUATIONS, Mistake
from compare.variants import B_SLOTS, DELTA_SLOTS, W_SLOTS, At, Pass
from explicit import bp1, bp2, bp3, bp4

Array = npt.NDArray[Any]
Choice = tuple[Mistake, int]  # a mistake, and in which of its variants
Way = tuple[Choice, ...]

MOST = 6  # mistakes in one layer
MOST_OF_ONE = 3  # in δ, in ∂C/∂b, in ∂C/∂w
AFTER = 2  # in a layer below one that is not explained

_SKIPPED = next(m for m in CATALOGUE if m.slot == "layer")


def _of(slots: Sequence[str]) -> list[Mistake]:
    return sorted((m for m in IN_EQUATIONS if m.slot in slots), key=lambda m: slots.index(m.slot))


_OF_DELTA, _OF_B, _OF_W = _of(DELTA_SLOTS), _of(B_SLOTS), _of(W_SLOTS)


@dataclass(frozen=True, eq=False)
class Found:
    """What a candidate has for one layer; None: it does not say.  `delta` is (nₗ, B), given by some only."""

    nabla_b: Array | None = None
    nabla_w: Array | None = None
    delta: Array | None = None

    @property
    def tells_delta(self) -> bool:
        """Whether there is δ itself, or a ∂C/∂b that was not left 0."""
        return any(a is not None and (np.asarray(a, dtype=object) != 0).any() for a in (self.delta, self.nabla_b))


@dataclass(frozen=True, eq=False)
class Seen:
    """One point: our pass there, what was found, and how the two are compared.

    same:     whether what was found (first) is what was expected
    factor:   1, or 1/B where the samples are averaged
    decay_w, decay_b:  λ of what is added to ∂C/∂w and ∂C/∂b
    """

    of: Pass
    found: list[Found]
    same: Callable[[Array, Array], bool]
    factor: Any = 1
    decay_w: Any = 0
    decay_b: Any = 0

    def expected(self, at: At, quantity: str) -> Array:
        """A quantity of a layer as it would be found: reduced over the samples, with the regularisation term."""
        made: Array = getattr(at, quantity)
        if quantity == "delta":
            return made
        i = at.layer - 2
        decay, own = (self.decay_b, at.of.biases[i]) if quantity == "nabla_b" else (self.decay_w, at.of.weights[i])
        if self.factor != 1:
            made = made * self.factor
        return made + own * decay if decay and own.shape == made.shape else made


QUANTITIES = ("delta", "nabla_b", "nabla_w")


@dataclass(frozen=True, eq=False)
class Layer:
    """What the walk says of one layer.

    at:           its numbers at the first point, with the candidate's δ
    found:        what was found at the first point
    ways:         to make what was found at all points, each with as few mistakes as possible; [()] for right code
    unexplained:  the equations that no record explains
    holds:        for BP1 or BP2, BP3 and BP4: True, False, or None where it cannot be said
    """

    at: At
    found: Found
    ways: list[Way]
    unexplained: tuple[str, ...]
    holds: dict[str, bool | None]

    @property
    def number(self) -> int:
        """l."""
        return self.at.layer

    @property
    def is_skipped(self) -> bool:
        """Whether nothing was found here but zeros."""
        return any(record is _SKIPPED for record, _ in self.ways[0]) if self.ways else False

    @cached_property
    def classes(self) -> list[list[Mistake]]:
        """The mistakes of the first way, each with those that may stand in its place."""
        ways = [_records(way) for way in self.ways]
        return [list(dict.fromkeys(o for way in ways for o in _instead(m, ways[0], way))) for m in (ways or [[]])[0]]

    @cached_property
    def others(self) -> list[list[Mistake]]:
        """Ways that are not made of the classes: other mistakes that give the same numbers."""
        members = {frozenset(choice) for choice in product(*self.classes)}
        return [records for way in self.ways if frozenset(records := _records(way)) not in members]


def _records(way: Way) -> list[Mistake]:
    return [record for record, _ in way]


def _instead(m: Mistake, first: list[Mistake], other: list[Mistake]) -> list[Mistake]:
    """What the other way has in the place of m, if it is the first way in all else."""
    rest = [o for o in other if o is m or o not in first]
    return rest if len(rest) == 1 and len(other) == len(first) else []


def walk(points: list[Seen], most: int = MOST) -> list[Layer]:
    """The layers L, …, 2, one after the other, at all points together; with at most so many mistakes in each."""
    layers: list[Layer] = []
    deltas: list[Array | None] = [None] * len(points)
    for number in range(points[0].of.last, 1, -1):
        layer, deltas = _layer([_here(p, number, d) for p, d in zip(points, deltas, strict=True)], most)
        layers.append(layer)
        if layer.unexplained:
            most = min(most, AFTER)
    return layers


def along(layers: list[Layer], point: Seen) -> list[At] | None:
    """The layers at another point, with the same mistakes made in them; None where they cannot be made.

    Of a layer that is not explained, the candidate's δ at that point.
    """
    made: list[At] = []
    for layer in layers:
        here = _here(point, layer.number, made[-1].delta if made else None)
        try:
            unknown = layer.unexplained
            made.append(_unexplained(_Tried([here]), AFTER)[0].at if unknown else _filled(here.at, layer.ways[0]))
        except _Nowhere:
            return None
    return made


def retraced(layers: list[Layer], point: Seen) -> bool:
    """Whether the same mistakes, layer by layer, make what was found at another point."""
    made = None if any(layer.unexplained for layer in layers) else along(layers, point)
    if made is None:
        return False
    here = [_Here(at, point.found[at.layer - 2], point) for at in made]
    return all(
        _Tried([h]).is_zero if layer.is_skipped else all(h.fits(h.at, q) for q in QUANTITIES)
        for layer, h in zip(layers, here, strict=True)
    )


# -- one layer ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Here:
    """The layer at one point, as it is right."""

    at: At
    found: Found
    seen: Seen

    def fits(self, at: At, quantity: str) -> bool:
        """Whether what was found is what `at` makes; True where nothing is said of the quantity."""
        found = getattr(self.found, quantity)
        if found is None:
            return True
        expected = self.seen.expected(at, quantity)
        return bool(found.shape == expected.shape and self.seen.same(found, expected))

    @property
    def is_zero(self) -> bool:
        """Whether what was found is 0, or the regularisation term alone."""
        i = self.at.layer - 2
        for found, own, decay in (
            (self.found.nabla_b, self.at.of.biases[i], self.seen.decay_b),
            (self.found.nabla_w, self.at.of.weights[i], self.seen.decay_w),
        ):
            if found is None or (np.asarray(found, dtype=object) == 0).all():
                continue
            if not decay or found.shape != own.shape or not self.seen.same(found, own * decay):
                return False
        return True


def _here(point: Seen, number: int, delta_next: Array | None) -> _Here:
    nabla_w_next = None if number == point.of.last else point.found[number - 1].nabla_w
    return _Here(At(point.of, number, delta_next, nabla_w_next), point.found[number - 2], point)


class _Nowhere(Exception):
    """A mistake cannot be made at a point."""


def _filled(at: At, way: Way) -> At:
    for record, k in way:
        if record is not _SKIPPED:
            at = _with(at, record, k)
    return at


def _with(at: At, record: Mistake, k: int, values: list[Any] | None = None) -> At:
    values = _variant(record, at) if values is None else values
    if len(values) <= k:
        raise _Nowhere
    return at.put(record.slot, values[k])


def _variant(record: Mistake, at: At) -> list[Any]:
    try:
        return list(record.variant(at))
    except (ArithmeticError, ValueError):  # the formula has no value there: nobody computed it
        return []


@dataclass(eq=False)
class _Tried:
    """The layer at every point with some mistakes made in it.  A point is looked at when it is asked for."""

    here: list[_Here]
    way: Way = ()
    before: "_Tried | None" = None
    fill: Callable[[At, int], At] = lambda at, point: at
    _ats: dict[int, At] = field(default_factory=dict)
    _values: dict[str, list[Any]] = field(default_factory=dict)

    def at(self, point: int) -> At:
        """The layer's numbers at a point.

        Raises
        ------
        _Nowhere
            A mistake of the way cannot be made there.
        """
        if point not in self._ats:
            at = self.here[point].at if self.before is None else self.before.at(point)
            self._ats[point] = self.fill(at, point)
        return self._ats[point]

    def filled(self, fill: Callable[[At, int], At], *choice: Choice) -> "_Tried":
        """The layer changed by one more function."""
        return _Tried(self.here, (*self.way, *choice), self, fill)

    def variants(self, record: Mistake) -> int:
        """In how many ways a mistake can be made here, at the first point."""
        return len(self._first(record))

    def _first(self, record: Mistake) -> list[Any]:
        if record.name not in self._values:
            self._values[record.name] = _variant(record, self.at(0))
        return self._values[record.name]

    def with_mistake(self, record: Mistake, k: int) -> "_Tried":
        """The layer with one more mistake, in its k-th variant."""
        return self.filled(lambda at, point: _with(at, record, k, None if point else self._first(record)), (record, k))

    def says(self, quantity: str) -> bool:
        """Whether the candidate says anything of a quantity."""
        return getattr(self.here[0].found, quantity) is not None

    def fits(self, quantity: str) -> bool:
        """Whether a quantity is what was found, at every point."""
        try:
            return all(here.fits(self.at(i), quantity) for i, here in enumerate(self.here))
        except (_Nowhere, ArithmeticError, ValueError):  # the formula has no value there: nobody computed it
            return False

    @property
    def is_zero(self) -> bool:
        """Whether all that was found is 0, of ∂C/∂b and ∂C/∂w, but for a regularisation term."""
        return self.says("nabla_w") and not self.says("delta") and all(h.is_zero for h in self.here)


def _ways(tried: _Tried, records: Sequence[Mistake], count: int) -> Iterator[_Tried]:
    """Every way to make so many of these mistakes: one in a slot, and as many as you like in "scale"."""
    if count == 0:
        yield tried
        return
    for i, record in enumerate(records):
        rest = [m for m in records[i + 1 :] if m.slot != record.slot or m.slot == "scale"]
        for k in range(tried.variants(record)):
            yield from _ways(tried.with_mistake(record, k), rest, count - 1)


def _fewest(tried: _Tried, records: Sequence[Mistake], quantity: str, most: int) -> list[_Tried]:
    """The ways to make a quantity with the fewest mistakes."""
    for count in range(min(most, MOST_OF_ONE) + 1):
        fitting = [way for way in _ways(tried, records, count) if way.fits(quantity)]
        if fitting:
            return fitting
    return []


@dataclass(frozen=True, eq=False)
class _Explained:
    delta: _Tried
    b: _Tried
    w: _Tried

    @property
    def way(self) -> Way:
        own = len(self.delta.way)
        return (*self.delta.way, *self.b.way[own:], *self.w.way[own:])

    @property
    def holds(self) -> tuple[bool | None, bool | None, bool | None]:
        """Whether δ, ∂C/∂b and ∂C/∂w are made without a mistake; None: nothing is said of it."""
        own = self.delta.way
        said = [self.delta.says(quantity) for quantity in QUANTITIES]
        return (
            not own if any(said) else None,
            self.b.way == own if said[1] else None,
            self.w.way == own if said[2] else None,
        )


def _layer(here: list[_Here], most: int) -> tuple[Layer, list[Array | None]]:
    """The layer, and the candidate's δ at each point."""
    right = _Tried(here)
    tag = _tag(right)
    explained = _explanations(right, most)
    is_zero = right.is_zero
    if is_zero and not (explained and len(explained[0].way) <= 1):
        return _told(right, [((_SKIPPED, 0),)], (), {tag: None, bp3.tag: False, bp4.tag: False})
    if not explained:
        return _unexplained(right, most)
    first = explained[0]
    ways = list(dict.fromkeys(e.way for e in explained))
    if is_zero and len(first.way) == 1:
        ways.append(((_SKIPPED, 0),))
    return _told(first.delta, ways, (), dict(zip((tag, bp3.tag, bp4.tag), first.holds, strict=True)))


def _told(
    tried: _Tried, ways: list[Way], unexplained: tuple[str, ...], holds: dict[str, bool | None]
) -> tuple[Layer, list[Array | None]]:
    here = tried.here[0]
    deltas: list[Array | None] = [tried.at(i).delta for i in range(len(tried.here))]
    return Layer(here.at.put("delta", deltas[0]), here.found, ways, unexplained, holds), deltas


def _explanations(right: _Tried, most: int) -> list[_Explained]:
    """All explanations with the fewest mistakes."""
    starts = [right]
    at = right.at(0)
    if at.is_output and at.of.cost.name == "cross_entropy" and at.of.functions[-1].name == "sigmoid":
        starts.append(right.filled(lambda at, _: at.put("delta", at.a - at.of.y)))  # the same, which rounds otherwise
    best, kept = most, list[_Explained]()
    # Where ∂C/∂b or ∂C/∂w is right as it is, so is δ: mistakes that cancel each other are not believed.
    b_is_right, w_is_right = (right.says(quantity) and right.fits(quantity) for quantity in ("nabla_b", "nabla_w"))
    # That ∂C/∂w is doubled, and not δ, only a ∂C/∂b that is there can say.
    tells = any(h.found.tells_delta for h in right.here)
    of_w = _OF_W if tells else [m for m in _OF_W if m.slot != "nabla_w_twice"]
    for count in range(1 if b_is_right or w_is_right else MOST_OF_ONE + 1):
        if count > best:
            break
        for tried in (t for start in starts for t in _ways(start, _OF_DELTA, count)):
            if not tried.fits("delta"):
                continue
            for b in _fewest(tried, _OF_B, "nabla_b", best - count):
                for w in _fewest(tried, of_w, "nabla_w", best - len(b.way)):
                    explained = _Explained(tried, b, w)
                    if len(explained.way) < best:
                        kept.clear()
                    best = len(explained.way)
                    kept.append(explained)
    return kept


def _tag(right: _Tried) -> str:
    return bp1.tag if right.here[0].at.is_output else bp2.tag


def _unexplained(right: _Tried, most: int) -> tuple[Layer, list[Array | None]]:
    """No record explains the layer: what can still be said of it, and with which δ the walk goes on."""
    tag = _tag(right)
    none: dict[str, bool | None] = {tag: None, bp3.tag: None, bp4.tag: None}
    if right.says("delta"):
        return _told(_given(right, [h.found.delta for h in right.here]), [], (tag,), {**none, tag: False})
    if right.says("nabla_b") and right.says("nabla_w"):
        for quantity, wrong in (("nabla_b", bp4.tag), ("nabla_w", bp3.tag)):
            if right.fits(quantity):
                return _told(right, [], (wrong,), {tag: True, bp3.tag: wrong == bp4.tag, bp4.tag: wrong == bp3.tag})
    for own in _own_deltas(right):
        some_b, some_w = _fewest(own, _OF_B, "nabla_b", most), _fewest(own, _OF_W, "nabla_w", most)
        if some_b and some_w:
            explained = _Explained(own, some_b[0], some_w[0])
            _, b, w = explained.holds
            return _told(own, [explained.way], (tag,), {tag: False, bp3.tag: b, bp4.tag: w})
    differs = [t for t, quantity in ((bp3.tag, "nabla_b"), (bp4.tag, "nabla_w")) if right.says(quantity)]
    return _told(right, [], tuple(differs), none)


def _own_deltas(right: _Tried) -> Iterator[_Tried]:
    """δ as the candidate must have had it, for one sample: from ∂C/∂b, or from ∂C/∂w = δ aᵀ."""
    if any(h.at.z.shape[1] != 1 or h.seen.decay_w or h.seen.decay_b for h in right.here):
        return
    for of in (_from_b, _from_w):
        deltas = [of(h) for h in right.here]
        if all(d is not None for d in deltas):
            yield _given(right, deltas)


def _given(right: _Tried, deltas: list[Array | None]) -> _Tried:
    return right.filled(lambda at, point: at.put("delta", deltas[point]))


def _from_b(here: _Here) -> Array | None:
    b = here.found.nabla_b
    return b if b is not None and b.shape == here.at.z.shape else None


def _from_w(here: _Here) -> Array | None:
    w, a = here.found.nabla_w, here.at.input
    if w is None or w.shape != (here.at.z.shape[0], a.shape[0]):
        return None
    return next((w[:, k : k + 1] / a[k, 0] for k in range(a.shape[0]) if a[k, 0] != 0), None)
