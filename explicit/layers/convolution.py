"""Convolution of sequences and images: in truth a cross-correlation, as every course writes it forward."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from explicit.elementwise import Array
from explicit.layers.layer import At, Layer, down, equation, expected, nothing, positions


class Windows:
    """Where a window of `size` stands as it moves by `stride` over the places behind the first axis.

    dilation:  the distance between two taps of a window
    padding:   how many zeros stand before and after the places
    """

    def __init__(self, size: Sequence[int], stride: int, padding: int = 0, dilation: int = 1) -> None:
        for name, number, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
            if type(number) is not int or number < least:
                raise ValueError(f"{name}: expected an int ≥ {least}, got {number!r}")
        if any(type(k) is not int or k < 1 for k in size):
            raise ValueError(f"kernel: expected ints ≥ 1, got {tuple(size)}")
        self.size, self.stride, self.padding, self.dilation = tuple(size), stride, padding, dilation

    def __repr__(self) -> str:
        return f"Windows({self.size}, {self.stride}, {self.padding}, {self.dilation})"

    def count(self, places: Sequence[int]) -> tuple[int, ...]:
        """How many windows there are along each axis.

        Errors: ValueError where a window does not fit, or where the last places would be read by none: their δ would
        be no sum at all.
        """
        counts = []
        for length, k in zip(places, self.size, strict=True):
            room = length + 2 * self.padding - (self.dilation * (k - 1) + 1)
            if room < 0:
                raise ValueError(f"expected at least {length - room} places for a window of {k}, got {length}")
            if room % self.stride:
                rest = room % self.stride
                raise ValueError(
                    f"a window of {k} moved by {self.stride} leaves the last {rest} of {length} places unread; "
                    f"crop them, or pad so that ({length} + 2 · padding − {self.dilation * (k - 1) + 1}) is a "
                    f"multiple of {self.stride}"
                )
            counts.append(room // self.stride + 1)
        return tuple(counts)

    def taps(self) -> list[tuple[int, ...]]:
        """The taps of a window in reading order."""
        return list(np.ndindex(*self.size))

    def of_tap(self, tap: Sequence[int], counts: Sequence[int]) -> tuple[slice, ...]:
        """For one tap, the places that it reads in all windows."""
        starts = [self.dilation * r for r in tap]
        return tuple(
            slice(at, at + self.stride * (n - 1) + 1, self.stride) for at, n in zip(starts, counts, strict=True)
        )

    def of_window(self, place: Sequence[int]) -> tuple[slice, ...]:
        """For one window, the places that all its taps read."""
        return tuple(
            slice(self.stride * i, self.stride * i + self.dilation * (k - 1) + 1, self.dilation)
            for i, k in zip(place, self.size, strict=True)
        )

    def inside(self, places: Sequence[int]) -> tuple[slice, ...]:
        """The places without their padding."""
        return tuple(slice(self.padding, self.padding + length) for length in places)


class _Convolution(Layer):
    parameters = ("W", "b")
    dimensions = 0

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | Sequence[int],
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
    ) -> None:
        size = sizes_of("kernel", kernel, self.dimensions)
        self.inputs, self.outputs, self.windows = inputs, outputs, Windows(size, stride, padding, dilation)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """W (channels out, channels in, taps …), b (channels out,)."""
        return {"W": (self.outputs, self.inputs, *self.windows.size), "b": (self.outputs,)}

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(channels in, places …) becomes (channels out, windows …)."""
        (shape,) = shapes
        if len(shape) != 1 + self.dimensions or shape[0] != self.inputs:
            raise expected(f"({self.inputs}, {', '.join('HW'[-self.dimensions:])})", shape)
        return (self.outputs, *self.windows.count(shape[1:]))

    def forward(self, at: At) -> None:
        """From the bias; channels, then taps in reading order.  Padding is multiplied like any number."""
        places = at.a.shape[1:-1]
        counts = self.windows.count(places)
        zero: Any = 0 if at.a.dtype.hasobject else 0.0
        padded = [n + 2 * self.windows.padding for n in places]
        at.padded = np.full((at.a.shape[0], *padded, at.a.shape[-1]), zero, dtype=at.a.dtype)
        at.padded[:, *self.windows.inside(places)] = at.a
        z = _wide(at.b, at.a.ndim)
        for c in range(self.inputs):
            for tap in self.windows.taps():
                read = at.padded[c, *self.windows.of_tap(tap, counts)]
                z = z + _wide(at.W[:, c, *tap], at.a.ndim) * read
        at.z = z

    @equation("a", "∂C/∂a = δ ∗ rot180(W)")
    def bp2(self, at: At) -> None:
        """Channels out from the last, taps in reading order; what falls on the padding is dropped."""
        counts, wide = at.z.shape[1:-1], nothing(at.padded.shape, at.d.z.dtype)
        inside = self.windows.inside(at.a.shape[1:-1])
        wide[:, *inside] = at.d.a
        for o in down(self.outputs):
            for tap in self.windows.taps():
                wide[:, *self.windows.of_tap(tap, counts)] += at.d.z[o] * _wide(at.W[o, :, *tap], at.a.ndim)
        at.d.a[...] = wide[:, *inside]

    @equation("b", "∂C/∂b = Σ δ")
    def bp3(self, at: At) -> None:
        """Windows from the last to the first."""
        for place in positions(at.z.shape[1:-1]):
            at.d.b.add(at.d.z[:, *place])

    @equation("W", "∂C/∂W = δ ⋆ a")
    def bp4(self, at: At) -> None:
        """Windows from the last to the first."""
        for place in positions(at.z.shape[1:-1]):
            read = at.padded[:, *self.windows.of_window(place)]
            at.d.W.add(_wide(at.d.z[:, *place], read.ndim, samples=True) * read[np.newaxis])


