"""The activation functions σ and their derivatives σ′, written as the formulas of a calculus book."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from explicit.checks import chosen
from explicit.elementwise import SLOPE, Array, apply, scaled


@dataclass(frozen=True)
class Activation:
    """An activation function σ with its derivative σ′; both work on arrays of any shape.

    name:        what messages and saved files call it
    function:    z ↦ a = σ(z)
    derivative:  (z, a) ↦ σ′(z), where a = σ(z) is at hand because some derivatives are shorter in a

    The rest are facts about σ. Whoever needs one that is not given does without σ, and says so by name:

    formula:     σ(z) as text, in z, exp, log, tanh, sigmoid, softplus, abs and where, which the reader brings
    kink:        the first derivative that jumps, at z = 0: 1 for relu, 2 for softsign; 0: σ is analytic
    linear:      whether σ(z) is z above 0 and a multiple of z below
    range:       an open interval that holds every σ(z)
    torch:       the class in torch.nn

    >>> square = Activation("square", lambda z: z * z, lambda z, a: 2 * z, formula="z * z", kink=0)
    >>> z = np.array([[3.0]])
    >>> square.derivative(z, square.function(z))
    array([[6.]])
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]
    formula: str = field(default="", compare=False)
    kink: int | None = field(default=None, compare=False)
    linear: bool = field(default=False, compare=False)
    range: tuple[float, float] | None = field(default=None, compare=False)
    torch: str = field(default="", compare=False)

    @property
    def row(self) -> "Activation":
        """What is known of σ: the row of ACTIVATIONS with the same function, whatever its derivative, else this."""
        return next((row for row in ACTIVATIONS.values() if row.function is self.function), self)


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


# fmt: off
sigmoid = Activation(
    "sigmoid", lambda z: apply("sigmoid", z), lambda z, a: a * (1 - a),
    formula="sigmoid(z)", kink=0, range=(0, 1), torch="Sigmoid",
)
tanh = Activation(
    "tanh", lambda z: apply("tanh", z), lambda z, a: 1 - a * a,
    formula="tanh(z)", kink=0, range=(-1, 1), torch="Tanh",
)
relu = Activation(
    "relu", lambda z: apply("relu", z), lambda z, a: apply("step", z),
    formula="where(z > 0, z, 0.0)", kink=1, linear=True, range=(-inf, inf), torch="ReLU",
)
leaky_relu = Activation(
    "leaky_relu", lambda z: apply("leaky_relu", z, SLOPE), _leaky_derivative,
    formula=f"where(z > 0, z, {SLOPE} * z)", kink=1, linear=True, range=(-inf, inf), torch="LeakyReLU",
)
softplus = Activation(
    "softplus", lambda z: apply("softplus", z), lambda z, a: apply("sigmoid", z),
    formula="softplus(z)", kink=0, range=(0, inf), torch="Softplus",
)
# The same array, not a copy: a traced graph then has no node between z and a.
identity = Activation(
    "identity", lambda z: z, lambda z, a: _ones(z),
    formula="z", kink=0, linear=True, range=(-inf, inf), torch="Identity",
)
softsign = Activation(
    "softsign", lambda z: apply("softsign", z), _softsign_derivative,
    formula="z / (1 + abs(z))", kink=2, range=(-1, 1), torch="Softsign",
)
# fmt: on

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


def per_layer(value: str | Activation | Sequence[str | Activation], layers: int) -> list[Activation]:
    """One Activation per layer of weights. Errors: TypeError or ValueError that name the argument `activation`."""
    if isinstance(value, (str, Activation)):
        value = [value] * layers
    if not isinstance(value, Sequence):
        raise TypeError(f"activation: expected a name, an Activation or a sequence of these, got {value!r}")
    if len(value) != layers:
        raise ValueError(f"activation: expected one per layer of weights, {layers}, got {len(value)}")
    return [chosen("activation", item, Activation, ACTIVATIONS) for item in value]
