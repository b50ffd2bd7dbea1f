"""Walking backward from the cost through somebody's gradients, naming what departs in each layer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from compare.diagnosing.tried import QUANTITIES, SKIPPED, Found, Here, Nowhere, Seen, Tried, Way, filled_slots, here_of
from compare.mistakes.known import IN_EQUATIONS, Mistake
from compare.mistakes.slots import B_SLOTS, DELTA_SLOTS, W_SLOTS, At
from explicit import bp1, bp2, bp3, bp4
from explicit.costs import has_shortcut
from explicit.elementwise import Array

MOST = 6  # mistakes in one layer
MOST_OF_ONE = 3  # in δ, in ∂C/∂b, in ∂C/∂w
AFTER = 2  # in a layer below one that is not explained


def _of(slots: Sequence[str]) -> list[Mistake]:
    return sorted((m for m in IN_EQUATIONS if m.slot in slots), key=lambda m: slots.index(m.slot))


_OF_DELTA, _OF_B, _OF_W = _of(DELTA_SLOTS), _of(B_SLOTS), _of(W_SLOTS)


@dataclass(frozen=True, eq=False)
class WalkedLayer:
    """What the walk says of one layer.

    at:           its numbers at the first point, with the candidate's δ
    found:        what was found at the first point
    ways:         to make what was found at all points, each with as few mistakes as possible; [()] for right code
    unexplained:  the equations that no mistake explains
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
        return any(mistake is SKIPPED for mistake, _ in self.ways[0]) if self.ways else False

    @cached_property
    def classes(self) -> list[list[Mistake]]:
        """The mistakes of the first way, each with those that may stand in its place."""
        ways = [_mistakes(way) for way in self.ways]
        return [list(dict.fromkeys(o for way in ways for o in _instead(m, ways[0], way))) for m in (ways or [[]])[0]]

    @cached_property
    def others(self) -> list[list[Mistake]]:
        """Ways that are not made of the classes: other mistakes that give the same numbers."""
        members = {frozenset(choice) for choice in product(*self.classes)}
        return [mistakes for way in self.ways if frozenset(mistakes := _mistakes(way)) not in members]


def _mistakes(way: Way) -> list[Mistake]:
    return [mistake for mistake, _ in way]


def _instead(m: Mistake, first: list[Mistake], other: list[Mistake]) -> list[Mistake]:
    """What the other way has in the place of m, if it is the first way in all else."""
    rest = [o for o in other if o is m or o not in first]
    return rest if len(rest) == 1 and len(other) == len(first) else []


def walk(points: list[Seen], most: int = MOST) -> list[WalkedLayer]:
    """The layers L, …, 2, one after the other, at all points together; with at most so many mistakes in each."""
    layers: list[WalkedLayer] = []
    deltas: list[Array | None] = [None] * len(points)
    for number in range(points[0].of.last, 1, -1):
        layer, deltas = _layer([here_of(p, number, d) for p, d in zip(points, deltas, strict=True)], most)
        layers.append(layer)
        if layer.unexplained:
            most = min(most, AFTER)
    return layers


def along(layers: list[WalkedLayer], point: Seen) -> list[At] | None:
    """The layers at another point, with the same mistakes made in them; None where they cannot be made.

    Of a layer that is not explained, the candidate's δ at that point.
    """
    made: list[At] = []
    for layer in layers:
        here = here_of(point, layer.number, made[-1].delta if made else None)
        try:
            unknown = layer.unexplained
            made.append(_unexplained(Tried([here]), AFTER)[0].at if unknown else filled_slots(here.at, layer.ways[0]))
        except Nowhere:
            return None
    return made


def retraced(layers: list[WalkedLayer], point: Seen) -> bool:
    """Whether the same mistakes, layer by layer, make what was found at another point."""
    made = None if any(layer.unexplained for layer in layers) else along(layers, point)
    if made is None:
        return False
    here = [Here(at, point.found[at.layer - 2], point) for at in made]
    return all(
        Tried([h]).is_zero if layer.is_skipped else all(h.fits(h.at, q) for q in QUANTITIES)
        for layer, h in zip(layers, here, strict=True)
    )


