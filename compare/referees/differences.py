"""δ by differences of the cost: central differences with Richardson extrapolation, the complex step."""

import math
from collections.abc import Sequence

import numpy as np

from compare.referees.libraries import Answer, Words, own, shared_words
from compare.rounding.rules import U
from explicit import Network
from explicit.elementwise import Array

STEPS = [2.0**-k for k in range(5, 18)]  # h of the finite differences: the last is about ∛u, the best one
COMPLEX_STEP = 2.0**-70  # its square is nothing beside 1, and no difference is taken
NOISE = 32 * U  # rounding of one cost, relative to its size: a few dozen roundings


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


WORDS: Words = shared_words(np) | {"sigmoid": _sigmoid, "softplus": _softplus}


def _costs_after(network: Network, i: int, z: Array, y: Array) -> tuple[Array, Array]:
    """C of each sample from layer i's z on, and the sides of all kinks, (·, B), that were passed on the way."""
    sigmas, unit_cost = own(network, WORDS)
    sides = [np.empty((0, z.shape[1]), dtype=bool)]
    for layer in range(i, len(sigmas)):
        if network.activation_functions[layer].row.kink:
            sides.append(z > 0)
        a = sigmas[layer](z)
        if layer + 1 < len(network.weights):
            z = network.weights[layer + 1] @ a + network.biases[layer + 1]
    return unit_cost(a, y).sum(axis=0), np.concatenate(sides)


def zs_of(network: Network, x: Array) -> list[Array]:
    """z of each layer, by the formulas of its activations."""
    zs, a = [], x
    for W, b, sigma in zip(network.weights, network.biases, own(network, WORDS)[0], strict=True):
        zs.append(W @ a + b)
        a = sigma(zs[-1])
    return zs


def _check_kinks(name: str, network: Network) -> None:
    for sigma in network.activation_functions:
        if sigma.row.kink is None:
            raise ValueError(
                f"referee {name!r}: the row of activation {sigma.name!r} does not say whether it has a kink "
                f"(Activation(…, kink=0) where it has none)"
            )


def central_differences(network: Network, x: Array, y: Array, h: float) -> tuple[list[Array], float]:
    """(C(z + h) − C(z − h))/2h for every z node and sample, and an estimate of their rounding error.

    Truncation error: h²/6 · ∂³C/∂z³.  NaN where a kink of an activation lies between z − h and z + h.
    """
    made, noise = [], 0.0
    with np.errstate(all="ignore"):
        for i, z in enumerate(zs_of(network, x)):
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


def by_finite_differences(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """δ by central differences of the cost, with the order that halving the step shows."""
    _check_kinks("finite differences", network)
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


def by_complex_step(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """∂C/∂z = Im C(z + ih)/h: no difference is taken, so h can be tiny and there is no truncation error.

    Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40
    (1998) 110.
    """
    _check_kinks("complex step", network)
    for sigma in network.activation_functions:
        if sigma.row.kink:
            raise ValueError(
                f"referee 'complex step': it needs analytic activations, and {sigma.name!r} is not "
                f"analytic at 0; use 'finite differences'"
            )
    made = []
    with np.errstate(all="ignore"):
        for i, z in enumerate(zs_of(network, x)):
            derivatives = np.empty_like(z)
            for j in range(len(z)):
                moved = z.astype(np.complex128)
                moved[j] += 1j * COMPLEX_STEP
                derivatives[j] = _costs_after(network, i, moved, y)[0].imag / COMPLEX_STEP
            made.append(derivatives)
    return made, None
