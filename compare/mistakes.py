"""A misconception lab: networks that make mistakes of the catalogue, to see what number each breaks.

>>> from explicit import Network
>>> wrong = mistaken(Network([2, 3, 1]), "no-sigma-prime")
>>> catalogue["no-sigma-prime"].sentence
'σ′ is left out everywhere.'
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.records import SLOTS, Mistake, catalogue, find
from compare.variants import At, Pass, averaged
from explicit import Network

__all__ = ["Mistake", "MistakenNetwork", "catalogue", "find", "mistaken"]

Array = npt.NDArray[Any]


class MistakenNetwork(Network):
    """A network whose backpropagation makes mistakes of the catalogue; see `mistaken`."""

    mistakes: tuple[Mistake, ...] = ()
    at_layers: tuple[int, ...] | None = None
    decay: Any = 0  # λ
    eta: Any = None
    _before: list[list[Array]] | None = None

    def _made(self, slot: str, at: At) -> list[Any]:
        """What fills a slot at a layer: one entry for each mistake that is made there."""
        if self.at_layers is not None and at.layer not in self.at_layers:
            return []
        return [v[0] for m in self.mistakes if m.slot == slot and (v := m.variant(at))]

    def _has(self, name: str) -> bool:
        return any(m.name == name for m in self.mistakes)

    def backprop(self, x: Any, y: Any) -> Any:
        """As `Network.backprop`, with the mistakes.  The record's `deltas`, `nabla_w`, `nabla_b` are wrong."""
        record = super().backprop(x, y)
        y = np.asarray(y, dtype=record.activations[-1].dtype)
        of = Pass(
            record.weights, self.biases, record.zs, record.activations, y,
            self.activation_functions, self.cost, self.eta,
        )  # fmt: skip
        if self._has("activations-averaged"):
            of = averaged(of)
        deltas, nabla_b, nabla_w = self._backward(of)
        nabla_b, nabla_w = self._reduced(nabla_b, nabla_w, deltas, of)
        if self._has("accumulated-over-calls"):
            if self._before is not None:
                nabla_b, nabla_w = ([a + b for a, b in zip(*two, strict=True)] for two in
                                    zip((nabla_b, nabla_w), self._before, strict=True))  # fmt: skip
            self._before = [nabla_b, nabla_w]
        return replace(record, deltas=deltas, nabla_b=nabla_b, nabla_w=nabla_w)

    def _backward(self, of: Pass) -> tuple[list[Array], list[Array], list[Array]]:
        deltas: list[Array] = []
        nabla_b: list[Array] = []
        nabla_w: list[Array] = []
        for layer in range(of.last, 1, -1):
            at = At(of, layer, deltas[0] if deltas else None, nabla_w[0] if nabla_w else None)
            error, slope = (*self._made("error", at), at.error)[0], (*self._made("slope", at), at.slope)[0]
            delta = (*self._made("delta", at), error * slope)[0]
            for scale in self._made("scale", at):
                delta = delta * scale
            at = replace(at, delta=delta)
            skipped = self._has("layer-skipped") and layer == (min(self.at_layers) if self.at_layers else 2)
            b = (*self._made("nabla_b", at), at.nabla_b)[0]
            w = (*self._made("nabla_w", at), at.nabla_w)[0]
            deltas.insert(0, delta)
            nabla_b.insert(0, b * 0 if skipped else b)
            nabla_w.insert(0, w * 0 if skipped else w)
        return deltas, nabla_b, nabla_w

    def _reduced(
        self, nabla_b: list[Array], nabla_w: list[Array], deltas: list[Array], of: Pass
    ) -> tuple[list[Array], list[Array]]:
        m = of.y.shape[1]
        one = of.y.flat[0] * 0 + 1
        over_b = over_w = one
        if self._has("mean-for-sum"):
            over_b = over_w = one / m
        if self._has("averaged-twice"):
            over_b = over_w = one / m / m
        if self._has("reductions-differ"):
            over_b = one / m
        if self._has("last-sample-only"):
            last = Pass(of.weights, of.biases, [z[:, -1:] for z in of.zs], [a[:, -1:] for a in of.activations],
                        of.y[:, -1:], of.functions, of.cost, of.eta)  # fmt: skip
            _, nabla_b, nabla_w = self._backward(last)
        if self._has("bias-not-summed-over-batch"):
            nabla_b = list(deltas)
        weight = 0 if self._has("regularisation-missing") else 2 if self._has("regularisation-doubled") else 1
        on_biases = 1 if self._has("regularisation-on-biases") else 0
        nabla_w = [_plus(w * over_w, W, weight * self.decay) for w, W in zip(nabla_w, of.weights, strict=True)]
        nabla_b = [_plus(b * over_b, B, on_biases * self.decay) for b, B in zip(nabla_b, of.biases, strict=True)]
        if self._has("nondeterministic"):
            nabla_w = [w * np.random.default_rng().uniform(0.5, 1.5) for w in nabla_w]
        if self._has("float32-inside"):
            nabla_w, nabla_b = ([a.astype(np.float32).astype(np.float64) for a in g] for g in (nabla_w, nabla_b))
        return nabla_b, nabla_w


