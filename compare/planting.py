"""Planted mistakes: does `diagnose` name every record of its catalogue, and nothing else?

Each record is made in networks of several shapes, activations and costs, in every layer where it can be,
and the code that makes it is diagnosed.  A *hit* names it; a *miss* does not; a *false name* is a record
that is named although its gradients are other numbers.  Where a mistake changes nothing (σ′ twice, of a
relu), nothing may be named.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.asking import ETA
from compare.diagnosing import diagnose
from compare.diagnosis import Diagnosis
from compare.mistakes import Mistake, catalogue, mistaken
from explicit import Network

Array = npt.NDArray[Any]
Shape = tuple[tuple[int, ...], str, str]

SHAPES: tuple[Shape, ...] = (
    ((2, 3, 1), "sigmoid", "quadratic"),
    ((3, 3, 3), "tanh", "quadratic"),
    ((2, 4, 3), "sigmoid", "cross_entropy"),
    ((3, 4, 2), "relu", "quadratic"),
    ((3, 3, 3, 3), "sigmoid", "quadratic"),
    ((2, 4, 4, 2), "tanh", "quadratic"),
    ((3, 4, 4, 4, 2), "relu", "quadratic"),
    ((2, 3, 3, 2), "softplus", "quadratic"),
)
LAMBDA = 0.25


@dataclass(frozen=True)
class Trial:
    """One planted mistake, and what was said of it.  effect: whether it changes any number."""

    names: tuple[str, ...]
    shape: Shape
    layers: tuple[int, ...] | None
    diagnosis: Diagnosis
    effect: bool
    false: tuple[str, ...]

    @property
    def hit(self) -> bool:
        """Whether all that was planted is named, or, where it has no effect, nothing is."""
        found = [m.name for m in self.diagnosis.mistakes]
        return all(name in found for name in self.names) if self.effect else not found


def backward(network: Network) -> Callable[..., Any]:
    """The network's backpropagation as a function of its parameters, of any sizes."""

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        network.sizes = [weights[0].shape[1], *(len(w) for w in weights)]
        network._weights, network._biases = list(weights), list(biases)
        record = network.backprop(x, y)
        return record.nabla_b, record.nabla_w

    return backprop


def step(network: Network) -> Callable[..., Any]:
    """A training step by the network's backpropagation."""
    gradients = backward(network)

    def step(weights: Any, biases: Any, x: Any, y: Any, eta: float) -> Any:
        nabla_b, nabla_w = gradients(weights, biases, x, y)
        return (
            [w - eta * g for w, g in zip(weights, nabla_w, strict=True)],
            [b - eta * g for b, g in zip(biases, nabla_b, strict=True)],
        )

    return step


