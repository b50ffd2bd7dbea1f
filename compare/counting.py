"""What storing and reusing δ saves: multiplications and additions, counted by running the code.

All methods below compute the same ∂C/∂w and ∂C/∂b of one sample, given the z and a of one forward pass
(forward mode and finite differences run their own).  They run on `Counted` numbers, through the same
equations and the same forward code as everything else here; a number of passes multiplies one pass that
was run and counted.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tabulate import tabulate

from compare.extras import need
from compare.numbers.arithmetic import Arithmetic, any_sigma
from compare.numbers.counted import Counted, Dual, Tally
from explicit import Network, bp1, bp2, bp3, bp4
from explicit.elementwise import Array, objects


@dataclass(frozen=True)
class Method:
    """A way to all gradients of one sample: what it did, in how many passes."""

    name: str
    tally: Tally
    passes: int

    @property
    def work(self) -> int:
        """Multiplications and additions."""
        return self.tally.multiplications + self.tally.additions


@dataclass(frozen=True)
class Costs:
    """The methods side by side; the first one is δ with reuse. Prints as a table."""

    sizes: tuple[int, ...]
    methods: list[Method] = field(default_factory=list)

    def __getitem__(self, name: str) -> Method:
        for method in self.methods:
            if method.name == name:
                return method
        raise KeyError(f"{name!r}; known: {', '.join(m.name for m in self.methods)}")

    def table(self, form: str = "simple") -> str:
        """The table, in a format of tabulate's ("simple", "html", "github")."""
        head = ["gradients by", "passes", "×", "+", "σ, σ′", "× and + against δ"]
        least = self.methods[0].work
        body = [
            [
                m.name,
                f"{m.passes:,}",
                f"{m.tally.multiplications:,}",
                f"{m.tally.additions:,}",
                f"{m.tally.evaluations:,}",
                f"{m.work / least:,.1f}",
            ]
            for m in self.methods
        ]
        align = ("left", *["right"] * 5)
        return tabulate(body, head, tablefmt=form, disable_numparse=True, colalign=align)

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}: all gradients of one sample\n\n{self.table()}"

    def _repr_html_(self) -> str:
        return self.table("html")


REUSE = "δ, stored and reused"
PER_WEIGHT = "chain rule per weight, downstream δ recomputed"
PATHS = "sum over all paths"
FORWARD = "forward mode"
DIFFERENCES = "finite differences"
MOST_PATHS = 2_000_000  # products along one path; beyond that the sum over all paths is left out


def cost(network: Network | Sequence[int]) -> Costs:
    """Count the multiplications and additions that ways to all gradients of one sample take.

    - δ with reuse: BP1 to BP4, each δ computed once;
    - the chain rule for each parameter on its own, with every δ downstream of it computed anew;
    - the sum over all paths from a parameter to the cost, a product along each: exponential in depth
      (left out where there are more than two million paths);
    - forward mode: one pass with a tangent for each parameter;
    - finite differences: two forward passes for each parameter.

    Parameters
    ----------
    network : a `Network` or its sizes; only sizes and cost count, a σ or σ′ is one evaluation

    Raises
    ------
    TypeError, ValueError
        What `Network` says of wrong sizes; a cost that is no sum over the outputs, or needs more than + − × ÷.

    >>> costs = cost([2, 3, 1])
    >>> costs[REUSE].tally.multiplications, costs[FORWARD].passes
    (17, 13)
    """
    net = network if isinstance(network, Network) else Network(network)
    if not net.cost.row.formula:
        raise ValueError(f"cost: counted for sums over the outputs, and the row of {net.cost.name!r} has no formula")
    tally = Tally()
    counted = Arithmetic("counted", "", lambda v: Counted(v, tally), activations=any_sigma)
    run = counted.network(net.in_contract_order())
    x, y = (counted.array(name, np.full((n, 1), 0.5)) for name, n in (("x", net.sizes[0]), ("y", net.sizes[-1])))
    parameters = sum(w.size + b.size for w, b in zip(net.weights, net.biases, strict=True))

    zs, activations = run.forward(x)
    tally.taken()
    downstream = _Downstream(run, zs, activations, y)
    methods = [_counted(REUSE, downstream.reuse, tally, 1), _counted(PER_WEIGHT, downstream.per_weight, tally, 1)]
    if _paths(net.sizes) <= MOST_PATHS:
        methods.append(_counted(PATHS, downstream.paths, tally, 1))
    try:
        methods.append(_counted(FORWARD, lambda: _forward_mode(run, x, y, tally), tally, parameters))
    except (TypeError, AttributeError) as error:
        raise ValueError(f"cost: {net.cost.name!r} does not run on numbers that count: {error}") from error
    methods.append(_counted(DIFFERENCES, lambda: run.cost_per_sample(run.forward(x)[1][-1], y), tally, 2 * parameters))
    return Costs(tuple(net.sizes), methods)


def _counted(name: str, run: Callable[[], Any], tally: Tally, passes: int) -> Method:
    tally.taken()
    run()
    return Method(name, tally.taken().times(passes), passes)


