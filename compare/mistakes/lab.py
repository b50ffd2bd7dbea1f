"""A misconception lab: networks that make mistakes of the catalogue, to see what number each breaks.

>>> from compare.mistakes import catalogue
>>> from explicit import Network
>>> wrong = mistaken(Network([2, 3, 1]), "no-sigma-prime")
>>> catalogue["no-sigma-prime"].sentence
'σ′ is left out everywhere.'
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np

from compare.mistakes.known import Mistake, find
from compare.mistakes.slots import SLOTS, At, Pass, averaged, regularised
from explicit import Network
from explicit.elementwise import Array
from explicit.network import Backprop

Reducing = Callable[[int, Array, Array], tuple[Array, Array]]


class MistakenNetwork(Network):
    """A network whose backpropagation makes mistakes of the catalogue; see `mistaken`."""

    mistakes: tuple[Mistake, ...] = ()
    at_layers: Mapping[str, Sequence[int]] = MappingProxyType({})  # by name; not named: wherever it can be made
    decay: Any = 0  # λ
    eta: Any = None
    _before: list[list[Array]] | None = None

    def _made(self, at: At) -> At:
        """A layer with the mistakes that are made there."""
        for mistake in sorted((m for m in self.mistakes if m.slot in SLOTS), key=lambda m: SLOTS.index(m.slot)):
            where = self.at_layers.get(mistake.name)
            if where is None or at.layer in where:
                for value in mistake.variant(at)[:1]:
                    at = at.put(mistake.slot, value)
        return at

    def _pass(self, record: Backprop, y: Array) -> Pass:
        functions = self.activation_functions
        return Pass(record.weights, self.biases, record.zs, record.activations, y, functions, self.cost, self.eta)

    def possible(self, mistake: Mistake) -> set[int]:
        """The layers in which a mistake is made."""
        x, y = np.full((self.sizes[0], 1), 0.5), np.full((self.sizes[-1], 1), 0.5)
        record = Network.backprop(self, x, y)
        of = self._pass(record, y)
        above: tuple[Any, Any] = (None, None)
        found = set()
        for layer in range(of.last, 1, -1):
            if layer in self.at_layers.get(mistake.name, [layer]) and mistake.variant(At(of, layer, *above)):
                found.add(layer)
            above = record.deltas[layer - 2], record.nabla_w[layer - 2]
        return found

    def _has(self, name: str) -> bool:
        return any(m.name == name for m in self.mistakes)

    def backprop(self, x: Any, y: Any) -> Any:
        """As `Network.backprop`, with the mistakes.  The record's `deltas`, `nabla_w`, `nabla_b` are wrong."""
        record = super().backprop(x, y)
        y = np.asarray(y, dtype=record.activations[-1].dtype)
        of = self._pass(record, y)
        if self._has("activations-averaged"):
            of = averaged(of)
        deltas, nabla_b, nabla_w = self._backward(of, self._reducing(of))
        if self._has("accumulated-over-calls"):
            now = [nabla_b, nabla_w]
            if self._before is not None and _shapes(now) == _shapes(self._before):  # else they are set up anew
                now = [[a + b for a, b in zip(*two, strict=True)] for two in zip(now, self._before, strict=True)]
            nabla_b, nabla_w = self._before = now
        if self._has("nondeterministic"):
            nabla_w = [nabla_w[0] * np.random.default_rng().uniform(0.5, 1.5), *nabla_w[1:]]
        if self._has("float32-inside"):
            nabla_w, nabla_b = ([a.astype(np.float32).astype(np.float64) for a in g] for g in (nabla_w, nabla_b))
        return replace(record, deltas=deltas, nabla_b=nabla_b, nabla_w=nabla_w)

    def _backward(self, of: Pass, reduced: Reducing | None = None) -> tuple[list[Array], list[Array], list[Array]]:
        """δ, ∂C/∂b and ∂C/∂w of all layers; `reduced` gets the last two of each, as sums over the samples."""
        deltas: list[Array] = []
        nabla_b: list[Array] = []
        nabla_w: list[Array] = []
        for layer in range(of.last, 1, -1):
            at = self._made(At(of, layer, deltas[0] if deltas else None, nabla_w[0] if nabla_w else None))
            b, w = at.nabla_b, at.nabla_w
            if self._has("layer-skipped") and layer == min(self.at_layers.get("layer-skipped", [2])):
                b, w = b * 0, w * 0
            if reduced:
                b, w = reduced(layer - 2, b, w)
            deltas.insert(0, at.delta)
            nabla_b.insert(0, b)
            nabla_w.insert(0, w)
        return deltas, nabla_b, nabla_w

    def _reducing(self, of: Pass) -> Reducing:
        """What is made of a layer's sums over the samples: i, ∂C/∂b, ∂C/∂w → ∂C/∂b, ∂C/∂w."""
        m = of.y.shape[1]
        one = of.y.flat[0] * 0 + 1
        over_b = over_w = one
        if self._has("mean-for-sum"):
            over_b = over_w = one / m
        if self._has("averaged-twice"):
            over_b = over_w = one / m / m
        if self._has("reductions-differ"):
            over_b = one / m
        last = self._backward(of.sample(m - 1)) if self._has("last-sample-only") else None
        singly = [self._backward(of.sample(s))[1] for s in range(m)] if self._has("bias-not-summed-over-batch") else []
        weight = 0 if self._has("regularisation-missing") else 2 if self._has("regularisation-doubled") else 1
        on_biases = 1 if self._has("regularisation-on-biases") else 0

        def reduced(i: int, b: Array, w: Array) -> tuple[Array, Array]:
            if last:
                b, w = last[1][i], last[2][i]
            if singly:
                b = np.hstack([of_one[i] for of_one in singly])
            return (
                regularised(b * over_b, of.biases[i], on_biases * self.decay),
                regularised(w * over_w, of.weights[i], weight * self.decay),
            )

        return reduced


