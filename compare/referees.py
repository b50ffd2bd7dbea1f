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
import numpy.typing as npt

from compare.extras import need
from compare.ulp import ulps
from engine.notation import symbol
from explicit import ACTIVATIONS, COSTS, Network
from explicit.elementwise import SLOPE

Array = npt.NDArray[Any]

STEPS = [2.0**-k for k in range(5, 18)]  # h of the finite differences: the last is about ∛u, the best one
COMPLEX_STEP = 2.0**-70  # its square is nothing beside 1, and no difference is taken
NOISE = 32 * 2.0**-53  # rounding of one cost, relative to its size: a few dozen roundings


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
        An unknown name; a function of the caller's own; a kink, for the complex step.

    >>> network, x, y = Network([2, 3, 1]), np.array([[0.5], [-1.0]]), np.array([[1.0]])
    >>> said = opinion("finite differences", network, x, y, network.backprop(x, y).deltas)
    >>> round(said.order, 1), said.normwise < 1e-8
    (2.0, True)
    """
    check([name])
    _check_functions(name, network)
    own, order = REFEREES[name](network, x, y, deltas)
    return _beside(name, own, deltas, order)


def check(names: Any) -> None:
    """Refuse names that no referee has. Errors: TypeError (no list of names), ValueError (unknown)."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"referees: expected a list of names, got {names!r}; known: {', '.join(REFEREES)}")
    for name in names:
        if name not in REFEREES:
            raise ValueError(f"referees: unknown name {name!r}; known: {', '.join(REFEREES)}")


def _check_functions(name: str, network: Network) -> None:
    # σ and C decide what is right; a derivative of the caller's own is just what a referee can judge.
    for sigma in network.activation_functions:
        if sigma.name not in ACTIVATIONS or ACTIVATIONS[sigma.name].function is not sigma.function:
            raise ValueError(
                f"referee {name!r}: it has no function {sigma.name!r} of its own; it knows {', '.join(ACTIVATIONS)}"
            )
    if network.cost.name not in COSTS or COSTS[network.cost.name].cost is not network.cost.cost:
        raise ValueError(
            f"referee {name!r}: it has no cost {network.cost.name!r} of its own; it knows {', '.join(COSTS)}"
        )


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


# -- libraries that differentiate ----------------------------------------------------------------

Answer = tuple[list[Array], float | None]
Functions = dict[str, Callable[..., Any]]


def _cost_of_perturbations(
    network: Network, x: Any, y: Any, sigma: Functions, log: Callable[[Any], Any], as_own: Callable[[Array], Any]
) -> Callable[[list[Any]], Any]:
    """p ↦ Σ C_x with pˡ added to zˡ, in the operators and functions of a referee's own arrays."""
    weights = [as_own(W) for W in network.weights]
    biases = [as_own(b) for b in network.biases]
    names = [f.name for f in network.activation_functions]

    def cost(perturbations: list[Any]) -> Any:
        a = x
        for W, b, name, p in zip(weights, biases, names, perturbations, strict=True):
            a = sigma[name](W @ a + b + p)
        if network.cost.name == "quadratic":
            return ((a - y) ** 2).sum() / 2
        return -(y * log(a) + (1 - y) * log(1 - a)).sum()

    return cost


def _zeros(network: Network, samples: int) -> list[Array]:
    return [np.zeros((n, samples)) for n in network.sizes[1:]]


def _torch(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    torch = need("torch", "torch", "opinions of the referee 'torch'")
    f = torch.nn.functional
    sigma: Functions = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda z: f.leaky_relu(z, SLOPE),
        # Above its threshold torch returns z itself; at 40 that is right to the last bit, at its default 20 not.
        "softplus": lambda z: f.softplus(z, threshold=40),
        "softsign": f.softsign,
        "identity": lambda z: z,
    }
    perturbations = [torch.from_numpy(p).requires_grad_(True) for p in _zeros(network, x.shape[1])]

    def own(array: Array) -> Any:
        return torch.from_numpy(array.copy())

    cost = _cost_of_perturbations(network, own(x), own(y), sigma, torch.log, own)(perturbations)
    return [g.numpy() for g in torch.autograd.grad(cost, perturbations)], None