def on_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which refuses all numbers but floats."""

    def forced(weights: Any, biases: Any, x: Any, y: Any, *eta: float) -> Any:
        groups = ([np.array(a, dtype=np.float64) for a in g] for g in (weights, biases))
        return function(*groups, np.array(x, dtype=np.float64), np.array(y, dtype=np.float64), *eta)

    if function.__name__ == "step":
        return lambda weights, biases, x, y, eta: forced(weights, biases, x, y, eta)
    return lambda weights, biases, x, y: forced(weights, biases, x, y)


def trial(
    names: Sequence[str], shape: Shape, layers: tuple[int, ...] | None = None, seed: int = 0, floats: bool = False
) -> Trial | None:
    """Plant mistakes and diagnose them; None where they cannot be made in this network.

    floats: whether the code that makes them runs on floats only, as most students' code does
    """
    sizes, activation, cost = shape
    network = Network(sizes, activation, cost, seed=seed)
    records = [catalogue[name] for name in names]
    options = _options(records)
    try:
        planted = mistaken(network, *names, layers=layers, **options)
    except ValueError:
        return None
    x, y = _data(network, 2 if any(r.equation == "batch" for r in records) else 1, seed)
    candidate = step(planted) if "eta" in options else backward(planted)
    candidate = on_floats(candidate) if floats else candidate
    said = diagnose(
        candidate, x, y, activation, cost, weights=network.weights, biases=network.biases, seed=seed,
        reduction=("mean" if "sum-for-mean" in names else "sum") if x.shape[1] > 1 else None,
        regularisation=options.get("regularisation"), eta=options.get("eta"),
    )  # fmt: skip
    elsewhere = any(r.slot in _ELSEWHERE for r in records)
    effect = elsewhere or _shown(shape, tuple(names), layers) != _shown(shape, (), None)
    return Trial(tuple(names), shape, layers, said, effect, _false(shape, names, said))


_ELSEWHERE = ("calls", "precision", "reduction")  # what one gradient of one sample does not show


def _options(records: list[Mistake]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if any(r.equation == "C" for r in records):
        options["regularisation"] = LAMBDA
    if any(r.equation == "update" or r.name == "updated-w" for r in records):
        options["eta"] = ETA
    return options


def _data(network: Network, samples: int, seed: int) -> tuple[Array, Array]:
    random = np.random.RandomState(seed + 1)
    return random.randn(network.sizes[0], samples), random.uniform(0.1, 0.9, (network.sizes[-1], samples))


@cache
def _shown(shape: Shape, names: tuple[str, ...], layers: tuple[int, ...] | None) -> "_Rounded | None":
    """Gradients with these mistakes at a number of points, the last ones at a kink; None: cannot be made."""
    made: list[Array] = []
    for point in range(24):
        other = Network(*shape, seed=100 + point)
        x, y = _data(other, 2, 100 + point)
        if point > 20:
            x = _to_kink(other, x)
        try:
            wrong = mistaken(other, *names, layers=layers, regularisation=LAMBDA, eta=ETA)
        except ValueError:
            return None
        record = wrong.backprop(x, y)
        made += [*record.nabla_b, *record.nabla_w]
    return _Rounded(made)


def _to_kink(network: Network, x: Array) -> Array:
    """Make parameters eighths, with which floats are exact, and every other z of the first sample 0."""
    network.weights, network.biases = ([np.round(8 * a) / 8 for a in g] for g in (network.weights, network.biases))
    x = np.round(8 * x) / 8
    for i in range(len(network.biases)):
        z = network.forward(x)[0][i]
        network.biases[i][::2] -= z[::2, :1]
    return x


class _Rounded(list[Any]):
    """Arrays that are equal where they agree to nine digits."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rounded) and all(
            a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)
            for a, b in zip(self, other, strict=True)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other


def _false(shape: Shape, names: Sequence[str], said: Diagnosis) -> tuple[str, ...]:
    """Records that were named and make other numbers than what was planted."""
    wrong = []
    for finding in said.findings:
        known = [m.name for m in finding.mistakes]
        true = [n for n in known if n in names]
        parts = [p for n in true for p in catalogue[n].parts]
        last = len(shape[0])
        for name in known:
            if name in names or name in parts:
                continue
            where = finding.layers or None
            same = any(_shown(shape, (name,), where) == _shown(shape, (n,), where) for n in true)
            of_part = any(_shown(shape, (name,), (last,)) == _shown(shape, (p,), (last,)) for p in parts)
            if not (same or of_part or _is_made_of(name, names, known)):
                wrong.append(name)
        if not finding.mistakes:
            wrong.append(finding.text)
    return tuple(wrong)


def _is_made_of(name: str, names: Sequence[str], known: list[str]) -> bool:
    """Whether it is a record made of others, all of which were planted or are in the class."""
    return bool(catalogue[name].parts) and all(part in (*names, *known) for part in catalogue[name].parts)


def trials(shapes: Sequence[Shape] = SHAPES, seed: int = 0, floats: bool = False) -> Iterator[Trial]:
    """Every record in every shape: wherever it can be made, and in each single layer."""
    for shape in shapes:
        for record in catalogue.values():
            everywhere = trial((record.name,), shape, None, seed, floats)
            if everywhere is None:
                continue
            yield everywhere
            if record.slot in ("error", "slope", "nabla_b", "nabla_w", "layer") and not record.parts:
                for layer in range(2, len(shape[0]) + 1):
                    single = trial((record.name,), shape, (layer,), seed, floats)
                    if single is not None:
                        yield single
