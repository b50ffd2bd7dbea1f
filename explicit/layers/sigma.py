"""Activations as layers: a = σ(z), element by element."""

from explicit.activations import ACTIVATIONS, Activation
from explicit.checks import chosen
from explicit.layers.layer import At, Layer, equation


class Sigma(Layer):
    """a = σ(z) for every element; σ is a name in ACTIVATIONS or an Activation."""

    reads = ("z",)
    makes = ("a",)

    def __init__(self, activation: str | Activation) -> None:
        self.activation = chosen("activation", activation, Activation, ACTIVATIONS)

    @property
    def kind(self) -> str:
        """The name of σ."""
        return self.activation.name

    def forward(self, at: At) -> None:
        """One op for each element."""
        at.a = self.activation.function(at.z)

    @equation("z", "δ = ∂C/∂a ⊙ σ′(z)")
    def bp2(self, at: At) -> None:
        """The partial as the op table has it."""
        at.d.z += at.d.a * self.activation.derivative(at.z, at.a)
