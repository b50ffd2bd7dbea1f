"""Run both backpropagations on the same numbers and set the results side by side."""

import copy
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.arithmetic import ARITHMETICS, Arithmetic
from compare.referees import check as check_referees
from compare.referees import opinion
from compare.reporting import Pair, Report
from compare.tracing import Traced, network_of, parameters, trace_mlp, trace_network
from engine.nn import MLP
from explicit import Backprop, Network

Array = npt.NDArray[Any]


def compare(
    network: Network | MLP,
    x: Any,
    y: Any,
    *,
    cost: Any = None,
    arithmetic: str | Arithmetic = "float64",
    progress: bool = False,
    referees: Sequence[str] = (),
) -> Report:
    """Differentiate a network twice, and compare δ with the adjoint at every z node.

    One side is `explicit`: BP1–BP4 on arrays, the whole batch at once.  The other is `engine`: the
    forward code traced on Values, sample after sample, ``C₁.backward()``, ``C₂.backward()``, …, so
    that parameters add up over the samples in ascending order.  For an MLP it is the graph that the
    MLP itself builds, and the textbook's side gets its parameters; the MLP is left as it was.

    Parameters
    ----------
    network : an explicit `Network` or an `engine.nn.MLP`
    x, y : inputs (n₁, B) and targets (n_L, B), samples in columns
    cost : for an MLP, the cost ("quadratic" unless given); a Network has its own
    arithmetic : "float64" (equality is identical bits), "rational" (exact ``==``), "finite field" (σ and
        σ′ random functions), "ball" (enclosures, extra `exact`), "symbolic" (formulas, extra
        `symbolic`), or an `Arithmetic`
    progress : whether to show a progress bar on stderr
    referees : outside opinions on δ, a column each, in float64: "torch", "jax", "autograd", "finite
        differences", "complex step" (extras `torch`, `jax`, `referees`; the last two need none)

    Returns
    -------
    a `Report`; ``report.exact`` is the verdict

    Raises
    ------
    TypeError, ValueError
        A wrong argument, or a network that has no meaning in the arithmetic or for a referee.
    ImportError
        An optional library is missing; the message names the extra.

    >>> report = compare(Network([2, 3, 1]), [[0.5], [-1.0]], [[1.0]])
    >>> report.exact
    True
    >>> row = report.rows[0]
    >>> row.name, row.delta == row.adjoint, row.ulps
    ('δ²₁', True, 0)
    """
    check_referees(referees)
    if referees and getattr(arithmetic, "name", arithmetic) != "float64":
        raise ValueError(f"referees: they compute in float64, got arithmetic={arithmetic!r:.60}")
    if not isinstance(arithmetic, Arithmetic):
        if arithmetic not in ARITHMETICS:
            raise ValueError(f"arithmetic: unknown name {arithmetic!r}; known: {', '.join(ARITHMETICS)}")
        if arithmetic == "ball":
            from compare.accuracy import compare_with_balls

            return compare_with_balls(network, x, y, cost, progress)
        arithmetic = ARITHMETICS[arithmetic]()
    numbers = arithmetic
    mlp = network if isinstance(network, MLP) else None
    if mlp is not None:
        textbook = network_of(mlp, "quadratic" if cost is None else cost)
    elif not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit Network or an engine MLP, got {network!r:.60}")
    elif cost is not None:
        raise ValueError(f"cost: the network has its own, {network.cost.name!r}; it is given for an MLP only")
    else:
        textbook = network
    textbook = numbers.network(textbook)
    x, y = numbers.array("x", x), numbers.array("y", y)
    record = textbook.backprop(x, y)
    if mlp is None:
        adjoints = _from_traced(textbook, x, y, progress)
    else:
        adjoints = _from_mlp(mlp, textbook, numbers, x, y, progress)
    report = Report(textbook, numbers, record, _pairs(record, adjoints))
    report.y = y
    report.opinions = [opinion(name, textbook, x, y, record.deltas) for name in referees]
    return report