class _Downstream:
    """The three ways that start from the z and a of a forward pass. Each returns (nabla_w, nabla_b)."""

    def __init__(self, network: Network, zs: list[Array], activations: list[Array], y: Array) -> None:
        self.net, self.zs, self.activations, self.y = network, zs, activations, y
        self.last = len(zs) - 1

    def sigma_prime(self, layer: int, j: slice = slice(None)) -> Array:
        return self.net.activation_functions[layer].derivative(self.zs[layer][j], self.activations[layer + 1][j])

    def output_delta(self) -> Array:
        return bp1(self.net.cost.gradient(self.activations[-1], self.y), self.sigma_prime(self.last))

    def reuse(self) -> tuple[list[Array], list[Array]]:
        deltas = [self.output_delta()]
        for layer in range(self.last - 1, -1, -1):
            deltas.insert(0, bp2(self.net.weights[layer + 1], deltas[0], self.sigma_prime(layer)))
        return self._gradients(lambda layer, j: deltas[layer][j : j + 1])

    def per_weight(self) -> tuple[list[Array], list[Array]]:
        return self._gradients(self._recomputed)

    def paths(self) -> tuple[list[Array], list[Array]]:
        return self._gradients(self._over_paths)

    def _recomputed(self, layer: int, j: int) -> Array:
        """δ of one unit, from the cost down."""
        unit = slice(j, j + 1)
        if layer == self.last:
            grad = self.net.cost.gradient(self.activations[-1][unit], self.y[unit])
            return bp1(grad, self.sigma_prime(layer, unit))
        delta = self.output_delta()
        for above in range(self.last - 1, layer, -1):
            delta = bp2(self.net.weights[above + 1], delta, self.sigma_prime(above))
        return bp2(self.net.weights[layer + 1][:, unit], delta, self.sigma_prime(layer, unit))

    def _over_paths(self, layer: int, j: int) -> Array:
        """δ of one unit as the sum over the next layer's units, each asked anew."""
        if layer == self.last:
            return self._recomputed(layer, j)
        W = self.net.weights[layer + 1]
        above = [self._over_paths(layer + 1, i) for i in range(len(W))]
        return bp2(W[:, j : j + 1], np.concatenate(above), self.sigma_prime(layer, slice(j, j + 1)))

    def _gradients(self, delta: Callable[[int, int], Array]) -> tuple[list[Array], list[Array]]:
        nabla_w, nabla_b = [], []
        for layer, W in enumerate(self.net.weights):
            below, units = self.activations[layer], range(len(W))
            rows = [[bp4(below[k : k + 1], delta(layer, j))[0, 0] for k in range(W.shape[1])] for j in units]
            nabla_w.append(np.array(rows, dtype=object))
            nabla_b.append(np.concatenate([bp3(delta(layer, j)) for j in units]))
        return nabla_w, nabla_b


def _forward_mode(network: Network, x: Array, y: Array, tally: Tally) -> Any:
    """∂C/∂b of the first unit by one pass of duals: a pass for another parameter does the same work."""
    zero, one = Counted(0.0, tally), Counted(1.0, tally)

    def duals(array: Array) -> Array:
        return objects((Dual(v, zero) for v in array.flat), array.shape)

    weights, biases = [duals(w) for w in network.weights], [duals(b) for b in network.biases]
    biases[0][0, 0].dx = one
    output = network.forward(duals(x), weights, biases)[1][-1]
    return network.cost_per_sample(output, duals(y))[0].dx


def _paths(sizes: Sequence[int]) -> int:
    """How many paths lead from the parameters to the cost."""
    total, fan = 0, 1
    for here, below in zip(sizes[:0:-1], sizes[-2::-1], strict=True):
        fan *= here
        total += fan * (below + 1)
    return total


def cost_curve(depths: Sequence[int] = (1, 2, 3, 4, 5, 6), width: int = 3) -> str:
    """The counts over depth, as SVG: networks of `width` units in every layer, on a logarithmic scale.

    Raises
    ------
    ImportError
        pygal is missing (the extra `plot`).
    ValueError
        depths is empty.
    """
    if not depths:
        raise ValueError("depths: expected at least one depth, got none")
    pygal = need("pygal", "plot", "curves")
    # pygal leaves a finder for its plug-ins behind, which warns at every later import that fails.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    chart = pygal.Line(
        logarithmic=True,
        js=[],  # no request may leave the picture
        title=f"× and + for all gradients of one sample, {width} units a layer",
        x_title="layers of weights",
        legend_at_bottom=True,
        legend_at_bottom_columns=1,
        width=720,
        height=560,
        disable_xml_declaration=True,
        style=pygal.style.Style(
            colors=("#0072B2", "#009E73", "#D55E00", "#8A6D00", "#666666"),  # told apart by the colour-blind too
            background="#FFFFFF",
            plot_background="#FFFFFF",
        ),
    )
    chart.x_labels = [str(depth) for depth in depths]
    counts = [{m.name: m.work for m in cost([width] * (depth + 1)).methods} for depth in depths]
    most = max(work for count in counts for work in count.values())
    chart.y_labels = [10**k for k in range(1, len(str(most)) + 1)]
    for name in (REUSE, PER_WEIGHT, PATHS, FORWARD, DIFFERENCES):
        chart.add(name, [count.get(name) for count in counts])
    return str(chart.render(is_unicode=True))
