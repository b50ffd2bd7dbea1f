"""float32 told from mistakes, and from differences, roundings and ε's that are as near to the right numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from compare.candidates.beside_ours import Point
from compare.candidates.gradients import as_float64
from compare.diagnosing.probes import float_probes
from compare.diagnosing.question import Question, call, found_in
from compare.diagnosing.tried import QUANTITIES, Decay, Seen
from compare.diagnosing.walk import WalkedLayer, along
from compare.numbers.bounded import DOUBLE, SINGLE, values
from explicit.elementwise import Array

FLOAT32 = "equal under this convention: float32 (right to the rounding of float32)"
_STEPS = 2.0**-40 * np.arange(1, 5)  # far below the rounding of float32, and far above that of float64


@dataclass(frozen=True, eq=False)
class _Compared:
    """A quantity of a layer as it was found and as it should be, with the mistakes that were found."""

    layer: int
    quantity: str
    found: Array
    expected: Array
    seen: Seen

    @property
    def off(self) -> Array:
        """Which of its numbers are not right within the rounding of the arithmetic of the point."""
        pairs = zip(self.found.flat, self.expected.flat, strict=True)
        return np.array([not self.seen.same(*np.array([[f], [e]], dtype=object)) for f, e in pairs], dtype=bool)


def _compared(layers: list[WalkedLayer], seen: Seen) -> Iterator[_Compared]:
    for at in along(layers, seen) or ():
        for quantity in QUANTITIES:
            found, expected = getattr(seen.found[at.layer - 2], quantity), seen.expected(at, quantity)
            if found is not None and found.shape == expected.shape:
                yield _Compared(at.layer, quantity, found, expected, seen)


def is_rounding(layers: list[WalkedLayer], points: list[Seen]) -> bool:
    """Whether what is left between found and expected looks like the rounding of float32, and not like a mistake.

    The bound for float32 is wide where sums are long: a small wrong factor is within it.  But rounding errors have
    no common value, as a factor's have, and their usual size is about 2⁻²⁴ times the root of how many are added.
    """
    errors = [np.zeros(0)]
    for one in (one for point in points for one in _compared(layers, point)):
        a, b = values(one.found), values(one.expected)
        errors.append((a[b != 0] - b[b != 0]) / b[b != 0])
    widest = max(size for point in points for w in point.of.weights for size in w.shape)
    some = np.concatenate(errors)
    some = some[some != 0]
    if not some.size:
        return False
    middle, usual = np.median(some), np.median(np.abs(some))
    spread = np.median(np.abs(some - middle))
    centred = some.size < 16 or abs(middle) <= 4 * spread
    return bool(centred and min(usual, spread) >= SINGLE / 64 and usual <= 16 * SINGLE * widest**0.5)


def are_single(layers: list[WalkedLayer], seen: Seen) -> bool:
    """Whether all numbers given at a point in float64 that are not right there are float32's."""
    some = (values(one.found).ravel()[one.off] for one in _compared(layers, seen))
    return all(np.array_equal(found, found.astype(np.float32)) for found in some)


def is_short(q: Question, layers: list[WalkedLayer], decay: Decay) -> bool:
    """Whether the numbers that are not right in float64 stay as they are when what goes in is changed a little.

    Something rounds it, then.  Of results that are rounded to some decimals that holds too: these are no float32.
    """
    stays: dict[tuple[str, int, int], list[bool]] = {}
    for probe in islice(float_probes(q), 4):
        seen = probe.seen(q, decay)
        off = {(one.quantity, one.layer - 2): one.off for one in _compared(layers, seen)}
        if not any(some.any() for some in off.values()):
            continue
        first = _results(q, probe.point)
        if any(all(np.array_equal(a, np.round(a, digits)) for a, *_ in first.values()) for digits in range(4, 13)):
            return False
        near = 0.0 if q.eta is None else 16 * DOUBLE * (1 + max(np.abs(w).max() for w in probe.point[0]))
        for (name, which), moved in _moved(probe.point):
            after = _results(q, moved)
            for key, some in off.items():
                for form, (a, b) in enumerate(zip(after[key], first[key], strict=True)):
                    room = near if form or q.eta is None else near / abs(q.eta)
                    stays.setdefault((name, which, form), []).extend((np.abs(a - b) <= room).ravel()[some].tolist())
    return any(np.mean(some) >= 0.9 for some in stays.values() if some)


def _moved(point: Point) -> Iterator[tuple[tuple[str, int], Point]]:
    """The point with one thing that goes in changed by a few steps; what was changed."""
    weights, biases, x, y = point
    for more in 1 + _STEPS:
        yield ("x", 0), (weights, biases, x * more, y)
        yield ("y", 0), (weights, biases, x, y * more)
        for name, some in (("weights", weights), ("biases", biases)):
            for which in (range(len(some)), *([i] for i in range(len(some)))):
                changed = [a * more if i in which else a for i, a in enumerate(some)]
                key = name, which[0] if len(which) == 1 else -1
                yield key, ((changed, biases, x, y) if name == "weights" else (weights, changed, x, y))


def _results(q: Question, point: Point) -> dict[tuple[str, int], list[Array]]:
    """The candidate's gradients at a point, and of a training step its new parameters, to a few roundings."""
    found: dict[tuple[str, int], list[Array]] = {}
    for i, layer in enumerate(found_in(q, call(q, point), as_float64)):
        for name, own in (("nabla_b", point[1][i]), ("nabla_w", point[0][i])):
            if (nabla := getattr(layer, name)) is not None:
                is_new = q.eta is not None and own.shape == nabla.shape
                found[name, i] = [nabla, own - q.eta * nabla] if is_new else [nabla]
    return found
