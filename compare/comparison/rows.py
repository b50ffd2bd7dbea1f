"""One number, twice: the rows of a comparison."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from compare.rounding.ulp import identical, ulps
from engine.notation import symbol
from explicit.elementwise import Array


@dataclass(frozen=True)
class Accuracy:
    """One z node: float64's δ beside the true one.

    name:    δ²₁, …
    sample:  from 0 on
    float64: δ as both sides compute it in float64
    true:    the true δ, to 20 digits
    error:   |float64 − true| in ULP of the true δ
    lost:    whether not even the first binary digit is right: |float64 − true| > |true|/2
    """

    name: str
    sample: int | None
    float64: float
    true: str
    error: float
    lost: bool


SHOWN = 64  # z nodes that are listed one by one; a larger report lists only what differs
LISTED = 20  # rows that differ

FORWARD = {"forward z": "z", "forward a": "a", "cost": "C"}  # and how they are written
QUANTITIES = (*FORWARD, "z", "a", "b", "w")


@dataclass(frozen=True)
class Row:
    """One number, twice.

    quantity:  "z" (δ beside the adjoint of z), "a", "b" or "w" (∂C/∂a, ∂C/∂b, ∂C/∂w); of the forward pass
               "forward z", "forward a" or "cost" (z, a, C themselves)
    layer:     as in the book, the input is 1
    unit:      from 1 on; for a weight wⱼₖ the pair (j, k)
    sample:    from 0 on, the column of x; None for parameters, which are summed over the samples
    delta:     the number of the explicit side
    adjoint:   the number of the engine's side
    equal:     by the arithmetic's equality, for floats identical bits
    ulps:      their distance in ULP for floats, None for other numbers
    referees:  for a z node, the distance of each referee's opinion from delta in ULP; NaN: it has none
    """

    quantity: str
    layer: int
    unit: int | tuple[int, int]
    sample: int | None
    delta: Any
    adjoint: Any
    equal: bool
    ulps: int | float | None
    referees: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """δ²₁, ∂C/∂w²₁₃, z²₁, C, …."""
        indices = self.unit if isinstance(self.unit, tuple) else (self.unit,)
        if self.quantity == "cost":
            return FORWARD[self.quantity]
        if self.quantity in FORWARD:
            return symbol(FORWARD[self.quantity], self.layer, *indices)
        if self.quantity == "z":
            return symbol("δ", self.layer, *indices)
        return "∂C/∂" + symbol(self.quantity, self.layer, *indices)


@dataclass(frozen=True, eq=False)
class Pair:
    """One quantity of one layer on both sides.

    made_by: the equation that made the layer's δ
    sample:  the one that all numbers belong to; None where columns are samples, or where these were added up
    """

    quantity: str
    layer: int
    made_by: str
    explicit: Array
    adjoint: Array
    sample: int | None = None

    @cached_property
    def equal(self) -> Array:
        """Element by element, whether the two are the same number."""
        return identical(self.explicit, self.adjoint)

    @cached_property
    def max_ulps(self) -> int | float | None:
        """The largest distance; None for numbers that are no floats."""
        if self.explicit.dtype != np.float64 or self.adjoint.dtype != np.float64:
            return None
        return max((row.ulps or 0 for row in self.rows(only_different=True)), default=0)

    @property
    def per_sample(self) -> bool:
        """Whether a column is a sample; parameters are summed over the samples."""
        return self.quantity not in "bw"

    def row(self, place: tuple[int, int]) -> Row:
        """The two numbers at an index of the arrays."""
        j, k = place
        a, b = _number(self.explicit, place), _number(self.adjoint, place)
        return Row(
            self.quantity,
            self.layer,
            (j + 1, k + 1) if self.quantity == "w" else j + 1,
            k if self.per_sample and self.sample is None else self.sample,
            a,
            b,
            bool(self.equal[place]),
            ulps(a, b) if type(a) is float and type(b) is float else None,
        )

    def rows(self, only_different: bool = False) -> Iterator[Row]:
        """The rows, sample by sample for z and a, in reading order for parameters."""
        places = np.argwhere(~self.equal) if only_different else np.argwhere(np.ones_like(self.equal))
        if self.per_sample:
            places = places[np.lexsort((places[:, 0], places[:, 1]))]
        return (self.row((int(j), int(k))) for j, k in places)


def count(pairs: Iterable[Pair]) -> tuple[int, int]:
    """How many numbers of the pairs are equal, and how many there are."""
    sizes = [(int(pair.equal.sum()), pair.equal.size) for pair in pairs]
    return sum(equal for equal, _ in sizes), sum(size for _, size in sizes)


class Compared:
    """Pairs, and what is read off them; who inherits says which ones, of which quantities."""

    QUANTITIES: ClassVar[tuple[str, ...]]

    def _every(self) -> Iterable[Pair]:
        """All pairs: sample by sample where they are of one each, walking backward from the cost."""
        raise NotImplementedError

    def _row(self, row: Row) -> Row:
        """A row with what else is known of its place."""
        return row

    @property
    def all_equal(self) -> bool:
        """Whether every pair of numbers is equal."""
        return all(pair.equal.all() for pair in self._every())

    @cached_property
    def rows(self) -> list[Row]:
        """One row per z node and sample, δ beside the adjoint: those of "z"; see `rows_of`."""
        return self.rows_of("z")

    def rows_of(self, quantity: str) -> list[Row]:
        """The rows of one quantity (see `Row`), by layer; where each pair is of one sample, by sample first.

        Raises
        ------
        ValueError
            No such quantity is compared.
        """
        if quantity not in self.QUANTITIES:
            known = ", ".join(map(repr, self.QUANTITIES))
            raise ValueError(f"quantity: expected one of {known}, got {quantity!r}")
        pairs = sorted(self._of(quantity), key=lambda pair: (pair.sample or 0, pair.layer))
        return [self._row(row) for pair in pairs for row in pair.rows()]

    def _of(self, quantity: str) -> list[Pair]:
        return [pair for pair in self._every() if pair.quantity == quantity]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """How many numbers are equal, and how many there are, by quantity: {"z": …, "w": …, …}."""
        return {quantity: count(self._of(quantity)) for quantity in self.QUANTITIES}

    def different(self) -> Iterator[Row]:
        """The rows that differ: of the forward pass if it is compared, then walking backward from the cost."""
        return (self._row(row) for pair in self._every() for row in pair.rows(only_different=True))

    @property
    def first_divergence(self) -> Row | None:
        """The first row that differs, in the order of `different`; None if none does."""
        return next(self.different(), None)


class Misshapen:
    """In the place of each number of an array that has another shape than it should: equal to none."""

    def __init__(self, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        self.shape, self.expected = shape, expected

    def __str__(self) -> str:
        return f"an array of shape {self.shape}, not {self.expected}"


def _number(array: Array, place: tuple[int, int]) -> Any:
    return array[place].item() if array.dtype == np.float64 else array[place]


def text_of(number: Any) -> str:
    """A number in full: 17 digits for a float; a long exact number as its nearest float and its length."""
    text = repr(number) if isinstance(number, float) else str(number)
    if len(text) <= 44:
        return text
    try:
        return f"≈ {number.to_float():.6g} ({len(text)} digits)" if hasattr(number, "to_float") else text
    except OverflowError:
        return f"{text[:12]}… ({len(text)} digits)"


def apart(row: Row) -> str:
    """The distance of the two numbers of a row, in words."""
    return "the sign of zero" if row.ulps == 0 else f"{row.ulps:,} ULP"


def hex_of(number: Any) -> str:
    """A float in hexadecimal, in full; "" for what is no float."""
    # What a wrong graph leaves may be no float: a node that no path leads to has the int 0.
    return number.hex() if isinstance(number, float) else ""


def plain_row(row: Row) -> dict[str, Any]:
    """A row as plain data for JSON; floats in decimal and in hexadecimal."""
    def number(x: Any) -> Any:
        # As text: JSON has no inf and no NaN, and readers differ in the last digit of a decimal.
        return {"decimal": repr(x), "hex": x.hex()} if isinstance(x, float) else {"exact": str(x)}

    return {
        "name": row.name,
        "quantity": row.quantity,
        "layer": row.layer,
        "unit": row.unit,
        "sample": row.sample,
        "delta": number(row.delta),
        "adjoint": number(row.adjoint),
        "equal": row.equal,
        "ulps": None if row.ulps is None else str(row.ulps) if row.ulps == float("inf") else row.ulps,
    } | ({"referees": {name: repr(d) for name, d in row.referees.items()}} if row.referees else {})