def _jax(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    jax = need("jax", "jax", "opinions of the referee 'jax'")
    import jax.numpy as jnp

    sigma: Functions = {
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
        "leaky_relu": lambda z: jax.nn.leaky_relu(z, SLOPE),
        "softplus": jax.nn.softplus,
        "softsign": jax.nn.soft_sign,
        "identity": lambda z: z,
    }
    with _x64(jax):
        own = jnp.asarray
        cost = _cost_of_perturbations(network, own(x), own(y), sigma, jnp.log, own)
        gradients = jax.grad(cost)([own(p) for p in _zeros(network, x.shape[1])])
        return [np.array(g, dtype=np.float64) for g in gradients], None


def _x64(jax: Any) -> Any:
    """64 bits inside a with block only: the caller's own jax code keeps its setting."""
    if hasattr(jax, "enable_x64"):  # from 0.8 on
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()


def _autograd(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    autograd = need("autograd", "referees", "opinions of the referee 'autograd'")
    import autograd.numpy as anp

    sigma: Functions = {
        "sigmoid": lambda z: anp.exp(-anp.logaddexp(0.0, -z)),
        "tanh": anp.tanh,
        "relu": lambda z: anp.where(z > 0, z, 0.0),
        "leaky_relu": lambda z: anp.where(z > 0, z, SLOPE * z),
        "softplus": lambda z: anp.logaddexp(0.0, z),
        "softsign": lambda z: z / (1 + anp.abs(z)),
        "identity": lambda z: z,
    }
    cost = _cost_of_perturbations(network, x, y, sigma, anp.log, lambda array: array)
    with np.errstate(all="ignore"):
        return list(autograd.grad(cost)(_zeros(network, x.shape[1]))), None


# -- no derivative at all ------------------------------------------------------------------------

_KINKED = {"relu", "leaky_relu", "softsign"}  # not smooth at 0: softsign″ jumps


def _sigmoid(z: Array) -> Array:
    """By e^∓z with the sign that does not overflow; for complex numbers too."""
    with np.errstate(under="ignore"):
        e = np.exp(np.where(z.real >= 0, -z, z))
        s: Array = np.where(z.real >= 0, 1, e) / (1 + e)
        return s


def _softplus(z: Array) -> Array:
    """max(z, 0) + ln(1 + e^−|z|), with ln(1 + t) = 2 artanh(t/(2 + t)): numpy's complex log1p loses digits."""
    with np.errstate(under="ignore"):
        t = np.exp(np.where(z.real >= 0, -z, z))
        s: Array = np.where(z.real >= 0, z, 0) + 2 * np.arctanh(t / (2 + t))
        return s


_NUMPY: Functions = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, SLOPE * z),
    "softplus": _softplus,
    "softsign": lambda z: z / (1 + np.abs(z)),
    "identity": lambda z: z,
}


def _costs_after(network: Network, i: int, z: Array, y: Array) -> tuple[Array, Array]:
    """C of each sample from layer i's z on, and the sides of all kinks, (·, B), that were passed on the way."""
    sides = [np.empty((0, z.shape[1]), dtype=bool)]
    for layer, sigma in enumerate(network.activation_functions[i:], start=i):
        if sigma.name in _KINKED:
            sides.append(z > 0)
        a = _NUMPY[sigma.name](z)
        if layer + 1 < len(network.weights):
            z = network.weights[layer + 1] @ a + network.biases[layer + 1]
    if network.cost.name == "quadratic":
        costs = ((a - y) ** 2).sum(axis=0) / 2
    else:
        costs = -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(axis=0)
    return costs, np.concatenate(sides)


def _zs(network: Network, x: Array) -> list[Array]:
    zs, a = [], x
    for W, b, sigma in zip(network.weights, network.biases, network.activation_functions, strict=True):
        zs.append(W @ a + b)
        a = _NUMPY[sigma.name](zs[-1])
    return zs


def central_differences(network: Network, x: Array, y: Array, h: float) -> tuple[list[Array], float]:
    """(C(z + h) − C(z − h))/2h for every z node and sample, and an estimate of their rounding error.

    Truncation error: h²/6 · ∂³C/∂z³.  NaN where a kink of an activation lies between z − h and z + h.
    """
    made, noise = [], 0.0
    with np.errstate(all="ignore"):
        for i, z in enumerate(_zs(network, x)):
            differences = np.empty_like(z)
            for j in range(len(z)):
                step = np.zeros_like(z)
                step[j] = h
                (above, sides), (below, other) = (_costs_after(network, i, z + s, y) for s in (step, -step))
                crossed = (sides != other).any(axis=0)
                differences[j] = np.where(crossed, np.nan, (above - below) / (2 * h))
                noise = max(noise, float(np.max(np.abs(above) + np.abs(below))) * NOISE / (2 * h))
            made.append(differences)
    return made, noise


def _finite_differences(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    runs = [central_differences(network, x, y, h) for h in STEPS]
    delta = np.concatenate([d.ravel() for d in deltas])
    errors = [np.abs(np.concatenate([d.ravel() for d in made]) - delta) for made, _ in runs]
    order = None
    for k, (_, noise) in enumerate(runs[1:]):
        # Only nodes that both steps judge: a kink within the larger one leaves it no opinion.
        both = ~np.isnan(errors[k])
        if not both.any():
            continue
        larger, smaller = float(np.max(errors[k][both])), float(np.max(errors[k + 1][both]))
        if smaller > 64 * noise:  # the smallest steps at which the difference is more than rounding
            order = math.log2(larger / smaller) if larger else -math.inf
    return runs[-1][0], order


def _complex_step(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """∂C/∂z = Im C(z + ih)/h: no difference is taken, so h can be tiny and there is no truncation error.

    Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40
    (1998) 110.
    """
    for sigma in network.activation_functions:
        if sigma.name in _KINKED:
            raise ValueError(
                f"referee 'complex step': it needs analytic activations, and {sigma.name!r} is not "
                f"analytic at 0; use 'finite differences'"
            )
    made = []
    with np.errstate(all="ignore"):
        for i, z in enumerate(_zs(network, x)):
            derivatives = np.empty_like(z)
            for j in range(len(z)):
                moved = z.astype(np.complex128)
                moved[j] += 1j * COMPLEX_STEP
                derivatives[j] = _costs_after(network, i, moved, y)[0].imag / COMPLEX_STEP
            made.append(derivatives)
    return made, None


REFEREES: dict[str, Callable[[Network, Array, Array, Sequence[Array]], Answer]] = {
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
    "finite differences": _finite_differences,
    "complex step": _complex_step,
}
"""By name."""
