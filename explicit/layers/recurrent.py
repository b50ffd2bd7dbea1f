"""Recurrent cells: one step each.  A model that uses one cell at every step is the network unrolled."""

import numpy as np

from explicit.elementwise import Array, apply
from explicit.layers.layer import At, Layer, equation, expected, outer, pull_back_into
from explicit.sums import affine


def _gates(W: Array, x: Array, U: Array, h: Array, b: Array) -> Array:
    """((b + W x) + U h), each sum from left to right."""
    return affine(U, h, affine(W, x, b[:, np.newaxis]))


class _Cell(Layer):
    stacked = 1

    def __init__(self, inputs: int, units: int) -> None:
        self.inputs, self.units = inputs, units

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Wx (gates, inputs), Wh (gates, units), b (gates,), gates stacked."""
        rows = self.stacked * self.units
        return {"Wx": (rows, self.inputs), "Wh": (rows, self.units), "b": (rows,)}

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """(units,) from x (inputs,) and what the step before left, (units,)."""
        for name, shape, size in zip(self.reads, shapes, (self.inputs, self.units, self.units), strict=False):
            if shape != (size,):
                raise expected(f"{name} of shape ({size},)", shape)
        return (self.units,)

    def slices(self, array: Array) -> list[Array]:
        """The stacked gates one by one."""
        return [array[i * self.units : (i + 1) * self.units] for i in range(self.stacked)]


class RNNCell(_Cell):
    """z = b + Wx x + Wh h, h′ = tanh z.  Source: Elman, Cognitive Science 14 (1990)."""

    reads = ("x", "h")
    makes = ("z", "y")
    parameters = ("Wx", "Wh", "b")

    def forward(self, at: At) -> None:
        """Inputs before the state."""
        at.z = _gates(at.Wx, at.x, at.Wh, at.h, at.b)
        at.y = apply("tanh", at.z)

    @equation("z", "δᶻ = δʰ ⊙ (1 − h²)")
    def slope(self, at: At) -> None:
        """tanh′ in its own value."""
        at.d.z += at.d.y * (1 - at.y * at.y)

    @equation("h", "δʰ of the step before += Whᵀδᶻ")
    def bp2_h(self, at: At) -> None:
        """Units from the last to the first."""
        pull_back_into(at.d.h, at.Wh, at.d.z)

    @equation("x", "δˣ = Wxᵀδᶻ")
    def bp2_x(self, at: At) -> None:
        """Units from the last to the first."""
        pull_back_into(at.d.x, at.Wx, at.d.z)

    @equation("b", "∂C/∂b += δᶻ")
    def bp3(self, at: At) -> None:
        """Steps from the last to the first, since the pass comes by them so."""
        at.d.b.add(at.d.z)

    @equation("Wx", "∂C/∂Wx += δᶻ xᵀ")
    def bp4_x(self, at: At) -> None:
        """As for b."""
        at.d.Wx.add(outer(at.d.z, at.x))

    @equation("Wh", "∂C/∂Wh += δᶻ hᵀ")
    def bp4_h(self, at: At) -> None:
        """As for b; h is the state before the step."""
        at.d.Wh.add(outer(at.d.z, at.h))


class LSTMCell(_Cell):
    """z = b + Wx x + Wh h stacked (i, f, g, o); i, f, o = σ(z), g = tanh z; c′ = f c + i g; h′ = o tanh c′.

    Two things go to the next step: its output h′ (y), and c′.
    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997); with a forget gate, Gers et al. 2000.
    """

    stacked = 4
    reads = ("x", "h", "c")
    makes = ("z", "u", "c_new", "t", "y")
    parameters = ("Wx", "Wh", "b")

    def forward(self, at: At) -> None:
        """u holds the gates, t = tanh c′."""
        at.z = _gates(at.Wx, at.x, at.Wh, at.h, at.b)
        i, f, g, o = self.slices(at.z)
        at.u = np.concatenate([apply("sigmoid", i), apply("sigmoid", f), apply("tanh", g), apply("sigmoid", o)])
        i, f, g, o = self.slices(at.u)
        at.c_new = f * at.c + i * g
        at.t = apply("tanh", at.c_new)
        at.y = o * at.t

    @equation("t", "δᵗ = δʰ ⊙ o")
    def squashed(self, at: At) -> None:
        """o is a factor of h′."""
        at.d.t += at.d.y * self.slices(at.u)[3]

    @equation("c_new", "δᶜ′ = (from the step after) + δᵗ ⊙ (1 − t²)")
    def cell(self, at: At) -> None:
        """What the step after read of c′ has come first."""
        at.d.c_new += at.d.t * (1 - at.t * at.t)

    @equation("c", "δᶜ = δᶜ′ ⊙ f")
    def bp2_c(self, at: At) -> None:
        """The path along which δ reaches far back."""
        at.d.c += at.d.c_new * self.slices(at.u)[1]

    @equation("u", "δⁱ = δᶜ′g, δᶠ = δᶜ′c, δᵍ = δᶜ′i, δᵒ = δʰ t")
    def gates(self, at: At) -> None:
        """Stacked as z is."""
        i, _, g, _ = self.slices(at.u)
        at.d.u += np.concatenate([at.d.c_new * g, at.d.c_new * at.c, at.d.c_new * i, at.d.y * at.t])

    @equation("z", "δᶻ = δᵘ ⊙ σ′ (for g: tanh′)")
    def slope(self, at: At) -> None:
        """u(1 − u) for σ, 1 − u² for tanh."""
        i, f, g, o = self.slices(at.u)
        at.d.z += at.d.u * np.concatenate([i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)])

    bp2_h, bp2_x = RNNCell.bp2_h, RNNCell.bp2_x
    bp3, bp4_x, bp4_h = RNNCell.bp3, RNNCell.bp4_x, RNNCell.bp4_h


class GRUCell(_Cell):
    """r, u = σ(b + Wx x + Wh h), stacked; q = c + Vx x + Vh (r ⊙ h), n = tanh q; h′ = (1 − u) n + u h.

    Source: Cho et al., "Learning phrase representations", EMNLP 2014 (reset before the product).
    """

    stacked = 2
    reads = ("x", "h")
    makes = ("z", "s", "rh", "q", "n", "y")
    parameters = ("Wx", "Wh", "b", "Vx", "Vh", "c")
    biases = ("b", "c")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Wx, Wh and b for the two gates, Vx, Vh and c for the candidate state n."""
        n, m = self.units, self.inputs
        return {**super().shapes(), "Vx": (n, m), "Vh": (n, n), "c": (n,)}

    def forward(self, at: At) -> None:
        """s holds the gates, rh = r ⊙ h."""
        at.z = _gates(at.Wx, at.x, at.Wh, at.h, at.b)
        at.s = apply("sigmoid", at.z)
        r, u = self.slices(at.s)
        at.rh = r * at.h
        at.q = _gates(at.Vx, at.x, at.Vh, at.rh, at.c)
        at.n = apply("tanh", at.q)
        at.y = (1 - u) * at.n + u * at.h

    @equation("h", "δʰ of the step before += δ ⊙ u")
    def bp2_kept(self, at: At) -> None:
        """What was kept of the state."""
        at.d.h += at.d.y * self.slices(at.s)[1]

    @equation("n", "δⁿ = δ ⊙ (1 − u)")
    def candidate(self, at: At) -> None:
        """What is new in the state."""
        at.d.n += at.d.y * (1 - self.slices(at.s)[1])

    @equation("q", "δ^q = δⁿ ⊙ (1 − n²)")
    def candidate_slope(self, at: At) -> None:
        """tanh′ in its own value."""
        at.d.q += at.d.n * (1 - at.n * at.n)

    @equation("rh", "δʳʰ = Vhᵀδ^q")
    def reset_state(self, at: At) -> None:
        """Units from the last to the first."""
        pull_back_into(at.d.rh, at.Vh, at.d.q)

    @equation("s", "δʳ = δʳʰ ⊙ h, δᵘ = δ ⊙ h − δ ⊙ n")
    def gates(self, at: At) -> None:
        """Stacked as z is."""
        at.d.s += np.concatenate([at.d.rh * at.h, at.d.y * at.h + -(at.d.y * at.n)])

    @equation("z", "δᶻ = δˢ ⊙ s(1 − s)")
    def slope(self, at: At) -> None:
        """σ′ in its own value."""
        at.d.z += at.d.s * (at.s * (1 - at.s))

    @equation("h", "δʰ of the step before += δʳʰ ⊙ r, += Whᵀδᶻ")
    def bp2_h(self, at: At) -> None:
        """The product before the gates."""
        at.d.h += at.d.rh * self.slices(at.s)[0]
        pull_back_into(at.d.h, at.Wh, at.d.z)

    @equation("x", "δˣ = Vxᵀδ^q + Wxᵀδᶻ")
    def bp2_x(self, at: At) -> None:
        """The candidate before the gates."""
        pull_back_into(at.d.x, at.Vx, at.d.q)
        pull_back_into(at.d.x, at.Wx, at.d.z)

    @equation("c", "∂C/∂c += δ^q")
    def bp3_candidate(self, at: At) -> None:
        """One term a step."""
        at.d.c.add(at.d.q)

    @equation("Vx", "∂C/∂Vx += δ^q xᵀ")
    def bp4_candidate_x(self, at: At) -> None:
        """One term a step."""
        at.d.Vx.add(outer(at.d.q, at.x))

    @equation("Vh", "∂C/∂Vh += δ^q (r ⊙ h)ᵀ")
    def bp4_candidate_h(self, at: At) -> None:
        """One term a step."""
        at.d.Vh.add(outer(at.d.q, at.rh))

    bp3, bp4_x, bp4_h = RNNCell.bp3, RNNCell.bp4_x, RNNCell.bp4_h
