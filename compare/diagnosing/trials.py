"""Planted mistakes: does `diagnose` name every mistake of its catalogue, and nothing else?

Each mistake is made in networks of several shapes, activations and costs, with batches of several sizes, in every
layer where it can be, alone and with every other mistake, and the code that makes it is diagnosed.  A *hit* names all
that was planted and shows in the numbers, or no more mistakes that make the same numbers; a *miss* does not.  A *false
name* is a mistake that is named although its numbers are others.  Where a mistake changes nothing (σ′ twice, of a
relu), it may not be named.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice, product
from typing import Any

import numpy as np

from compare.diagnosing.diagnose import diagnose
from compare.diagnosing.diagnosis import Diagnosis
from compare.diagnosing.question import ETA
from compare.mistakes import Mistake, catalogue, mistaken
from compare.mistakes.slots import SLOTS
from explicit import Network
from explicit.elementwise import Array

Shape = tuple[tuple[int, ...], str, str]
Progress = Callable[[list[Any]], Iterable[Any]]  # what goes through a list and shows how far it is, as tqdm does
Plan = Mapping[str, tuple[int, ...] | None]  # mistakes, and in which layers; None: wherever they can be made

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
PAIRED = SHAPES[4:6]  # square layers, in which most mistakes can be made, and others
BATCHES = (1, 2, 5)
LAMBDA = 0.25


@dataclass(frozen=True)
class Planted:
    """Planted mistakes, and what was said of them.

    samples:  in the batch
    effect:   the planted mistakes that change any number
    hit:      whether they are named, or no more that make the same numbers
    false:    what was named and makes other numbers
    """

    plan: Plan
    shape: Shape
    samples: int
    diagnosis: Diagnosis
    effect: tuple[str, ...]
    hit: bool
    false: tuple[str, ...]


def backward(network: Network) -> Callable[..., Any]:
    """The network's backpropagation as a function of its parameters, of any sizes."""

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        nonlocal network  # which may remember its last call
        network = network.with_parameters(weights, biases)
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


def trial(plan: Plan, shape: Shape, samples: int = 1, seed: int = 0, floats: bool = False) -> Planted | None:
    """Plant mistakes and diagnose them; None where they cannot be made in this network.

    floats: whether the code that makes them runs on floats only, as most students' code does
    """
    sizes, activation, cost = shape
    network = Network(sizes, activation, cost, seed=seed)
    options = _options([catalogue[name] for name in plan])
    try:
        planted = mistaken(network, *plan, layers=_given(plan), **options)
    except ValueError:
        return None
    x, y = _data(network, samples, seed)
    candidate = step(planted) if "eta" in options else backward(planted)
    candidate = on_floats(candidate) if floats else candidate
    said = diagnose(
        candidate, x, y, activation, cost, weights=network.weights, biases=network.biases, seed=seed,
        reduction=("mean" if "sum-for-mean" in plan else "sum") if samples > 1 else None,
        regularisation=options.get("regularisation"), eta=options.get("eta"),
    )  # fmt: skip
    effect = tuple(name for name in plan if _is_elsewhere(name) or not _alike(shape, plan, _less(plan, name)))
    named, false = _judged(shape, plan, said)
    known = [m.name for m in said.mistakes]
    missed = [name for name in effect if name not in known]
    alike = len(named) <= len(plan) and _alike(shape, named, plan) and not any(map(_is_elsewhere, missed))
    return Planted(plan, shape, samples, said, effect, not missed or alike, false)


def _given(plan: Plan) -> dict[str, tuple[int, ...]]:
    return {name: layers for name, layers in plan.items() if layers is not None}


def _less(plan: Plan, *names: str) -> Plan:
    return {name: layers for name, layers in plan.items() if name not in names}


def _is_elsewhere(name: str) -> bool:
    """Whether a mistake shows in more than the gradients of one call in float64."""
    return catalogue[name].slot in ("calls", "precision") or name == "sum-for-mean"


def _options(mistakes: list[Mistake]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if any(r.equation == "C" for r in mistakes):
        options["regularisation"] = LAMBDA
    if any(r.equation == "update" or r.name == "updated-w" for r in mistakes):
        options["eta"] = ETA
    return options


def _data(network: Network, samples: int, seed: int) -> tuple[Array, Array]:
    random = np.random.RandomState(seed + 1)
    return random.randn(network.sizes[0], samples), random.uniform(0.1, 0.9, (network.sizes[-1], samples))


def _alike(shape: Shape, plan: Plan, other: Plan) -> bool:
    """Whether two choices of mistakes make the same gradients."""
    made, known = (_gradients(shape, tuple(sorted(p.items()))) for p in (plan, other))
    if made is None or known is None:
        return False
    both = zip(made, known, strict=True)
    return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in both)


