"""Trials of every kind of layer: random small models, each δ and gradient beside its adjoint, in bits.

>>> trial("softmax", cases=2)
Trial(name='softmax', cases=2, numbers=135, different=0)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.comparison.models import both_sides
from compare.rounding.ulp import identical
from explicit.elementwise import Array
from explicit.layers import (
    Add,
    Attention,
    BatchNorm,
    Concat,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GRUCell,
    Layer,
    LayerNorm,
    Linear,
    LSTMCell,
    MaxPool1d,
    MaxPool2d,
    MeanPool1d,
    MeanPool2d,
    Quadratic,
    RMSNorm,
    RNNCell,
    Sigma,
    Softmax,
)
from explicit.model import Model, Use

Random = np.random.Generator
Case = tuple[Model, dict[str, Array]]


@dataclass(frozen=True)
class Trial:
    """How many random models of one kind were tried, numbers compared, and numbers that differ in a bit."""

    name: str
    cases: int
    numbers: int
    different: int


def trial(name: str, cases: int = 200, seed: int = 0) -> Trial:
    """Compare every named δ, the adjoints of inputs and all gradients of random models of one kind.

    Errors: ValueError for an unknown kind.
    """
    if name not in KINDS:
        raise ValueError(f"name: unknown kind {name!r}; known: {', '.join(KINDS)}")
    numbers = different = 0
    for case in range(cases):
        random = np.random.default_rng([seed, case])
        model, inputs = KINDS[name](random)
        model.parameters = {n: random.normal(size=p.shape) for n, p in model.parameters.items()}
        pairs = sides(model, inputs)
        numbers += sum(equal.size for equal in pairs.values())
        different += sum(int((~equal).sum()) for equal in pairs.values())
    return Trial(name, cases, numbers, different)


def sides(model: Model, inputs: dict[str, Array]) -> dict[str, Array]:
    """For each quantity and "∂C/∂parameter", number by number where there is a node: whether both sides are the same.

    A node that the cost does not depend on has the adjoint 0, and δ is a zero of either sign.
    """
    found = {}
    for name, (ours, theirs) in both_sides(model, inputs).items():
        unread = np.array([type(number) is int for number in theirs], dtype=bool)
        equal = identical(ours, np.array(theirs.tolist(), dtype=np.float64))
        found[name] = equal | (unread & (ours == 0.0))
    return found


def _batch(random: Random) -> int:
    return int(random.integers(1, 5))


def _targets(random: Random, shape: Sequence[int], classes: bool) -> Array:
    """Normal numbers, or one-hot columns: one 1 among the features, the place before the samples."""
    if not classes:
        return random.normal(size=shape)
    chosen = random.integers(0, shape[-2], (*shape[:-2], 1, shape[-1]))
    return (np.arange(shape[-2])[:, np.newaxis] == chosen).astype(np.float64)


def _sequence(
    x: Sequence[int], y: Sequence[int], *layers: Layer, cost: str = "quadratic", classes: bool = False, least: int = 1
) -> Callable[[Random], Case]:
    """Models of layers one after the other, for samples of the shapes x and y."""

    def case(random: Random) -> Case:
        samples = max(_batch(random), least)
        inputs = {"x": random.normal(size=(*x, samples)), "y": _targets(random, (*y, samples), classes)}
        return Model(layers, cost), inputs

    return case


def _graph(shapes: dict[str, Sequence[int]], *uses: Use) -> Callable[[Random], Case]:
    """Models of uses with names, for inputs of the shapes."""

    def case(random: Random) -> Case:
        samples = _batch(random)
        inputs: dict[str, Array] = {n: random.normal(size=(*shape, samples)) for n, shape in shapes.items()}
        if "mask" in inputs:
            inputs["mask"] = (inputs["mask"] > 0) * 2.0
        return Model(uses), inputs

    return case


def unrolled(cell: Any, steps: int = 4, at_end: bool = False) -> Callable[[Random], Case]:
    """A cell used at every step, with a readout and a cost after each step, or all of them at the end."""
    shared = {p: f"cell.{p}" for p in cell.parameters}
    states = ["h", "c"][: len(cell.reads) - 1]
    steps_of, readouts = [], []
    last = {state: f"{state}0" for state in states}
    for t in range(steps):
        own = Use(cell, f"step{t}", (f"x{t}", *last.values()), shared)
        last = dict(zip(states, (f"step{t}", f"step{t}.c_new"), strict=False))
        out = Use(Dense(cell.units, 2), f"out{t}", (f"step{t}",), {"W": "out.W", "b": "out.b"})
        steps_of.append(own)
        readouts.append([out, Use(Quadratic(), f"cost{t}", (f"out{t}", f"y{t}"))])
    uses: list[Use] = []
    for own, readout in zip(steps_of, readouts, strict=True):
        uses += [own] if at_end else [own, *readout]
    uses += [use for readout in readouts for use in readout] if at_end else []

    def case(random: Random) -> Case:
        samples = _batch(random)
        shapes = {f"{state}0": cell.units for state in states}
        shapes |= {f"x{t}": cell.inputs for t in range(steps)} | {f"y{t}": 2 for t in range(steps)}
        return Model(uses, cost=None), {n: random.normal(size=(size, samples)) for n, size in shapes.items()}

    return case


def transformer(tokens: int, length: int, features: int, heads: int) -> list[Use]:
    """One block of a GPT: embedding, causal attention, a layer of 4n with tanh, norms, residuals, a tied head."""
    n = features
    return [
        Use(Embedding(tokens, n, length), "embed", ("tokens",)),
        Use(LayerNorm(n), "norm1"),
        *(Use(Dense(n, n), part, ("norm1",)) for part in "qkv"),
        Use(Attention(heads), "attention", ("q", "k", "v")),
        Use(Dense(n, n), "project"),
        Use(Add(), "skip1", ("embed", "project")),
        Use(LayerNorm(n), "norm2"),
        Use(Dense(n, 4 * n), "up"),
        Use(Sigma("tanh"), "bend"),
        Use(Dense(4 * n, n), "down"),
        Use(Add(), "skip2", ("skip1", "down")),
        Use(LayerNorm(n), "norm3"),
        Use(Linear(n, tokens), "head", ("norm3",), {"W": "embed.E"}),
    ]


def _gpt(random: Random) -> Case:
    samples = int(random.integers(1, 3))
    inputs = {"tokens": random.integers(0, 5, (4, samples)).astype(np.float64)}
    model = Model(transformer(5, 4, 4, heads=2), "softmax_cross_entropy")
    return model, inputs | {"y": _targets(random, (4, 5, samples), classes=True)}


def _head(*layers: Layer) -> tuple[Layer, ...]:
    """A dense layer before, so that δ goes on below."""
    return (Dense(4, 3), *layers)


_RESIDUAL = (
    Use(Dense(3, 3), "z1", ("x",)),
    Use(Dense(3, 3), "f"),
    Use(Sigma("tanh"), "bend"),
    Use(Add(), "skip1", ("z1", "bend")),
    Use(Dense(3, 3), "g", ("skip1",)),
    Use(Add(), "skip2", ("skip1", "g")),
    Use(Dense(3, 2), "out", ("skip2",)),
)
_TIED = (
    Use(Dense(3, 3), "one", ("x",), {"W": "W", "b": "b"}),
    Use(Dropout(), "drop", ("one", "mask")),
    Use(Dense(3, 3), "two", ("drop",), {"W": "W", "b": "b"}),
    Use(Concat(), "both", ("two", "one")),
    Use(Dense(6, 2), "out", ("both",)),
)
_SELF = (
    Use(Dense(4, 4), "d", ("x",)),
    Use(Attention(heads=2), "attention", ("d", "d", "d")),
    Use(Dense(4, 2), "out", ("attention",)),
)
_IMAGE = (2, 4, 4)
KINDS: dict[str, Callable[[Random], Case]] = {
    "dense": _sequence((4,), (2,), *_head(Sigma("relu"), Dense(3, 2))),
    "linear": _sequence((4,), (2,), Linear(4, 3), Sigma("tanh"), Linear(3, 2)),
    "dense at positions": _sequence((3, 4), (3, 2), *_head(Sigma("sigmoid"), Dense(3, 2))),
    "softmax": _sequence((4,), (3,), *_head(Softmax())),
    "softmax, log-likelihood": _sequence((4,), (3,), *_head(Softmax()), cost="log_likelihood", classes=True),
    "softmax cross-entropy": _sequence((4,), (3,), *_head(), cost="softmax_cross_entropy", classes=True),
    "cross-entropy": _sequence((4,), (3,), *_head(Sigma("sigmoid")), cost="cross_entropy", classes=True),
    "binary cross-entropy on logits": _sequence((4,), (3,), *_head(), cost="binary_cross_entropy", classes=True),
    "mean squares": _sequence((4,), (3,), *_head(), cost="mean_squares"),
    "huber": _sequence((4,), (3,), *_head(), cost="huber"),
    "hinge": _sequence((4,), (1,), *_head(), cost="hinge", classes=True),
    "conv1d": _sequence(
        (2, 5), (2,), Conv1d(2, 3, 2, padding=1), Sigma("relu"), Conv1d(3, 2, 2, stride=2), Flatten(), Dense(6, 2)
    ),
    "conv2d": _sequence(
        _IMAGE, (2,), Conv2d(2, 3, 2), Sigma("relu"), Conv2d(3, 2, 2, padding=1), Sigma("tanh"), Flatten(), Dense(32, 2)
    ),
    "conv2d, stride 2": _sequence(_IMAGE, (2,), Conv2d(2, 3, 2, stride=2), Sigma("relu"), Flatten(), Dense(12, 2)),
    "conv2d, dilated": _sequence((2, 5, 5), (2,), Conv2d(2, 3, 2, dilation=2), Sigma("relu"), Flatten(), Dense(27, 2)),
    "transposed conv1d": _sequence(
        (2, 3), (2,), Conv1d(2, 2, 1), ConvTranspose1d(2, 3, 3, stride=2), Sigma("tanh"), Flatten(), Dense(21, 2)
    ),
    "transposed conv2d": _sequence(
        (2, 2, 3), (2,), Conv2d(2, 2, 1), ConvTranspose2d(2, 2, 2), Sigma("relu"), Flatten(), Dense(24, 2)
    ),
    "max pool": _sequence(_IMAGE, (2,), Conv2d(2, 2, 1), Sigma("relu"), MaxPool2d(2), Flatten(), Dense(8, 2)),
    "max pool, overlapping": _sequence(
        (1, 6, 6), (2,), Conv2d(1, 2, 2), Sigma("relu"), MaxPool2d(3, 2), Flatten(), Dense(8, 2)
    ),
    "max pool 1d": _sequence((2, 4), (2,), Conv1d(2, 2, 1), MaxPool1d(2), Flatten(), Dense(4, 2)),
    "mean pool": _sequence((1, 6, 6), (2,), Conv2d(1, 2, 2), Sigma("tanh"), MeanPool2d(3, 2), Flatten(), Dense(8, 2)),
    "mean pool 1d": _sequence((2, 6), (2,), Conv1d(2, 2, 1), MeanPool1d(3), Flatten(), Dense(4, 2)),
    "layer norm": _sequence((4,), (2,), *_head(LayerNorm(3), Sigma("tanh"), Dense(3, 2))),
    "layer norm at positions": _sequence((3, 4), (3, 2), *_head(LayerNorm(3), Sigma("tanh"), Dense(3, 2))),
    "rms norm": _sequence((4,), (2,), *_head(RMSNorm(3), Dense(3, 2))),
    "batch norm": _sequence((4,), (2,), *_head(BatchNorm(3), Sigma("relu"), Dense(3, 2)), least=2),
    "batch norm of images": _sequence(
        (1, 4, 4), (2,), Conv2d(1, 2, 2), BatchNorm(2), Sigma("relu"), Flatten(), Dense(18, 2)
    ),
    "residual": _graph({"x": (3,), "y": (2,)}, *_RESIDUAL),
    "tied, dropout, concat": _graph({"x": (3,), "mask": (3,), "y": (2,)}, *_TIED),
    "rnn": unrolled(RNNCell(3, 4)),
    "rnn, readouts at the end": unrolled(RNNCell(3, 4), at_end=True),
    "lstm": unrolled(LSTMCell(3, 4)),
    "lstm, readouts at the end": unrolled(LSTMCell(3, 4), at_end=True),
    "gru": unrolled(GRUCell(3, 4)),
    "gru, readouts at the end": unrolled(GRUCell(3, 4), at_end=True),
    "attention, q = k = v": _graph({"x": (3, 4), "y": (3, 2)}, *_SELF),
    "gpt block": _gpt,
}
"""Random models by kind."""