class _Adjoints:
    """What reverse mode leaves in the graphs of all samples: z and a as (nₗ, B), parameters summed."""

    def __init__(self) -> None:
        self.samples: dict[str, list[list[list[Any]]]] = {"z": [], "a": []}
        self.parameters: dict[str, list[Array]] = {}

    def take(self, traced: Traced) -> None:
        for quantity, arrays in (("z", traced.zs), ("a", traced.activations)):
            self.samples[quantity].append([[node.grad for node in array[:, 0]] for array in arrays])

    def layers(self, quantity: str) -> list[Array]:
        if quantity in self.parameters:
            return self.parameters[quantity]
        by_layer = zip(*self.samples[quantity], strict=True)
        return [_array([list(unit) for unit in zip(*samples, strict=True)]) for samples in by_layer]


def _from_traced(network: Network, x: Array, y: Array, progress: bool) -> _Adjoints:
    # The graph's sums are in contract order, whatever matmul the explicit side uses.
    forward = copy.copy(network)
    forward.matmul = None
    weights, biases = parameters("w", network.weights), parameters("b", network.biases)
    adjoints = _Adjoints()
    for s in _samples(x.shape[1], progress):
        traced = trace_network(forward, weights, biases, x[:, s : s + 1], y[:, s : s + 1])
        traced.cost.backward()
        adjoints.take(traced)
    adjoints.parameters = {"w": [_grads(w) for w in weights], "b": [_grads(b) for b in biases]}
    return adjoints


def _from_mlp(
    mlp: MLP, network: Network, numbers: Arithmetic, x: Array, y: Array, progress: bool
) -> _Adjoints:
    adjoints = _Adjoints()
    before = [(p, p.data, p.grad) for p in mlp.parameters()]
    last_call = [(m, m.z) for layer in mlp.layers for m in (layer, *layer.neurons)]
    try:
        for p, data, _ in before:
            p.data, p.grad = numbers.convert(data), 0
        for s in _samples(x.shape[1], progress):
            traced = trace_mlp(network, mlp, x[:, s : s + 1], y[:, s : s + 1])
            traced.cost.backward()
            adjoints.take(traced)
        for letter in "wb":
            adjoints.parameters[letter] = [
                _array([[p.grad for p in (n.w if letter == "w" else [n.b])] for n in layer.neurons])
                for layer in mlp.layers
            ]
    finally:
        for p, data, gradient in before:
            p.data, p.grad = data, gradient
        for module, z in last_call:
            module.z = z
    return adjoints


def _pairs(record: Backprop, adjoints: _Adjoints) -> list[Pair]:
    """Explicit result beside adjoint, walking backward from the cost: for each layer a, z, b, w."""
    explicit = {"a": record.nabla_a, "z": record.deltas, "b": record.nabla_b, "w": record.nabla_w}
    last = len(record.deltas) - 1
    return [
        Pair(quantity, i + 2, record.made_by[i], explicit[quantity][i], adjoints.layers(quantity)[i])
        for i in range(last, -1, -1)
        for quantity in ("a", "z", "b", "w")
    ]


def _grads(leaves: Array) -> Array:
    return _array([[node.grad for node in row] for row in leaves])


def _array(rows: list[list[Any]]) -> Array:
    """Rows of numbers as an array: float64 if all are floats, objects if not.  Nothing is converted."""
    floats = all(type(number) is float for row in rows for number in row)
    array = np.empty((len(rows), len(rows[0])), dtype=np.float64 if floats else object)
    for i, row in enumerate(rows):
        array[i, :] = row
    return array


def _samples(count: int, progress: bool) -> Any:
    if not progress:
        return range(count)
    from tqdm import tqdm

    return tqdm(range(count), unit="sample", desc="graphs", leave=False, file=sys.stderr)