def _shapes(groups: list[list[Array]]) -> list[list[tuple[int, ...]]]:
    return [[a.shape for a in group] for group in groups]


def mistaken(
    network: Network,
    *names: str,
    layers: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    regularisation: float = 0.0,
    eta: float | None = None,
) -> MistakenNetwork:
    """A copy of a network that makes mistakes of the catalogue: to see what number each breaks, and to train.

    Parameters
    ----------
    network : stays as it is; the copy has its parameters
    names : of the mistakes, e.g. "no-sigma-prime"
    layers : where they are made, numbered as in the book (2, …, L); a mapping says it for each name; those
        without layers are made wherever they can be
    regularisation : λ of C + λ/2 Σw²; it adds λW to ∂C/∂w
    eta : the learning rate, for mistakes of the update ("updated-w", "eta-forgotten")

    The mistakes "mean-for-sum" and "sum-for-mean" are about what was declared: the copy sums, as the network
    does, or averages ("mean-for-sum").

    Raises
    ------
    TypeError, ValueError
        network is none; a name is unknown; a mistake cannot be made in this network (a W that is not square
        cannot go untransposed, say); two mistakes take each other's place in one layer.

    >>> network = Network([2, 3, 1], seed=1)
    >>> wrong = mistaken(network, "no-sigma-prime-bp1").backprop([[1.0], [0.0]], [[1.0]])
    >>> right = network.backprop([[1.0], [0.0]], [[1.0]])
    >>> bool(wrong.deltas[-1][0, 0] == right.activations[-1][0, 0] - 1)
    True
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit.Network, got {network!r}")
    mistakes = tuple(find(name) for name in names)
    last = len(network.sizes)
    given = layers if isinstance(layers, Mapping) else dict.fromkeys(names, layers) if layers else {}
    for name, some in given.items():
        if name not in names:
            raise ValueError(f"layers: expected names of {names}, got {name!r}")
        for layer in some:
            if layer not in range(2, last + 1):
                raise ValueError(f"layers: expected layers from 2 to {last}, got {layer}")
    like = network.sizes, network.activation_functions, network.cost, 0, network.matmul, network.shortcut
    parameters = ([a.copy() for a in group] for group in (network.weights, network.biases))
    made = MistakenNetwork(*like).with_parameters(*parameters)
    made.mistakes, made.at_layers = mistakes, {name: tuple(some) for name, some in given.items()}
    made.decay, made.eta = regularisation, eta
    for mistake in mistakes:
        if mistake.slot in SLOTS and not made.possible(mistake):
            where = f" at layers {list(given[mistake.name])}" if mistake.name in given else ""
            raise ValueError(f"{mistake.name}: cannot be made in {network!r}{where}")
    for a, b in combinations(mistakes, 2):
        if a.slot == b.slot in SLOTS and a.slot != "scale" and made.possible(a) & made.possible(b):
            raise ValueError(f"{a.name}, {b.name}: cannot be made both in one layer; say `layers` for each")
    return made
