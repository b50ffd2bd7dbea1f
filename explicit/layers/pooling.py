"""Pooling of sequences and images: the largest, or the mean, of each window."""

from collections.abc import Sequence

from explicit.elementwise import ge, maximum
from explicit.layers.convolution import Windows, sizes_of
from explicit.layers.layer import At, Layer, divided, equation, expected
from explicit.sums import add_up


class _Pool(Layer):
    makes = ("y",)
    dimensions = 0

    def __init__(self, size: int | Sequence[int], stride: int | None = None) -> None:
        sizes = sizes_of("size", size, self.dimensions)
        self.windows = Windows(sizes, sizes[0] if stride is None else stride)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(channels, places …) becomes (channels, windows …)."""
        (shape,) = shapes
        if len(shape) != 1 + self.dimensions:
            raise expected(f"(channels, {', '.join('HW'[-self.dimensions:])})", shape)
        return (shape[0], *self.windows.count(shape[1:]))

    def _reads(self, at: At) -> list[tuple[slice, ...]]:
        """For each tap, in reading order, where it reads in a."""
        counts = self.windows.count(at.a.shape[1:-1])
        return [(slice(None), *self.windows.of_tap(tap, counts)) for tap in self.windows.taps()]


class _MaxPool(_Pool):
    def forward(self, at: At) -> None:
        """Taps in reading order; of two that are equal the first one wins."""
        at.best = [at.a[self._reads(at)[0]]]
        for read in self._reads(at)[1:]:
            at.best.append(maximum(at.best[-1], at.a[read]))
        at.y = at.best[-1]

    @equation("a", "∂C/∂a = δ at the winner of each window")
    def bp2(self, at: At) -> None:
        """Down the chain of maxima: who lost gets δ · 0, which is ±0, and is added like any share."""
        run, shares = at.d.y, []
        for best, read in zip(reversed(at.best[:-1]), reversed(self._reads(at)), strict=False):
            first = ge(best, at.a[read])
            shares.append(run * (1 - first))
            run = run * first
        for read, share in zip(self._reads(at), [run, *reversed(shares)], strict=True):
            at.d.a[read] += share


class _MeanPool(_Pool):
    def forward(self, at: At) -> None:
        """Taps in reading order, divided at the end."""
        reads = self._reads(at)
        at.y = add_up(at.a[read] for read in reads) / len(reads)

    @equation("a", "∂C/∂a = δ/k² to each place of a window")
    def bp2(self, at: At) -> None:
        """Taps in reading order."""
        reads = self._reads(at)
        for read in reads:
            at.d.a[read] += divided(at.d.y, len(reads))


class MaxPool1d(_MaxPool):
    """y = max over each window: max(max(x₁, x₂), …); a (C, L, B)."""

    dimensions = 1


class MaxPool2d(_MaxPool):
    """y = max over each window: max(max(x₁, x₂), …), taps in reading order; a (C, H, W, B)."""

    dimensions = 2


class MeanPool1d(_MeanPool):
    """y = mean over each window; a (C, L, B)."""

    dimensions = 1


class MeanPool2d(_MeanPool):
    """y = mean over each window; a (C, H, W, B)."""

    dimensions = 2
