"""The textbook's side of a page: the equation for each δ and each gradient, in symbols and in numbers.

The numbers are those of the report's `Backprop`; only σ′(z), which it does not keep, is asked of the network again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from compare.comparison.outcome import Outcome
from engine.notation import symbol
from explicit import bp1, bp2, bp3, bp4

FORMULAS = {equation.tag: equation.formula for equation in (bp1, bp2, bp3, bp4)}
TERMS = 5  # terms of a sum that are written out


class Number(NamedTuple):
    """A number among the text of an equation; of a δ its key, since it may not be known yet at a step."""

    value: Any
    key: tuple[Any, ...] = ()


class Card(NamedTuple):
    """One equation for one quantity.

    quantity:  "z", "b" or "w", with its layer and unit (or pair of units): δˡⱼ, ∂C/∂bˡⱼ, ∂C/∂wˡⱼₖ
    tag:       "BP1" … "BP4"; of a δ as the record says it
    symbols:   the equation for this unit
    numbers:   the same with numbers put in: texts and `Number`s, up to the last =
    result:    the textbook's number
    weights:   (layer, j, k) of the weights that the equation reads, at most 5, or whose gradient it is
    """

    quantity: str
    layer: int
    unit: tuple[int, ...]
    tag: str
    symbols: str
    numbers: tuple["str | Number", ...]
    result: Any
    weights: tuple[tuple[int, int, int], ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is about: ("z", 2, 1), ("w", 2, 1, 3)."""
        return (self.quantity, self.layer, *self.unit)

    @property
    def name(self) -> str:
        """δ²₁, ∂C/∂b²₁, ∂C/∂w²₁₃."""
        made = symbol("δ" if self.quantity == "z" else self.quantity, self.layer, *self.unit)
        return made if self.quantity == "z" else f"∂C/∂{made}"


class Textbook:
    """The equations of one sample of a report."""

    def __init__(self, outcome: Outcome, sample: int) -> None:
        self.record, self.sample, self.outcome = outcome.record, sample, outcome
        self.last = len(self.record.deltas) + 1  # L; layer l is at index l − 2
        self.slopes = [
            sigma.derivative(z[:, sample : sample + 1], a[:, sample : sample + 1])
            for sigma, z, a in zip(
                outcome.network.activation_functions, self.record.zs, self.record.activations[1:], strict=True
            )
        ]

    def _at(self, array: Any, j: int) -> Any:
        return plain(array[j - 1, self.sample])

    def delta(self, layer: int, j: int) -> Card:
        """δˡⱼ by BP1 (output layer) or BP2."""
        record, name = self.record, symbol("δ", layer, j)
        tag = record.made_by[layer - 2]
        slope, z = Number(plain(self.slopes[layer - 2][j - 1, 0])), symbol("z", layer, j)
        result = self._at(record.deltas[layer - 2], j)
        if layer == self.last:
            a, y = symbol("a", layer, j), symbol("y", None, j)
            if tag != bp1.tag:
                output, target = record.activations[-1], self.outcome.y
                numbers: list[str | Number] = [Number(self._at(output, j)), " − ", Number(self._at(target, j))]
                return Card("z", layer, (j,), tag, f"{name} = {a} − {y}", tuple(numbers), result, ())
            made = (Number(self._at(record.grad_a, j)), " × ", slope)
            return Card("z", layer, (j,), tag, f"{name} = ∂C/∂{a} · σ′({z})", made, result, ())
        W, above = record.weights[layer - 1], record.deltas[layer - 1]
        units = list(range(W.shape[0], 0, -1))  # added from the last unit of the next layer to the first
        shown = units if len(units) <= TERMS else units[: TERMS - 1]
        more = f" + … {len(units) - len(shown)} more" if len(shown) < len(units) else ""
        terms = " + ".join(f"{symbol('w', layer + 1, i, j)}{symbol('δ', layer + 1, i)}" for i in shown) + more
        numbers = ["("]
        for i in shown:
            numbers += [" + "] if i != shown[0] else []
            numbers += [Number(plain(W[i - 1, j - 1])), " × ", Number(self._at(above, i), ("z", layer + 1, i))]
        numbers += [f"{more}) × ", slope]
        weights = tuple((layer + 1, i, j) for i in shown)
        return Card("z", layer, (j,), tag, f"{name} = ({terms}) · σ′({z})", tuple(numbers), result, weights)

    def bias(self, layer: int, j: int) -> Card:
        """∂C/∂bˡⱼ by BP3."""
        delta = self._at(self.record.deltas[layer - 2], j)
        text = f"∂C/∂{symbol('b', layer, j)} = {symbol('δ', layer, j)}"
        return Card("b", layer, (j,), bp3.tag, text, (Number(delta, ("z", layer, j)),), delta, ())

    def weight(self, layer: int, j: int, k: int) -> Card:
        """∂C/∂wˡⱼₖ of this sample by BP4."""
        a = self._at(self.record.activations[layer - 2], k)
        delta = self._at(self.record.deltas[layer - 2], j)
        text = f"∂C/∂{symbol('w', layer, j, k)} = {symbol('a', layer - 1, k)} {symbol('δ', layer, j)}"
        numbers = (Number(a), " × ", Number(delta, ("z", layer, j)))
        return Card("w", layer, (j, k), bp4.tag, text, numbers, delta * a, ((layer, j, k),))

    def cards(self, parameters: bool = True) -> Iterator[Card]:
        """All equations, in the textbook's order: from the output layer down; δ, then ∂C/∂b and ∂C/∂w."""
        for layer in range(self.last, 1, -1):
            units = range(1, len(self.record.zs[layer - 2]) + 1)
            below = range(1, len(self.record.activations[layer - 2]) + 1)
            yield from (self.delta(layer, j) for j in units)
            if parameters:
                yield from (self.bias(layer, j) for j in units)
                yield from (self.weight(layer, j, k) for j in units for k in below)


def plain(number: Any) -> Any:
    """The number itself, as Python's float where numpy wraps one."""
    return number.item() if hasattr(number, "dtype") else number
