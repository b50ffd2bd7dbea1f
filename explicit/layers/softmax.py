"""Softmax, with its whole Jacobian in three equations."""

from explicit.elementwise import apply, held_max
from explicit.layers.layer import At, Layer, down, equation, unit
from explicit.sums import add_up


class Softmax(Layer):
    """p = e^(z − m)/S over the features, S = Σ e^(z − m); m is the largest z, held constant.

    The shift by m changes no p and keeps e finite; nothing is differentiated by it.  Together the equations say
    δᶻ = p ⊙ (δᵖ − Σₖ δᵖₖ pₖ).  Shapes: z and all that is made (…, n, B), S (…, 1, B).
    """

    reads = ("z",)
    makes = ("e", "S", "p")

    def forward(self, at: At) -> None:
        """S adds from the first unit to the last."""
        at.e = apply("exp", at.z - held_max(at.z, -2))
        at.S = add_up(unit(at.e, j) for j in range(at.e.shape[-2]))
        at.p = at.e / at.S

    @equation("S", "δˢ = −Σⱼ δᵖⱼ pⱼ/S")
    def total(self, at: At) -> None:
        """Units from the last to the first."""
        for j in down(at.p.shape[-2]):
            at.d.S += unit(at.d.p, j) * (-unit(at.p, j) / at.S)

    @equation("e", "δᵉ = δᵖ/S + δˢ")
    def exponentials(self, at: At) -> None:
        """The quotient is read before the sum."""
        at.d.e += at.d.p * (1 / at.S)
        at.d.e += at.d.S

    @equation("z", "δᶻ = δᵉ ⊙ e")
    def bp2(self, at: At) -> None:
        """e is its own derivative."""
        at.d.z += at.d.e * at.e
