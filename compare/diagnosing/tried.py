"""One way of filling the slots of a layer, tried against what the candidate returned."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.mistakes.known import CATALOGUE, Mistake
from compare.mistakes.slots import At, Pass, regularised
from explicit.elementwise import Array

Choice = tuple[Mistake, int]  # a mistake, and in which of its variants
Way = tuple[Choice, ...]
Decay = tuple[float, float]  # λ of ∂C/∂w, and of ∂C/∂b


SKIPPED = next(m for m in CATALOGUE if m.slot == "layer")


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
        return regularised(made if self.factor == 1 else made * self.factor, own, decay)


QUANTITIES = ("delta", "nabla_b", "nabla_w")


# -- one layer ---------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Here:
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


def here_of(point: Seen, number: int, delta_next: Array | None) -> Here:
    """A layer at one point: its equations, and what the candidate returned for it."""
    nabla_w_next = None if number == point.of.last else point.found[number - 1].nabla_w
    return Here(At(point.of, number, delta_next, nabla_w_next), point.found[number - 2], point)


class Nowhere(Exception):
    """A mistake cannot be made at a point."""


def filled_slots(at: At, way: Way) -> At:
    """A layer with the slots of its equations filled by a way; raises Nowhere where a mistake cannot be made."""
    for mistake, k in way:
        if mistake is not SKIPPED:
            at = _with(at, mistake, k)
    return at


def _with(at: At, mistake: Mistake, k: int, values: list[Any] | None = None) -> At:
    values = _variant(mistake, at) if values is None else values
    if len(values) <= k:
        raise Nowhere
    return at.put(mistake.slot, values[k])


def _variant(mistake: Mistake, at: At) -> list[Any]:
    try:
        return list(mistake.variant(at))
    except (ArithmeticError, ValueError):  # the formula has no value there: nobody computed it
        return []


@dataclass(eq=False)
class Tried:
    """The layer at every point with some mistakes made in it.  A point is looked at when it is asked for."""

    here: list[Here]
    way: Way = ()
    before: "Tried | None" = None
    fill: Callable[[At, int], At] = lambda at, point: at
    _ats: dict[int, At] = field(default_factory=dict)
    _values: dict[str, list[Any]] = field(default_factory=dict)

    def at(self, point: int) -> At:
        """The layer's numbers at a point.

        Raises
        ------
        Nowhere
            A mistake of the way cannot be made there.
        """
        if point not in self._ats:
            at = self.here[point].at if self.before is None else self.before.at(point)
            self._ats[point] = self.fill(at, point)
        return self._ats[point]

    def filled(self, fill: Callable[[At, int], At], *choice: Choice) -> "Tried":
        """The layer changed by one more function."""
        return Tried(self.here, (*self.way, *choice), self, fill)

    def variants(self, mistake: Mistake) -> int:
        """In how many ways a mistake can be made here, at the first point."""
        return len(self._first(mistake))

    def _first(self, mistake: Mistake) -> list[Any]:
        if mistake.name not in self._values:
            self._values[mistake.name] = _variant(mistake, self.at(0))
        return self._values[mistake.name]

    def with_mistake(self, mistake: Mistake, k: int) -> "Tried":
        """The layer with one more mistake, in its k-th variant."""

        def fill(at: At, point: int) -> At:
            return _with(at, mistake, k, None if point else self._first(mistake))

        return self.filled(fill, (mistake, k))

    def says(self, quantity: str) -> bool:
        """Whether the candidate says anything of a quantity."""
        return getattr(self.here[0].found, quantity) is not None

    def fits(self, quantity: str) -> bool:
        """Whether a quantity is what was found, at every point."""
        try:
            return all(here.fits(self.at(i), quantity) for i, here in enumerate(self.here))
        except (Nowhere, ArithmeticError, ValueError):  # the formula has no value there: nobody computed it
            return False

    def settles(self, quantity: str) -> bool:
        """Whether a quantity is what was found and, where it is 0 whatever δ is, nothing else differs."""
        return self.says(quantity) and self.fits(quantity) and all(
            (self.at(i).input != 0).any() or here.fits(self.at(i), "nabla_b") for i, here in enumerate(self.here)
        )

    @property
    def is_zero(self) -> bool:
        """Whether all that was found is 0, of ∂C/∂b and ∂C/∂w, but for a regularisation term."""
        return self.says("nabla_w") and not self.says("delta") and all(h.is_zero for h in self.here)
