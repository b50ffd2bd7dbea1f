"""What a comparison found, in numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from compare.comparison.rows import QUANTITIES, Accuracy, Pair, Row, count
from compare.numbers.arithmetic import Arithmetic
from compare.referees.opinion import Opinion
from explicit import Backprop, Network
from explicit.elementwise import Array


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """The numbers of a comparison, both sides of each.

    network, arithmetic : of both sides
    record : the explicit side's `Backprop`
    y : the targets (n_L, B), in the arithmetic
    pairs : first the forward pass, z and a layer by layer, and C; then backward from the cost, for each layer
        ∂C/∂a, δ, ∂C/∂b, ∂C/∂w
    opinions : one `compare.referees.opinion.Opinion` per referee that was asked
    accuracy : over balls, one `compare.comparison.rows.Accuracy` per z node and sample: float64's δ beside the
        true one; `bits` is the precision that served and `floats` the comparison in float64
    """

    network: Network
    arithmetic: Arithmetic
    record: Backprop
    y: Array
    pairs: Sequence[Pair]
    opinions: Sequence[Opinion] = ()
    accuracy: Sequence[Accuracy] = ()
    bits: int | None = None
    floats: "Outcome | None" = None

    @property
    def all_equal(self) -> bool:
        """Whether every pair of numbers is equal, of the forward pass and of the backward pass."""
        return all(pair.equal.all() for pair in self.pairs)

    @property
    def exact(self) -> bool:
        """Whether everything is equal, under the order contract.

        Never True for a network with its own `matmul`: its order of sums is outside the contract, even where the
        bits agree.
        """
        return self.network.matmul is None and self.all_equal

    @cached_property
    def rows(self) -> list[Row]:
        """One row per z node and sample, δ beside the adjoint, by layer, sample and unit."""
        return self.rows_of("z")

    def rows_of(self, quantity: str) -> list[Row]:
        """The rows of one quantity, by layer: "z", "a", "b", "w", or of the forward pass; see `Row`.

        Raises
        ------
        ValueError
            The quantity is none of these.
        """
        if quantity not in QUANTITIES:
            known = ", ".join(map(repr, QUANTITIES))
            raise ValueError(f"quantity: expected one of {known}, got {quantity!r}")
        pairs = sorted(self._of(quantity), key=lambda pair: pair.layer)
        return [self._with_opinions(row) for pair in pairs for row in pair.rows()]

    def _of(self, quantity: str) -> list[Pair]:
        return [pair for pair in self.pairs if pair.quantity == quantity]

    def _with_opinions(self, row: Row) -> Row:
        if row.quantity != "z" or not self.opinions or row.sample is None or isinstance(row.unit, tuple):
            return row
        place = (row.unit - 1, row.sample)
        said = {o.name: float(o.distances[row.layer - 2][place]) for o in self.opinions}
        return replace(row, referees=said)

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """How many numbers are equal, and how many there are, by quantity: {"forward z": …, "z": …, "w": …}."""
        return {quantity: count(self._of(quantity)) for quantity in QUANTITIES}

    def different(self) -> Iterator[Row]:
        """The rows that differ: of the forward pass, then walking backward from the cost, by layer a, z, b, w."""
        return (self._with_opinions(row) for pair in self.pairs for row in pair.rows(only_different=True))

    @property
    def first_divergence(self) -> Row | None:
        """The first row that differs, in the order of `different`; None if none does."""
        return next(self.different(), None)
