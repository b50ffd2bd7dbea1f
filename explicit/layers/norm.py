"""Normalisation: layer norm and RMS norm over the features, batch norm over the samples."""

from typing import Any

import numpy as np

from explicit.elementwise import Array, apply
from explicit.layers.layer import At, Layer, divided, equation, expected, positions
from explicit.sums import add_up


class _Scaled(Layer):
    """y = γ x̂ (+ β): what all norms end with.  Features stand in the place before the samples."""

    biases = ("beta",)

    def __init__(self, features: int, epsilon: float = 1e-5) -> None:
        self.features, self.epsilon = features, epsilon

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """γ and β, (n,)."""
        return {name: (self.features,) for name in self.parameters}

    def initial(self, name: str, shape: tuple[int, ...], random: np.random.RandomState) -> Array:
        """γ = 1, β = 0."""
        return np.full(shape, 1.0 if name == "gamma" else 0.0)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a."""
        (shape,) = shapes
        if not shape or shape[-1] != self.features:
            raise expected(f"{self.features} features in the last place", shape)
        return shape

    def wide(self, parameter: Array, at: At) -> Array:
        """(n,) beside an array of a's shape."""
        return parameter[:, np.newaxis]

    def parts(self, at: At) -> list[tuple[Any, ...]]:
        """The places that one statistic is taken over, in reading order."""
        return [(..., slice(i, i + 1), slice(None)) for i in range(at.a.shape[-2])]

    def per_feature(self, array: Array) -> list[Array]:
        """The numbers of each feature, (n, B), at one position after the other, from the last to the first."""
        return [array[t] for t in positions(array.shape[:-2])]

    def root(self, x: Array, at: At) -> Array:
        """√(Σ x·x/n + ε)."""
        parts = self.parts(at)
        return apply("sqrt", add_up(x[part] * x[part] for part in parts) / len(parts) + self.epsilon)

    @equation("beta", "∂C/∂β = Σ δ")
    def bp3(self, at: At) -> None:
        """Positions from the last to the first."""
        for delta in self.per_feature(at.d.y):
            at.d.beta.add(delta)

    @equation("gamma", "∂C/∂γ = Σ δ ⊙ x̂")
    def bp4(self, at: At) -> None:
        """Positions from the last to the first."""
        for delta, x in zip(self.per_feature(at.d.y), self.per_feature(at.xhat), strict=True):
            at.d.gamma.add(delta * x)

    @equation("xhat", "δ̂ = γ ⊙ δ")
    def scaled(self, at: At) -> None:
        """γ is a factor of x̂."""
        at.d.xhat += at.d.y * self.wide(at.gamma, at)

    @equation("r", "δʳ = −Σ δ̂ x̂/r")
    def radius(self, at: At) -> None:
        """Places from the last to the first."""
        for part in reversed(self.parts(at)):
            at.d.r += at.d.xhat[part] * (-at.xhat[part] / at.r)

    def through_root(self, x: Array, at: At) -> Array:
        """What r passes on to one of the two factors of x·x: ((δʳ · 1/(2r)) · 1/n) x."""
        return divided(at.d.r * (1 / (2 * at.r)), len(self.parts(at))) * x


class RMSNorm(_Scaled):
    """r = √(Σ a·a/n + ε), x̂ = a/r, y = γ x̂.  Source: Zhang & Sennrich, NeurIPS 2019."""

    makes = ("r", "xhat", "y")
    parameters = ("gamma",)

    def forward(self, at: At) -> None:
        """Squares from the first feature to the last."""
        at.r = self.root(at.a, at)
        at.xhat = at.a / at.r
        at.y = self.wide(at.gamma, at) * at.xhat

    @equation("a", "∂C/∂a = δ̂/r + δʳ a/(n r)")
    def bp2(self, at: At) -> None:
        """a·a has two edges to a."""
        at.d.a += at.d.xhat * (1 / at.r)
        for _ in range(2):
            at.d.a += self.through_root(at.a, at)


class LayerNorm(_Scaled):
    """μ = Σ a/n, x = a − μ, r = √(Σ x·x/n + ε), x̂ = x/r, y = γ x̂ + β, over the features of each position.

    In all, with means over the features: ∂C/∂a = (γδ − mean(γδ) − x̂ mean(γδ x̂))/r.
    Source: Ba, Kiros & Hinton, "Layer Normalization", 2016.
    """

    makes = ("mu", "r", "xhat", "y")
    parameters = ("gamma", "beta")

    def forward(self, at: At) -> None:
        """Sums from the first place to the last."""
        parts = self.parts(at)
        at.mu = add_up(at.a[part] for part in parts) / len(parts)
        at.x = at.a - at.mu
        at.r = self.root(at.x, at)
        at.xhat = at.x / at.r
        at.y = self.wide(at.gamma, at) * at.xhat + self.wide(at.beta, at)

    @equation("mu", "δᵘ = −Σ δˣ,  δˣ = δ̂/r + δʳ x/(n r)")
    def mean(self, at: At) -> None:
        """Places from the last to the first."""
        share = self.through_root(at.x, at)
        at.delta_x = (at.d.xhat * (1 / at.r) + share) + share
        for part in reversed(self.parts(at)):
            at.d.mu += -at.delta_x[part]

    @equation("a", "∂C/∂a = δˣ + δᵘ/n")
    def bp2(self, at: At) -> None:
        """The difference is read before the mean."""
        at.d.a += at.delta_x
        at.d.a += divided(at.d.mu, len(self.parts(at)))


class BatchNorm(LayerNorm):
    """The same statistics for each feature over the samples, and over the places of images: (n, B) or (C, H, W, B).

    Samples meet here: C is the sum over the batch in one graph, and every equation takes the samples from the last to
    the first.  One sample without places has x̂ = 0 and no gradient, and is refused.
    Source: Ioffe & Szegedy, "Batch Normalization", ICML 2015.
    """

    couples = True

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a; features, or channels, come first."""
        (shape,) = shapes
        if not shape or shape[0] != self.features:
            raise expected(f"{self.features} features in the first place", shape)
        return shape

    def wide(self, parameter: Array, at: At) -> Array:
        """(n,) as (n, 1, …)."""
        return parameter.reshape(-1, *(1,) * (at.a.ndim - 1))

    def parts(self, at: At) -> list[tuple[Any, ...]]:
        """Places and samples in reading order."""
        places = np.ndindex(at.a.shape[1:])
        return [(slice(None), *(slice(i, i + 1) for i in place)) for place in places]

    def per_feature(self, array: Array) -> list[Array]:
        """(n, B) at each place, from the last to the first."""
        return [np.moveaxis(array, 0, -2)[place] for place in positions(array.shape[1:-1])]

    def forward(self, at: At) -> None:
        """Errors: ValueError for one number per feature."""
        if len(self.parts(at)) < 2:
            raise ValueError("batch norm: expected at least two samples (or places), got one")
        super().forward(at)
