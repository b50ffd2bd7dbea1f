"""Scaled dot-product attention, causal or not, with several heads."""

from collections.abc import Iterator

import numpy as np

from explicit.elementwise import apply, held_max
from explicit.layers.layer import At, Layer, equation, expected
from explicit.sums import add_up


class Attention(Layer):
    """s = (Σᵢ qᵢkᵢ)/√w, p = softmax of s over u, o = Σᵤ pᵤ vᵤ; q, k, v and o are (T, n, B), a head has w = n/heads.

    causal:  position t looks at u ≤ t alone; entries above are no nodes, and hold 0
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """

    reads = ("q", "k", "v")
    makes = ("s", "e", "S", "p", "o")

    def __init__(self, heads: int = 1, causal: bool = True) -> None:
        self.heads, self.causal = heads, causal

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(T, n), for q, k and v alike."""
        for shape in shapes:
            if shape != shapes[0] or len(shape) != 2 or shape[1] % self.heads:
                raise expected(f"(T, n) alike for q, k and v, n a multiple of {self.heads}", shape)
        return shapes[0]

    def _rows(self, at: At) -> Iterator[tuple[int, int, slice, range]]:
        """(head, t, the features of the head, the positions that t looks at)."""
        length, width = at.q.shape[0], self._width(at)
        for h in range(self.heads):
            for t in range(length):
                yield h, t, slice(h * width, (h + 1) * width), range(t + 1 if self.causal else length)

    def _width(self, at: At) -> int:
        return int(at.q.shape[1]) // self.heads

    def _scale(self, at: At) -> float:
        return 1 / float(np.sqrt(self._width(at)))

    def forward(self, at: At) -> None:
        """Features i, then positions u, ascending; the largest s of a row is held constant."""
        length, _, samples = at.q.shape
        zero = 0 if at.q.dtype.hasobject else 0.0
        at.s, at.e, at.p = (
            np.full((self.heads, length, length, samples), zero, dtype=at.q.dtype) for _ in range(3)
        )
        at.S = np.full((self.heads, length, samples), zero, dtype=at.q.dtype)
        at.o = np.full(at.q.shape, zero, dtype=at.q.dtype)
        for h, t, own, seen in self._rows(at):
            for u in seen:
                at.s[h, t, u] = add_up(at.q[t, own] * at.k[u, own]) * self._scale(at)
            row = at.s[h, t, : len(seen)]
            at.e[h, t, : len(seen)] = apply("exp", row - held_max(row, 0))
            at.S[h, t] = add_up(at.e[h, t, : len(seen)])
            at.p[h, t, : len(seen)] = at.e[h, t, : len(seen)] / at.S[h, t]
            at.o[t, own] = add_up(at.p[h, t, u] * at.v[u, own] for u in seen)

    @equation("p", "δᵖₜᵤ = Σᵢ δᵒₜᵢ vᵤᵢ")
    def weights(self, at: At) -> None:
        """Features from the last to the first."""
        for h, t, own, seen in self._rows(at):
            for i in reversed(range(own.start, own.stop)):
                at.d.p[h, t, : len(seen)] += at.d.o[t, i] * at.v[: len(seen), i]

    @equation("S", "δˢₜ = −Σᵤ δᵖₜᵤ pₜᵤ/Sₜ")
    def total(self, at: At) -> None:
        """Positions from the last to the first."""
        for h, t, _, seen in self._rows(at):
            for u in reversed(seen):
                at.d.S[h, t] += at.d.p[h, t, u] * (-at.p[h, t, u] / at.S[h, t])

    @equation("e", "δᵉ = δᵖ/S + δˢ")
    def exponentials(self, at: At) -> None:
        """As in softmax."""
        for h, t, _, seen in self._rows(at):
            at.d.e[h, t, : len(seen)] += at.d.p[h, t, : len(seen)] * (1 / at.S[h, t])
            at.d.e[h, t, : len(seen)] += at.d.S[h, t]

    @equation("s", "δˢᶜᵒʳᵉ = δᵉ ⊙ e")
    def scores(self, at: At) -> None:
        """As in softmax."""
        for h, t, _, seen in self._rows(at):
            at.d.s[h, t, : len(seen)] += at.d.e[h, t, : len(seen)] * at.e[h, t, : len(seen)]

    @equation("v", "δᵛᵤ = Σₜ pₜᵤ δᵒₜ")
    def bp2_v(self, at: At) -> None:
        """t from the last to the first; heads have features of their own."""
        for h, t, own, seen in reversed(list(self._rows(at))):
            for u in reversed(seen):
                at.d.v[u, own] += at.d.o[t, own] * at.p[h, t, u]

    @equation("q k", "δ^qₜ = Σᵤ δˢᶜᵒʳᵉₜᵤ kᵤ/√w,  δᵏᵤ = Σₜ δˢᶜᵒʳᵉₜᵤ qₜ/√w")
    def bp2_qk(self, at: At) -> None:
        """The scores from the last to the first; each brings a term to q and one to k."""
        for h, t, own, seen in reversed(list(self._rows(at))):
            for u in reversed(seen):
                share = at.d.s[h, t, u] * self._scale(at)
                at.d.q[t, own] += share * at.k[u, own]
                at.d.k[u, own] += share * at.q[t, own]
