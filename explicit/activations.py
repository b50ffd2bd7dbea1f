"""The activation functions σ and their derivatives σ′, written as the formulas of a calculus book."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explicit.elementwise import SLOPE, Array, apply, scaled


@dataclass(frozen=True)
class Activation:
    """An activation function σ with its derivative σ′; both work on arrays of any shape.

    name:        what messages and saved files call it
    function:    z ↦ a = σ(z)
    derivative:  (z, a) ↦ σ′(z), where a = σ(z) is at hand because some derivatives are shorter in a

    >>> square = Activation("square", lambda z: z * z, lambda z, a: 2 * z)
    >>> z = np.array([[3.0]])
    >>> square.derivative(z, square.function(z))
    array([[6.]])
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]


def _ones(z: Array) -> Array:
    """1 for every element: 1.0 beside floats, the int 1 beside other numbers (which keeps them exact)."""
    return np.full(z.shape, 1, dtype=object) if z.dtype.hasobject else np.ones(z.shape)


def _leaky_derivative(z: Array, a: Array) -> Array:
    """step(z) + slope × (1 − step(z)): 1 where z > 0, else the slope, and NaN stays NaN."""
    step = apply("step", z)
    return step + scaled(SLOPE, 1 - step)


def _softsign_derivative(z: Array, a: Array) -> Array:
    """1 / ((1 + |z|) × (1 + |z|))."""
    return 1 / ((1 + abs(z)) * (1 + abs(z)))


sigmoid = Activation("sigmoid", lambda z: apply("sigmoid", z), lambda z, a: a * (1 - a))
tanh = Activation("tanh", lambda z: apply("tanh", z), lambda z, a: 1 - a * a)
relu = Activation("relu", lambda z: apply("relu", z), lambda z, a: apply("step", z))
leaky_relu = Activation("leaky_relu", lambda z: apply("leaky_relu", z, SLOPE), _leaky_derivative)
softplus = Activation("softplus", lambda z: apply("softplus", z), lambda z, a: apply("sigmoid", z))
# The same array, not a copy: a traced graph then has no node between z and a.
identity = Activation("identity", lambda z: z, lambda z, a: _ones(z))
softsign = Activation("softsign", lambda z: apply("softsign", z), _softsign_derivative)

ACTIVATIONS: dict[str, Activation] = {
    f.name: f for f in (sigmoid, tanh, relu, leaky_relu, softplus, identity, softsign)
}
"""By name; relu′(0) = 0 and leaky_relu′(0) = 0.01.

    name         σ(z)                        σ′(z), with a = σ(z)
    sigmoid      1/(1 + e⁻ᶻ)                 a(1 − a)
    tanh         tanh z                      1 − a²
    relu         max(z, 0)                   step(z) = 1 if z > 0 else 0
    leaky_relu   z if z > 0 else 0.01 z      step(z) + 0.01 (1 − step(z))
    softplus     ln(1 + eᶻ)                  sigmoid(z)
    identity     z                           1
    softsign     z/(1 + |z|)                 1/(1 + |z|)²
"""
