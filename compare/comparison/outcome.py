"""What a comparison found, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compare.comparison.rows import QUANTITIES, Accuracy, Compared, Pair, Row
from compare.numbers.arithmetic import Arithmetic
from compare.referees.opinion import Opinion
from explicit import Backprop, Network
from explicit.elementwise import Array


@dataclass(frozen=True, eq=False, repr=False)
class Outcome(Compared):
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

    QUANTITIES = QUANTITIES

    def _every(self) -> Sequence[Pair]:
        return self.pairs

    @property
    def exact(self) -> bool:
        """Whether everything is equal, under the order contract.

        Never True for a network with its own `matmul`: its order of sums is outside the contract, even where the
        bits agree.
        """
        return self.network.matmul is None and self.all_equal

    def _row(self, row: Row) -> Row:
        if row.quantity != "z" or not self.opinions or row.sample is None or isinstance(row.unit, tuple):
            return row
        place = (row.unit - 1, row.sample)
        said = {o.name: float(o.distances[row.layer - 2][place]) for o in self.opinions}
        return replace(row, referees=said)
