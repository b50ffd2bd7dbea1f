"""What is asked of a candidate: its code in our convention, what was declared, what was recognised."""

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.candidates import conventions
from compare.candidates.beside_ours import Point
from compare.candidates.candidate import Candidate
from compare.candidates.gradients import CandidateError, NotGradients
from compare.comparison.tracing import as_values
from compare.diagnosing.shapes import readings
from compare.diagnosing.tried import Found
from compare.diagnosing.walk import MOST
from compare.numbers.bounded import near, values, within
from explicit import COSTS, Activation, Cost, Network, checks
from explicit.elementwise import Array, objects

ETA = 0.375  # of a training step: its inverse is no factor that a mistake has
RAISED = (CandidateError, NotGradients)
_CHOICES = {"reduction": ("sum", "mean"), "layout": ("columns", "rows"), "dtype": ("float64", "float32")}


@dataclass(frozen=True)
class Declared:
    """What was declared, as in `compare.diagnose`; None: nothing.

    Raises
    ------
    ValueError
        A name or a number that is none of those expected.
    """

    activation: str | Activation | Sequence[str | Activation] = "sigmoid"
    cost: str | Cost = "quadratic"
    reduction: str | None = None
    layout: str | None = None
    dtype: str | None = None
    regularisation: float | None = None
    eta: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if (value := getattr(self, name)) not in (None, *known):
                raise ValueError(f"{name}: expected {' or '.join(map(repr, known))}, got {value!r}")
        for name in ("regularisation", "eta"):
            number = getattr(self, name)
            if number is not None and not (isinstance(number, (int, float)) and np.isfinite(number)):
                raise ValueError(f"{name}: expected a finite number, got {number!r}")
        if self.eta == 0:
            raise ValueError("eta: expected a number other than 0, got 0")


@dataclass(eq=False)
class Question:
    """What was asked: the candidate in our convention, what was declared, and what was recognised.

    eta:          of a training step, else None
    floats_only:  whether it must not be run on other numbers
    silent:       what differs from call to call: ("nabla_w", 0), …
    most:         mistakes in one layer that are looked for
    kinks:        σ′(0) of a layer as the candidate has it, where that was measured
    singly:       whether batches were not looked at
    kept:         where the candidate keeps parameters that were not replaced, where that was found; ""
    """

    candidate: Candidate
    network: Network
    x: Array
    y: Array
    declared: Declared
    eta: float | None = None
    floats_only: bool = False
    silent: frozenset[tuple[str, int]] = frozenset()
    most: int = MOST
    kinks: Mapping[int, Any] = field(default_factory=dict)
    singly: bool = False
    kept: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def own_sample(self) -> Point:
        """The caller's own parameters, and the first sample."""
        return self.candidate.weights, self.candidate.biases, self.x[:, :1], self.y[:, :1]


def questions(
    candidate: Any, x: Any, y: Any, declared: Declared, weights: Any, biases: Any, sizes: Any
) -> Iterator[Question]:
    """The candidate in our convention: in each of the ways in which its shapes can be read."""
    x, y = matrix("x", x), matrix("y", y)
    is_object = hasattr(candidate, "backprop")
    _check(candidate, weights, biases, sizes)
    eta = None
    if is_object:
        weights, biases = candidate.weights, candidate.biases
    elif conventions.is_step(candidate):
        eta = ETA if declared.eta is None else declared.eta
        candidate = conventions.as_backward(candidate, eta)
    if sizes is not None:
        drawn = Network(sizes, seed=declared.seed)
        weights, biases = drawn.weights, drawn.biases
        if declared.layout == "rows":
            weights, biases = [w.T for w in weights], [b[:, 0] for b in biases]
    for shapes in readings(weights, biases, x, y, declared.layout):
        if is_object and shapes.are_ours:
            turned, own = candidate, (None, None)
        else:
            turned = shapes.function(_as_function(candidate) if is_object else candidate, biases)
            own = shapes.parameters(weights, biases)
        yield question_of(turned, *shapes.data(x, y), *own, declared, shapes.said, eta)


def _check(candidate: Any, weights: Any, biases: Any, sizes: Any) -> None:
    """Refuse what is no candidate, and parameters that are not one of: its own, given, of sizes."""
    if isinstance(candidate, type):
        raise TypeError(f"candidate: expected an object with backprop(x, y), got the class {candidate.__name__} itself")
    if hasattr(candidate, "backprop"):
        if weights is not None or biases is not None or sizes is not None:
            raise ValueError("weights, biases, sizes: the candidate has its own; they are given for a function only")
        for name in ("weights", "biases"):
            if not hasattr(candidate, name):
                raise TypeError(f"candidate: a {type(candidate).__name__} with backprop() lacks `{name}`")
    elif not callable(candidate):
        raise TypeError(
            "candidate: expected an object with backprop(x, y), a function or lists of arrays, "
            f"got {type(candidate).__name__} {candidate!r:.60}"
        )
    elif sizes is None and weights is None:
        raise TypeError("weights: needed for a function backprop(weights, biases, x, y); or give sizes=[…]")
    elif sizes is not None and (weights is not None or biases is not None):
        raise ValueError("sizes: give either sizes or weights and biases")


def question_of(
    candidate: Any, x: Array, y: Array, weights: Any, biases: Any, declared: Declared, notes: list[str],
    eta: float | None = None,
) -> Question:  # fmt: skip
    """A question about a candidate in our convention.

    Raises
    ------
    TypeError, ValueError
        Its parameters, or x and y, do not fit together.
    """
    of = Candidate(candidate, weights, biases)
    network = Network(of.sizes, activation=declared.activation, cost=declared.cost)
    outputs = network.activation_functions[-1]
    if network.cost.takes(outputs) is False:
        low, high = network.cost.row.domain or (-np.inf, np.inf)
        raise ValueError(f"cost: {network.cost.name} needs outputs between {low} and {high}, got {outputs.name} there")
    network.weights, network.biases = of.weights, of.biases
    for name, array, rows in (("x", x, of.sizes[0]), ("y", y, of.sizes[-1])):
        if array.shape[0] != rows or array.shape[1] != x.shape[1]:
            raise ValueError(f"{name}: expected shape ({rows}, {x.shape[1]}), samples in columns, got {array.shape}")
    q = Question(of, network, x, y, declared, eta, notes=notes)
    if network.cost not in COSTS.values():
        _check_gradient(q)
    return q


def _check_gradient(q: Question) -> None:
    """Refuse a cost whose gradient is not its derivative: a candidate with the same mistake would be right."""
    generator, cost = random.Random("diagnose cost"), q.network.cost
    try:
        for _ in range(4):
            x, y = (np.array([[generator.random()] for _ in some]) for some in (q.x, q.y))
            a, y = near(q.network.forward(x)[1][-1]), near(y)
            leaves = as_values(a)
            (traced,) = q.network.cost_per_sample(leaves, as_values(y))
            traced.backward()
            derivative, own = objects((v.grad for v in leaves.flat), a.shape), np.asarray(cost.gradient(a, y))
            if not within(own, derivative):
                first = [f"{float(values(some).flat[0]):.6g}" for some in (own, derivative)]
                said = f"at a random point its first number is {first[0]}, and that of the derivative {first[1]}"
                break
        else:
            return
    except (ArithmeticError, AttributeError, TypeError, ValueError):  # it does not run on such numbers
        note(q, f"whether the gradient of the cost {cost.name!r} is its derivative was not looked at")
        return
    raise ValueError(f"cost: the gradient of {cost.name!r} is not its derivative: {said}")


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
