"""Layers without parameters that join, turn or mask: sum, concatenation, flattening, dropout."""

from math import prod

import numpy as np

from explicit.layers.layer import At, Layer, equation, expected


class Flatten(Layer):
    """Every number of a sample in one column: (…, B) becomes (n, B)."""

    makes = ("y",)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The product of all dimensions."""
        return (prod(shapes[0]),)

    def forward(self, at: At) -> None:
        """The same numbers in reading order."""
        at.y = at.a.reshape(-1, at.a.shape[-1])

    @equation("a", "δ in the old shape")
    def bp2(self, at: At) -> None:
        """The same numbers, back."""
        at.d.a += at.d.y.reshape(at.a.shape)


class Add(Layer):
    """y = a + b, as where a residual connection ends."""

    reads = ("a", "b")
    makes = ("y",)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Both have one shape."""
        if shapes[0] != shapes[1]:
            raise expected(f"the shape of the first summand, {shapes[0]}", shapes[1])
        return shapes[0]

    def forward(self, at: At) -> None:
        """One sum for each element."""
        at.y = at.a + at.b

    @equation("a", "∂C/∂a = δ")
    def bp2_a(self, at: At) -> None:
        """δ passes."""
        at.d.a += at.d.y

    @equation("b", "∂C/∂b = δ")
    def bp2_b(self, at: At) -> None:
        """δ passes."""
        at.d.b += at.d.y


class Concat(Layer):
    """y = (a; b), one after the other along an axis: 0 is the first of a sample."""

    reads = ("a", "b")
    makes = ("y",)

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Both agree but along the axis."""
        a, b = (list(shape) for shape in shapes)
        if not 0 <= self.axis < len(a) or len(a) != len(b):
            raise expected(f"as many dimensions as {shapes[0]}, among them axis {self.axis}", shapes[1])
        a[self.axis] += b[self.axis]
        if a != [*b[: self.axis], a[self.axis], *b[self.axis + 1 :]]:
            raise expected(f"{shapes[0]} but along axis {self.axis}", shapes[1])
        return tuple(a)

    def forward(self, at: At) -> None:
        """The same numbers in one array."""
        at.y = np.concatenate([at.a, at.b], axis=self.axis)

    @equation("a", "∂C/∂a = the first part of δ")
    def bp2_a(self, at: At) -> None:
        """δ passes."""
        at.d.a += np.split(at.d.y, [at.a.shape[self.axis]], axis=self.axis)[0]

    @equation("b", "∂C/∂b = the second part of δ")
    def bp2_b(self, at: At) -> None:
        """δ passes."""
        at.d.b += np.split(at.d.y, [at.a.shape[self.axis]], axis=self.axis)[1]


class Dropout(Layer):
    """y = a ⊙ mask, with a mask that is given: 0 where a unit is dropped, 1/keep where it is kept.

    Source: Srivastava et al., "Dropout", JMLR 15 (2014); scaled at training time ("inverted").
    """

    reads = ("a", "mask")
    makes = ("y",)
    data = ("mask",)

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The mask has the shape of a, sample by sample."""
        if shapes[0] != shapes[1]:
            raise expected(f"a mask of shape {shapes[0]}", shapes[1])
        return shapes[0]

    def forward(self, at: At) -> None:
        """One product for each element, dropped ones too."""
        at.y = at.a * at.mask

    @equation("a", "∂C/∂a = δ ⊙ mask")
    def bp2(self, at: At) -> None:
        """The same mask, with its scale."""
        at.d.a += at.d.y * at.mask
