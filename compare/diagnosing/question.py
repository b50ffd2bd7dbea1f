"""What is asked of a candidate: its code in our convention, what was declared, what was recognised."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from compare.candidates import conventions
from compare.candidates.beside_ours import Point
from compare.candidates.candidate import Candidate
from compare.candidates.gradients import CandidateError, NotGradients
from compare.diagnosing.tried import Found
from compare.diagnosing.walk import MOST
from explicit import Network, checks
from explicit.elementwise import Array

ETA = 0.375  # of a training step: its inverse is no factor that a mistake has
UNBOUNDED = ("relu", "leaky_relu", "softplus", "identity", "tanh", "softsign")  # not between 0 and 1
RAISED = (CandidateError, NotGradients)
FLOAT32 = "equal under this convention: float32 (right to the rounding of float32)"


@dataclass(eq=False)
class Question:
    """What was asked: the candidate in our convention, what was declared, and what was recognised."""

    candidate: Candidate
    network: Network
    x: Array
    y: Array
    reduction: str | None
    dtype: str | None
    regularisation: float | None
    eta: float | None
    seed: int
    floats_only: bool = False
    silent: frozenset[tuple[str, int]] = frozenset()  # what differs from call to call: ("nabla_w", 0), …
    most: int = MOST  # mistakes in one layer that are looked for
    notes: list[str] = field(default_factory=list)


def questions(
    candidate: Any, x: Any, y: Any, activation: Any, cost: Any, weights: Any, biases: Any,
    sizes: Any, layout: str | None, eta: float | None, declared: tuple[Any, ...],
) -> Iterator[Question]:  # fmt: skip
    """The candidate in our convention: in each of the ways in which its shapes can be read."""
    x, y = matrix("x", x), matrix("y", y)
    is_object = hasattr(candidate, "backprop")
    if isinstance(candidate, type):
        raise TypeError(f"candidate: expected an object with backprop(x, y), got the class {candidate.__name__} itself")
    if not is_object and not callable(candidate):
        raise TypeError(
            "candidate: expected an object with backprop(x, y), a function or lists of arrays, "
            f"got {type(candidate).__name__} {candidate!r:.60}"
        )
    if is_object and (weights is not None or biases is not None or sizes is not None):
        raise ValueError("weights, biases, sizes: the candidate has its own; they are given for a function only")
    rate = None
    if is_object:
        for name in ("weights", "biases"):
            if not hasattr(candidate, name):
                raise TypeError(f"candidate: a {type(candidate).__name__} with backprop() lacks `{name}`")
        weights, biases = candidate.weights, candidate.biases
    elif conventions.is_step(candidate):
        rate = ETA if eta is None else eta
        candidate = conventions.as_backward(candidate, rate)
    if sizes is not None:
        if weights is not None or biases is not None:
            raise ValueError("sizes: give either sizes or weights and biases")
        drawn = Network(sizes, seed=declared[-1])
        weights, biases = drawn.weights, drawn.biases
        if layout == "rows":
            weights, biases = [w.T for w in weights], [b[:, 0] for b in biases]
    if weights is None:
        raise TypeError("weights: needed for a function backprop(weights, biases, x, y); or give sizes=[…]")
    if conventions.is_folded(weights, biases, x.shape[0], y.shape[0]):
        for first in (False, True):
            parts = conventions.unfolded(weights, first)
            where = "first" if first else "last"
            said = [f"the biases are folded into W as its {where} column"]
            unfolded = conventions.of_folded(candidate, first)
            yield question_of(unfolded, x, y, activation, cost, *parts, rate, declared, said)
        return
    for rows_x, rows_w in layouts(weights, biases, x, y, layout):
        if not (rows_x or rows_w):
            of = (candidate, x, y, activation, cost, None if is_object else weights, None if is_object else biases)
            yield question_of(*of, rate, declared, [])
            continue
        function = _as_function(candidate) if is_object else candidate
        shapes = [np.shape(b) for b in biases or ()]
        turned = conventions.of_rows(function, shapes, rows_x, rows_w)
        ws = [np.asarray(w).T if rows_w else np.asarray(w) for w in weights]
        bs = [np.asarray(b).reshape(-1, 1) for b in biases or ()]
        said = [s for s, is_so in (("samples are rows", rows_x), ("W is (inputs, units)", rows_w)) if is_so]
        a, b = (x.T, y.T) if rows_x else (x, y)
        yield question_of(turned, a, b, activation, cost, ws, bs, rate, declared, ["; ".join(said)])


def question_of(
    candidate: Any, x: Array, y: Array, activation: Any, cost: Any, weights: Any, biases: Any,
    eta: float | None, declared: tuple[Any, ...], notes: list[str],
) -> Question:  # fmt: skip
    """A question about a candidate in our convention.

    Raises
    ------
    TypeError, ValueError
        Its parameters, or x and y, do not fit together.
    """
    of = Candidate(candidate, weights, biases)
    network = Network(of.sizes, activation=activation, cost=cost)
    if network.cost.name == "cross_entropy" and network.activation_functions[-1].name in UNBOUNDED:
        raise ValueError(
            f"cost: cross_entropy needs outputs between 0 and 1, got {network.activation_functions[-1].name} there"
        )
    network.weights, network.biases = of.weights, of.biases
    for name, array, rows in (("x", x, of.sizes[0]), ("y", y, of.sizes[-1])):
        if array.shape[0] != rows or array.shape[1] != x.shape[1]:
            raise ValueError(f"{name}: expected shape ({rows}, {x.shape[1]}), samples in columns, got {array.shape}")
    reduction, dtype, regularisation, seed = declared
    return Question(of, network, x, y, reduction, dtype, regularisation, eta, seed, notes=notes)


def matrix(name: str, value: Any) -> Array:
    """An argument as a finite float64 matrix.

    Raises
    ------
    TypeError, ValueError
        It is none; the message names the argument.
    """
    array = checks.number_array(name, value).copy()
    array = array[:, None] if array.ndim == 1 else array  # one sample
    if array.dtype.hasobject or array.ndim != 2 or not array.size:
        raise ValueError(f"{name}: expected a matrix of floats, one column per sample, got shape {array.shape}")
    checks.finite(name, array)
    return array


def layouts(weights: Any, biases: Any, x: Array, y: Array, layout: str | None) -> list[tuple[bool, bool]]:
    """(samples in rows, W as (inputs, units)): all readings that fit, ours first."""
    shapes = [np.shape(w) for w in weights]
    if any(len(s) != 2 for s in shapes):
        return [(False, False)]
    chains = [w for w, fits in (
        (False, all(b[1] == a[0] for a, b in pairwise(shapes))),
        (True, all(b[0] == a[1] for a, b in pairwise(shapes))),
    ) if fits]  # fmt: skip
    if biases is not None and len(biases) == len(shapes):
        sizes = [np.size(b) for b in biases]
        chains = [rows for rows in chains if sizes == [s[1 if rows else 0] for s in shapes]]
    found = []
    for rows_x in {None: (False, True), "columns": (False,), "rows": (True,)}[layout]:
        inputs, outputs = (x.shape[1], y.shape[1]) if rows_x else (x.shape[0], y.shape[0])
        for rows_w in chains:
            if (shapes[0][0 if rows_w else 1], shapes[-1][1 if rows_w else 0]) == (inputs, outputs):
                found.append((rows_x, rows_w))
    return found or [(False, False)]


def _as_function(candidate: Any) -> Callable[..., Any]:
    """An object of the book's interface as a function of its parameters."""

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        fresh = copy.deepcopy(candidate)
        fresh.weights, fresh.biases = weights, biases
        return fresh.backprop(x, y)

    return backprop