@cache
def _gradients(shape: Shape, plan: tuple[tuple[str, tuple[int, ...] | None], ...]) -> list[Array] | None:
    """Gradients with these mistakes at a number of points, the last ones at a kink; None: cannot be made."""
    made: list[Array] = []
    for point in range(24):
        other = Network(*shape, seed=100 + point)
        x, y = _data(other, 2, 100 + point)
        if point > 20:
            x = _to_kink(other, x)
        try:
            names = [name for name, _ in plan if not _is_elsewhere(name)]
            given = {name: layers for name, layers in plan if name in names and layers is not None}
            wrong = mistaken(other, *names, layers=given, regularisation=LAMBDA, eta=ETA)
        except ValueError:
            return None
        record = wrong.backprop(x, y)
        made += [*record.nabla_b, *record.nabla_w]
    return made


def _to_kink(network: Network, x: Array) -> Array:
    """Make parameters eighths, with which floats are exact, and every other z of the first sample 0."""
    network.weights, network.biases = ([np.round(8 * a) / 8 for a in g] for g in (network.weights, network.biases))
    x = np.round(8 * x) / 8
    for i in range(len(network.biases)):
        z = network.forward(x)[0][i]
        network.biases[i][::2] -= z[::2, :1]
    return x


def _judged(shape: Shape, plan: Plan, said: Diagnosis) -> tuple[Plan, tuple[str, ...]]:
    """(what was named, one mistake for each finding; all that was named and makes other numbers)."""
    named: dict[str, tuple[int, ...] | None] = {}
    false = [f.text for f in said.findings if not f.mistakes]
    classes = []
    for finding in said.findings:
        if finding.mistakes:
            known = [m.name for m in finding.mistakes]
            joined = bool(finding.mistakes[0].parts)
            one = known[0] if joined else next((name for name in known if name in plan), known[0])
            named[one] = finding.layers or None
            classes.append((one, known))
    false += [name for name in named if _is_elsewhere(name) and name not in plan]
    if not _alike(shape, named, plan):
        false += [name for name in named if name not in plan and not _is_elsewhere(name)]
        return named, tuple(false)
    for one, known in classes:
        for name in known:
            if name != one and not any(_alike(shape, other, plan) for other in _instead(named, one, name)):
                false.append(name)
    return named, tuple(false)


def _instead(named: Plan, one: str, other: str) -> Iterator[Plan]:
    """The mistakes with another in the place of one; of one that is made of parts, in the place of a part."""
    yield {**_less(named, one), other: named[one]}
    for part in catalogue[one].parts:
        others = [p for p in catalogue[one].parts if p != part]
        yield {**_less(named, one), other: None, **dict.fromkeys(others)}


def trials(
    shapes: Sequence[Shape] = SHAPES, seed: int = 0, floats: bool = False, progress: Progress = iter
) -> Iterator[Planted]:
    """Every mistake in every shape: wherever it can be made, with batches of several sizes, and in each layer alone."""
    for shape, mistake in progress(list(product(shapes, catalogue.values()))):
        for samples in BATCHES[1 if mistake.equation == "batch" else 0 :]:
            made = trial({mistake.name: None}, shape, samples, seed, floats)
            if made is not None:
                yield made
        if mistake.slot in (*SLOTS, "layer") and not mistake.parts:
            for layer in range(2, len(shape[0]) + 1):
                made = trial({mistake.name: (layer,)}, shape, 1, seed, floats)
                if made is not None:
                    yield made


_CONTRARY = (  # to "sum-for-mean"
    "mean-for-sum", "averaged-twice", "reductions-differ", "last-sample-only", "activations-averaged",
)  # fmt: skip


def pairs(
    shape: Shape, seed: int = 0, floats: bool = False, every: int = 1, first: int = 0, progress: Progress = iter
) -> Iterator[Planted]:
    """Every two mistakes together; in different layers where they take each other's place in one.

    every, first:  for a part of them: one in so many, from this one on
    """
    last = len(shape[0])
    below = tuple(range(2, last))
    for a, b in progress(list(islice(combinations(catalogue, 2), first, None, every))):
        mistakes = catalogue[a], catalogue[b]
        if any(r.parts for r in mistakes) or ("sum-for-mean" in (a, b) and {a, b} & set(_CONTRARY)):
            continue
        if {a, b} == {"nondeterministic", "layer-skipped"}:  # the noise of the lab is a factor
            continue
        samples = 2 if any(r.equation == "batch" for r in mistakes) else 1
        plans: list[Plan] = [{a: None, b: None}, {a: (last,), b: below}, {a: below, b: (last,)}]
        made = (trial(plan, shape, samples, seed, floats) for plan in plans)
        yield from list(filter(None, made))[:1]