class _Transposed(Layer):
    parameters = ("W", "b")
    dimensions = 0

    def __init__(self, inputs: int, outputs: int, kernel: int | Sequence[int], stride: int = 1) -> None:
        size = sizes_of("kernel", kernel, self.dimensions)
        if stride > min(size):
            raise ValueError(f"stride: expected at most the kernel, {min(size)} (every place is written), got {stride}")
        self.inputs, self.outputs, self.windows = inputs, outputs, Windows(size, stride)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """W (channels in, channels out, taps …), b (channels out,)."""
        return {"W": (self.inputs, self.outputs, *self.windows.size), "b": (self.outputs,)}

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(channels in, windows …) becomes (channels out, places …)."""
        (shape,) = shapes
        if len(shape) != 1 + self.dimensions or shape[0] != self.inputs:
            raise expected(f"({self.inputs}, {', '.join('HW'[-self.dimensions:])})", shape)
        grown = zip(shape[1:], self.windows.size, strict=True)
        return (self.outputs, *((n - 1) * self.windows.stride + k for n, k in grown))

    def forward(self, at: At) -> None:
        """From the bias; channels, then taps in reading order, each adding where its windows write."""
        counts = at.a.shape[1:-1]
        shape = (*self.output(at.a.shape[:-1]), at.a.shape[-1])
        z = np.broadcast_to(_wide(at.b, at.a.ndim), shape).copy()
        for c in range(self.inputs):
            for tap in self.windows.taps():
                written = (slice(None), *self.windows.of_tap(tap, counts))
                z[written] = z[written] + _wide(at.W[c, :, *tap], at.a.ndim) * at.a[c]
        at.z = z

    @equation("a", "∂C/∂a = δ ⋆ W")
    def bp2(self, at: At) -> None:
        """Channels out from the last, taps from the last."""
        counts = at.a.shape[1:-1]
        for o in down(self.outputs):
            for tap in reversed(self.windows.taps()):
                read = at.d.z[o, *self.windows.of_tap(tap, counts)]
                at.d.a += read * _wide(at.W[:, o, *tap], at.a.ndim)

    bp3 = _Convolution.bp3

    @equation("W", "∂C/∂W = a ⋆ δ")
    def bp4(self, at: At) -> None:
        """Windows from the last to the first."""
        for place in positions(at.a.shape[1:-1]):
            read = at.d.z[:, *self.windows.of_window(place)]
            at.d.W.add(_wide(at.a[:, *place], read.ndim, samples=True) * read[np.newaxis])


class ConvTranspose1d(_Transposed):
    """z[o, i·stride + r] = b[o] + Σ_c Σ_r W[c, o, r] a[c, i]; a (C, L, B), W (C, n, k), b (n,)."""

    dimensions = 1


class ConvTranspose2d(_Transposed):
    """z[o, i·stride + r, j·stride + s] = b[o] + Σ W[c, o, r, s] a[c, i, j]; a (C, H, W, B), W (C, n, k, k), b (n,)."""

    dimensions = 2


def sizes_of(name: str, size: int | Sequence[int], dimensions: int) -> tuple[int, ...]:
    """A size along each dimension, from one for all or one for each."""
    sizes = (size,) * dimensions if isinstance(size, int) else tuple(size)
    if len(sizes) != dimensions:
        raise ValueError(f"{name}: expected an int or {dimensions} of them, got {size!r}")
    return sizes


def _wide(array: Array, dimensions: int, samples: bool = False) -> Array:
    """(n,) as (n, 1, …), or (n, B) as (n, 1, …, B), to stand beside an array of that many dimensions and channels."""
    if samples:
        return array.reshape(array.shape[0], *(1,) * (dimensions - 1), array.shape[-1])
    return array.reshape(array.shape[0], *(1,) * (dimensions - 1))


class Conv1d(_Convolution):
    """z[o, i] = b[o] + Σ_c Σ_r W[o, c, r] a[c, i·stride + r·dilation − padding]; a (C, L, B), W (n, C, k), b (n,)."""

    dimensions = 1


class Conv2d(_Convolution):
    """z[o, i, j] = b[o] + Σ_c Σ_r Σ_s W[o, c, r, s] a[c, i·stride + r − padding, …]; a (C, H, W, B), W (n, C, k, k).

    Errors: ValueError for a stride that leaves the last rows or columns unread, with what mends it.
    """

    dimensions = 2