def call(q: Question, point: Point) -> list[list[Array]]:
    """The candidate at a point."""
    return q.candidate.fresh().returned(*point)


def found_in(q: Question, returned: list[list[Array]], number: Callable[[Array], Array]) -> list[Found]:
    """What the candidate returned, layer by layer, as numbers of one kind."""
    nabla_b, nabla_w = returned
    shapes = [w.shape for w in q.candidate.weights]
    units = [s[0] for s in shapes]
    # Both lists have to say it: of a transposed product the shapes can be those of another order, too.
    if units != units[::-1] == [len(b) for b in nabla_b if b.ndim] and shapes[::-1] == [w.shape for w in nabla_w]:
        nabla_b, nabla_w = nabla_b[::-1], nabla_w[::-1]
        note(q, "its lists begin with the last layer; the book's begin with the first weights")
    nabla_b, nabla_w = (
        [_as_array(a, own) for a, own in zip(some, of, strict=True)]
        for some, of in ((nabla_b, q.candidate.biases), (nabla_w, q.candidate.weights))
    )
    if [b.shape for b in nabla_b] == shapes and [w.size for w in nabla_w] == [s[0] for s in shapes] and all(
        s[1] > 1 for s in shapes
    ):
        nabla_b, nabla_w = nabla_w, nabla_b
        note(q, "it returns (nabla_w, nabla_b); the book's order is (nabla_b, nabla_w)")
    return [
        Found(
            None if ("nabla_b", i) in q.silent else number(b.reshape(-1, 1) if b.ndim == 1 else b),
            None if ("nabla_w", i) in q.silent else number(w),
        )
        for i, (b, w) in enumerate(zip(nabla_b, nabla_w, strict=True))
    ]


def _as_array(found: Array, own: Array) -> Array:
    """What was found of an array; a lone 0 stands for zeros that nobody filled."""
    return found if found.ndim else np.full(own.shape, found.item()) if found.item() == 0 else found.reshape(1, 1)


def note(q: Question, said: str) -> None:
    """Keep a remark, once."""
    if said not in q.notes:
        q.notes.append(said)