def _ways(tried: Tried, mistakes: Sequence[Mistake], count: int) -> Iterator[Tried]:
    """Every way to make so many of these mistakes: one in a slot, and as many as you like in "scale"."""
    if count == 0:
        yield tried
        return
    for i, mistake in enumerate(mistakes):
        rest = [m for m in mistakes[i + 1 :] if m.slot != mistake.slot or m.slot == "scale"]
        for k in range(tried.variants(mistake)):
            yield from _ways(tried.with_mistake(mistake, k), rest, count - 1)


def _fewest(tried: Tried, mistakes: Sequence[Mistake], quantity: str, most: int) -> list[Tried]:
    """The ways to make a quantity with the fewest mistakes."""
    for count in range(min(most, MOST_OF_ONE) + 1):
        fitting = [way for way in _ways(tried, mistakes, count) if way.fits(quantity)]
        if fitting:
            return fitting
    return []


@dataclass(frozen=True, eq=False)
class _Explained:
    delta: Tried
    b: Tried
    w: Tried

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


def _layer(here: list[Here], most: int) -> tuple[WalkedLayer, list[Array | None]]:
    """The layer, and the candidate's δ at each point."""
    right = Tried(here)
    tag = _tag(right)
    explained = _explanations(right, most)
    is_zero = right.is_zero
    if is_zero and not (explained and len(explained[0].way) <= 1):
        return _told(right, [((SKIPPED, 0),)], (), {tag: None, bp3.tag: False, bp4.tag: False})
    if not explained:
        return _unexplained(right, most)
    first = explained[0]
    ways = list(dict.fromkeys(e.way for e in explained))
    if is_zero and len(first.way) == 1:
        ways.append(((SKIPPED, 0),))
    return _told(first.delta, ways, (), dict(zip((tag, bp3.tag, bp4.tag), first.holds, strict=True)))


def _told(
    tried: Tried, ways: list[Way], unexplained: tuple[str, ...], holds: dict[str, bool | None]
) -> tuple[WalkedLayer, list[Array | None]]:
    here = tried.here[0]
    deltas: list[Array | None] = [tried.at(i).delta for i in range(len(tried.here))]
    return WalkedLayer(here.at.put("delta", deltas[0]), here.found, ways, unexplained, holds), deltas


def _explanations(right: Tried, most: int) -> list[_Explained]:
    """All explanations with the fewest mistakes."""
    starts = [right]
    at = right.at(0)
    if at.is_output and has_shortcut(at.of.cost, at.of.functions[-1]):
        starts.append(right.filled(lambda at, _: at.put("delta", at.a - at.of.y)))  # the same, which rounds otherwise
    best, kept = most, list[_Explained]()
    # Where ∂C/∂b or ∂C/∂w is right as it is, so is δ: mistakes that cancel each other are not believed.
    b_is_right, w_is_right = right.settles("nabla_b"), right.settles("nabla_w")
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


def _tag(right: Tried) -> str:
    return bp1.tag if right.here[0].at.is_output else bp2.tag


def _unexplained(right: Tried, most: int) -> tuple[WalkedLayer, list[Array | None]]:
    """No mistake explains the layer: what can still be said of it, and with which δ the walk goes on."""
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


def _own_deltas(right: Tried) -> Iterator[Tried]:
    """δ as the candidate must have had it, for one sample: from ∂C/∂b, or from ∂C/∂w = δ aᵀ."""
    if any(h.at.z.shape[1] != 1 or h.seen.decay_w or h.seen.decay_b for h in right.here):
        return
    for of in (_from_b, _from_w):
        deltas = [of(h) for h in right.here]
        if all(d is not None for d in deltas):
            yield _given(right, deltas)


def _given(right: Tried, deltas: list[Array | None]) -> Tried:
    return right.filled(lambda at, point: at.put("delta", deltas[point]))


def _from_b(here: Here) -> Array | None:
    b = here.found.nabla_b
    return b if b is not None and b.shape == here.at.z.shape else None


def _from_w(here: Here) -> Array | None:
    w, a = here.found.nabla_w, here.at.input
    if w is None or w.shape != (here.at.z.shape[0], a.shape[0]):
        return None
    return next((w[:, k : k + 1] / a[k, 0] for k in range(a.shape[0]) if a[k, 0] != 0), None)
