"""The report as a picture: the graph, with δ beside the adjoint in each z node."""

from typing import Any

from compare.comparison.outcome import Outcome
from compare.comparison.rows import Row
from compare.comparison.tracing import Traced, parameters, trace_network
from engine.drawing.picture import Graph
from engine.drawing.scene import Beside
from engine.scalars import same_bits


def report_graph(outcome: Outcome, sample: int = 0, level: str = "auto", **options: Any) -> Graph:
    """The graph of one sample, traced again from what the report holds, with its δ and its verdicts.

    Each z node shows its grad (the adjoint) and under it δ, with = on green or ≠ on orange.  The adjoints
    of z nodes are the report's own: where the graph that is traced here has another (a `Module` may have
    built its graph otherwise), the report's number is shown.

    Parameters
    ----------
    sample : a column of x, from 0 on
    level, options : as for `Value.graph`

    Raises
    ------
    ValueError
        There is no such sample; as `Value.graph`.
    """
    traced = traced_sample(outcome, sample, "graph")
    rows = rows_at(outcome, sample)
    beside = {}
    for layer, zs in enumerate(traced.zs, start=2):
        for unit, node in enumerate(zs[:, 0], start=1):
            row = rows[layer, unit]
            if not same_bits(node.grad, row.adjoint):
                node.grad = row.adjoint
            far = row.ulps is not None and row.ulps >= 1e6
            detail = "" if row.equal or row.ulps is None else f"{row.ulps:{'.1e' if far else ','}} ULP"
            beside[node] = Beside(row.name, row.delta, row.equal, detail)
    return Graph(traced.cost, level=level, beside=beside, **options)


def rows_at(outcome: Outcome, sample: int) -> dict[tuple[int, int], Row]:
    """The rows of the z nodes of one sample, by layer and unit."""
    rows = (row for row in outcome.rows_of("z") if row.sample == sample)
    return {(row.layer, row.unit): row for row in rows if isinstance(row.unit, int)}


def traced_sample(outcome: Outcome, sample: int, caller: str) -> Traced:
    """The graph of one sample of a report, differentiated. Errors: ValueError, in the name of the caller."""
    count = len(outcome.record.costs)
    if isinstance(sample, bool) or not isinstance(sample, int) or not 0 <= sample < count:
        raise ValueError(f"{caller}(sample): expected an int from 0 to {count - 1}, got {sample!r}")
    network = outcome.network.in_contract_order()  # whatever the explicit side uses
    traced = trace_network(
        network,
        parameters("w", network.weights),
        parameters("b", network.biases),
        outcome.record.activations[0][:, sample : sample + 1],
        outcome.y[:, sample : sample + 1],
    )
    traced.cost.backward()
    return traced