def _plus(nabla: Array, own: Array, decay: Any) -> Array:
    """∂C/∂w + λw; a gradient of another shape than its w stays as it is."""
    return nabla + own * decay if decay and nabla.shape == own.shape else nabla


def mistaken(
    network: Network,
    *names: str,
    layers: Sequence[int] | None = None,
    regularisation: float = 0.0,
    eta: float | None = None,
) -> MistakenNetwork:
    """A copy of a network that makes mistakes of the catalogue: to see what number each breaks, and to train.

    Parameters
    ----------
    network : stays as it is; the copy has its parameters
    names : of the mistakes, e.g. "no-sigma-prime"
    layers : where they are made, as in the book (2, …, L); None: wherever they can be
    regularisation : λ of C + λ/2 Σw²; it adds λW to ∂C/∂w
    eta : the learning rate, for mistakes of the update ("updated-w", "eta-forgotten")

    The records "mean-for-sum" and "sum-for-mean" are about what was declared: the copy sums, as the network
    does, or averages ("mean-for-sum").

    Raises
    ------
    TypeError, ValueError
        network is none; a name is unknown; a mistake cannot be made in this network (a W that is not square
        cannot go untransposed, say).

    >>> network = Network([2, 3, 1], seed=1)
    >>> wrong = mistaken(network, "no-sigma-prime-bp1").backprop([[1.0], [0.0]], [[1.0]])
    >>> right = network.backprop([[1.0], [0.0]], [[1.0]])
    >>> bool(wrong.deltas[-1][0, 0] == right.activations[-1][0, 0] - 1)
    True
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit.Network, got {network!r}")
    records = tuple(find(name) for name in names)
    last = len(network.sizes)
    for layer in layers or ():
        if layer not in range(2, last + 1):
            raise ValueError(f"layers: expected layers from 2 to {last}, got {layer}")
    made = MistakenNetwork.__new__(MistakenNetwork)
    vars(made).update(vars(network))
    made._weights = [w.copy() for w in network.weights]
    made._biases = [b.copy() for b in network.biases]
    made.mistakes, made.at_layers = records, tuple(layers) if layers else None
    made.decay, made.eta = regularisation, eta
    for record in records:
        if record.slot in (*SLOTS, "nabla_b", "nabla_w") and not _possible(made, record):
            where = f" at layers {list(layers)}" if layers else ""
            raise ValueError(f"{record.name}: cannot be made in {network!r}{where}")
    return made


def _possible(network: MistakenNetwork, record: Mistake) -> bool:
    x, y = np.full((network.sizes[0], 1), 0.5), np.full((network.sizes[-1], 1), 0.5)
    passed = Network.backprop(network, x, y)
    of = Pass(
        passed.weights, network.biases, passed.zs, passed.activations, y,
        network.activation_functions, network.cost, network.eta,
    )  # fmt: skip
    for i, delta in enumerate(passed.deltas):
        layer = i + 2
        above = None if layer == of.last else passed.deltas[i + 1]
        above_w = None if layer == of.last else passed.nabla_w[i + 1]
        if network.at_layers and layer not in network.at_layers:
            continue
        if record.variant(At(of, layer, above, above_w, delta)):
            return True
    return False
