"""Fully connected layers, at every position: z = W a + b, and z = W a without biases."""

import numpy as np

from explicit.layers.layer import At, Layer, equation, expected, outer, positions, pull_back_into
from explicit.sums import affine


class Linear(Layer):
    """z = w₁a₁ + w₂a₂ + … at every position, no biases: a (…, m, B), W (n, m), z (…, n, B)."""

    parameters: tuple[str, ...] = ("W",)

    def __init__(self, inputs: int, outputs: int) -> None:
        self.inputs, self.outputs = inputs, outputs

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """W (n, m)."""
        return {"W": (self.outputs, self.inputs)}

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(…, m) becomes (…, n)."""
        (shape,) = shapes
        if not shape or shape[-1] != self.inputs:
            raise expected(f"{self.inputs} features in the last place", shape)
        return (*shape[:-1], self.outputs)

    def forward(self, at: At) -> None:
        """z, left to right in W."""
        at.z = affine(at.W, at.a, None)

    @equation("a", "∂C/∂a = Wᵀδ")
    def bp2(self, at: At) -> None:
        """Units from the last to the first."""
        pull_back_into(at.d.a, at.W, at.d.z)

    @equation("W", "∂C/∂W = Σ δ aᵀ")
    def bp4(self, at: At) -> None:
        """Positions from the last to the first."""
        for t in positions(at.z.shape[:-2]):
            at.d.W.add(outer(at.d.z[t], at.a[t]))


class Dense(Linear):
    """z = ((b + w₁a₁) + w₂a₂) + … at every position: a (…, m, B), W (n, m), b (n,), z (…, n, B).

    Source: Nielsen, "Neural Networks and Deep Learning", chapter 2; there ∂C/∂a is followed by ⊙ σ′ in BP2.
    """

    parameters = ("W", "b")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """W (n, m), b (n,)."""
        return {**super().shapes(), "b": (self.outputs,)}

    def forward(self, at: At) -> None:
        """z, from the bias, left to right in W."""
        at.z = affine(at.W, at.a, at.b[:, np.newaxis])

    @equation("b", "∂C/∂b = Σ δ")
    def bp3(self, at: At) -> None:
        """Positions from the last to the first."""
        for t in positions(at.z.shape[:-2]):
            at.d.b.add(at.d.z[t])
