"""Embedding: a row of a table for each token, and one for each position."""

import numpy as np

from explicit.elementwise import Array
from explicit.layers.layer import At, Layer, down, equation, expected, positions


class Embedding(Layer):
    """y[t] = E[token t] + P[t]; without positions y[t] = E[token t].  Tokens (T, B) are ints; y (T, n, B).

    A token that stands at several positions gets the sum of their δ, positions from the last to the first.
    """

    reads = ("tokens",)
    makes = ("y",)
    data = ("tokens",)
    whole = ("tokens",)

    def __init__(self, tokens: int, features: int, length: int | None = None) -> None:
        self.tokens, self.features, self.length = tokens, features, length
        self.parameters = ("E",) if length is None else ("E", "P")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """E (tokens, n), P (T, n)."""
        shapes: dict[str, tuple[int, ...]] = {"E": (self.tokens, self.features)}
        return shapes if self.length is None else shapes | {"P": (self.length, self.features)}

    def initial(self, name: str, shape: tuple[int, ...], random: np.random.RandomState) -> Array:
        """Standard normal: one row is taken, none is summed."""
        return random.randn(*shape)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(T,) becomes (T, n)."""
        (shape,) = shapes
        if len(shape) != 1 or (self.length is not None and shape[0] > self.length):
            raise expected("(T,) tokens" + (f", T at most {self.length}" if self.length else ""), shape)
        return (*shape, self.features)

    def forward(self, at: At) -> None:
        """The rows, moved so that samples stand last.  Errors: ValueError for a token that is not in the table."""
        at.ids = self._ids(at.tokens)
        at.y = np.moveaxis(at.E[at.ids], -1, -2)
        if self.length is not None:
            at.y = at.y + at.P[: len(at.ids), :, np.newaxis]

    def _ids(self, tokens: Array) -> Array:
        ids = tokens.astype(np.int64)
        if (ids != tokens).any() or (ids < 0).any() or (ids >= self.tokens).any():
            t, s = np.argwhere((ids != tokens) | (ids < 0) | (ids >= self.tokens))[0]
            raise ValueError(f"tokens: expected ints from 0 to {self.tokens - 1}, got {tokens[t, s]} at [{t}, {s}]")
        return ids

    @equation("E", "∂C/∂E[v] = Σ δ[t] over all t at which token v stands")
    def bp4_tokens(self, at: At) -> None:
        """Each sample adds at its own rows."""
        for (t,) in positions(at.ids.shape[:1]):
            for s in down(at.ids.shape[1]):
                at.d.E.add_sample(at.d.y[t, :, s], s, at.ids[t, s])

    @equation("P", "∂C/∂P[t] = δ[t]")
    def bp4_positions(self, at: At) -> None:
        """A position stands once in a sequence."""
        for (t,) in positions(at.ids.shape[:1]):
            at.d.P.add(at.d.y[t], t)
