"""Opinions from outside on δ = ∂C/∂z: other libraries, finite differences and the complex step.

A referee shares no derivative with `engine` or `explicit`.  It gets the numbers of a network, writes
the forward pass in its own functions, and differentiates the cost with respect to a perturbation pˡ that
is added to zˡ; at p = 0 that derivative is ∂C/∂zˡ, which is δˡ.  Samples do not know of each other, so one
derivative of Σ C_x serves a whole batch.

Each referee has another order of sums and other elementary functions, so it agrees within rounding, not to
the bit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.referees.differences import WORDS, by_complex_step, by_finite_differences, zs_of
from compare.referees.libraries import Answer, by_autograd, by_jax, by_torch, own
from compare.rounding.ulp import ulps
from engine.notation import symbol
from explicit import ACTIVATIONS, COSTS, Network
from explicit.elementwise import Array


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one referee says of a network's δ.

    name:      "torch", "jax", "autograd", "finite differences" or "complex step"
    deltas:    its δ², …, δᴸ, each (nₗ, B); NaN where it has no opinion (a kink within the step)
    distances: to explicit's δ in ULP, same shapes; NaN where it has no opinion
    largest:   the largest distance in ULP, and `at`, the node at which it is
    relative:  the largest |opinion − δ| / |δ| over nodes with δ ≠ 0
    normwise:  max |opinion − δ| / max |δ|, over all nodes of the worst layer
    order:     of finite differences only: with h halved, the difference from δ falls by 2^order.  2 is the
               truncation error of a central difference, so δ is right; 0 is a difference that stays, so δ
               is wrong; None means no truncation error above rounding, e.g. a quadratic in z
    """

    name: str
    deltas: list[Array]
    distances: list[Array]
    largest: float
    at: str
    relative: float
    normwise: float
    order: float | None = None


def opinion(name: str, network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Opinion:
    """A referee's δ, beside `deltas`, those of ``network.backprop(x, y)``.

    Parameters
    ----------
    name : one of REFEREES
    x, y : float64, (n₁, B) and (n_L, B)

    Raises
    ------
    ImportError
        The library is missing; the message names the extra.
    ValueError
        An unknown name; a σ or C whose row has no formula; a kink, for the complex step.

    >>> network, x, y = Network([2, 3, 1]), np.array([[0.5], [-1.0]]), np.array([[1.0]])
    >>> said = opinion("finite differences", network, x, y, network.backprop(x, y).deltas)
    >>> round(said.order, 1), said.normwise < 1e-8
    (2.0, True)
    """
    check([name])
    _check_functions(name, network, x, y)
    own, order = REFEREES[name](network, x, y, deltas)
    return _beside(name, own, deltas, order)


def check(names: Any) -> None:
    """Refuse names that no referee has. Errors: TypeError (no list of names), ValueError (unknown)."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"referees: expected a list of names, got {names!r}; known: {', '.join(REFEREES)}")
    for name in names:
        if name not in REFEREES:
            raise ValueError(f"referees: unknown name {name!r}; known: {', '.join(REFEREES)}")


def _check_functions(name: str, network: Network, x: Array, y: Array) -> None:
    """Refuse a σ or C that a referee cannot read, or whose formula says something else than its function does."""
    # σ and C decide what is right; a derivative of the caller's own is just what a referee can judge.
    functions, cost = network.activation_functions, network.cost
    each: list[tuple[str, Any, Any]] = [("function", f, ACTIVATIONS) for f in functions]
    for kind, of, table in [*each, ("cost", cost, COSTS)]:
        if not of.row.formula:
            known = ", ".join(other.name for other in table.values() if other.formula)
            raise ValueError(f"referee {name!r}: it has no {kind} {of.name!r} of its own; it knows {known}")
    sigmas, unit_cost = own(network, WORDS)
    with np.errstate(all="ignore"):
        zs = zs_of(network, x)
        said = [(f.name, f.function(z), read(z)) for f, z, read in zip(functions, zs, sigmas, strict=True)]
        a = said[-1][2]
        for of_name, found, read_ in [*said, (cost.name, cost.cost(a, y), unit_cost(a, y).sum(axis=0))]:
            if not np.allclose(found, read_, rtol=1e-6, atol=1e-9, equal_nan=True):
                raise ValueError(f"referee {name!r}: the formula of {of_name!r} is not its function")


def _beside(name: str, own: list[Array], deltas: Sequence[Array], order: float | None) -> Opinion:
    distances, differences, relatives = [], [], [0.0]
    largest, at = -1.0, ""
    for layer, (mine, delta) in enumerate(zip(own, deltas, strict=True), start=2):
        pairs = zip(mine.ravel().tolist(), delta.ravel().tolist(), strict=True)
        # Where the referee has none there is no distance; a NaN of δ is judged like any number.
        distance = np.array([float(ulps(m, d)) if m == m or d != d else math.nan for m, d in pairs]).reshape(
            delta.shape
        )
        distances.append(distance)
        known = distance == distance
        if not known.any():
            continue
        if np.nanmax(distance) > largest:
            j, s = np.unravel_index(int(np.nanargmax(distance)), distance.shape)
            largest, at = float(distance[j, s]), f"{symbol('δ', layer, int(j) + 1)} of sample {s}"
        with np.errstate(all="ignore"):
            off = np.abs(mine - delta)
            not_zero = known & (delta != 0)
            relatives += (off / np.abs(delta))[not_zero].tolist()
            most = float(np.max(np.abs(delta[known])))
            differences.append(float(np.max(off[known])) / most if most else float(np.max(off[known])))
    normwise = max(differences, default=math.nan)
    return Opinion(name, own, distances, largest if at else math.nan, at, max(relatives), normwise, order)


REFEREES: dict[str, Callable[[Network, Array, Array, Sequence[Array]], Answer]] = {
    "torch": by_torch,
    "jax": by_jax,
    "autograd": by_autograd,
    "finite differences": by_finite_differences,
    "complex step": by_complex_step,
}
"""By name."""
