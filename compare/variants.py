"""The numbers of one layer, and the ways in which a mistake fills a part of the four equations.

    δˡ = scale · (error ⊙ slope)      error: ∇ₐC at the output (BP1), (Wˡ⁺¹)ᵀδˡ⁺¹ below (BP2); slope: σ′(zˡ)
    ∂C/∂bˡ = nabla_b(δˡ)              BP3, summed over the samples
    ∂C/∂wˡ = nabla_w(δˡ, aˡ⁻¹)        BP4, summed over the samples

What a mistake can change is a *slot*; `SLOTS` lists them in the order in which the equations use them, so that a
mistake sees what the slots before it hold, and two mistakes can be made in one expression (σ′ of a, twice).  A
variant is a function of the layer's own numbers (`At`) that gives what fills a slot instead; it returns a list,
since some mistakes can be made in several ways, and some not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from explicit import Activation, Cost, bp3, bp4
from explicit.sums import pull_back

Array = npt.NDArray[Any]

DELTA_SLOTS = (
    "slope_layer",  # m, whose zᵐ σ′ is taken of
    "argument",  # (z, a) that σ′ is taken at
    "slope",  # σ′(z)
    "power",  # what is made of the slope
    "matrix",  # Wˡ⁺¹
    "error",
    "delta",  # error ⊙ slope
    "scale",  # a factor; several multiply
)
B_SLOTS = ("nabla_b", "half")
W_SLOTS = ("source", "input_layer", "input", "nabla_w", "nabla_w_twice")  # δ, m of aᵐ, aᵐ, their product
SLOTS = (*DELTA_SLOTS, *B_SLOTS, *W_SLOTS)
_MADE_OF = {
    "slope": {"slope_layer", "argument", "slope", "power"},
    "error": {"matrix", "error"},
    "delta": {*DELTA_SLOTS},
}

@dataclass(frozen=True, eq=False)
class Pass:
    """A forward pass: what the equations read.  Layers are numbered as in the book; lists begin at layer 2.

    weights, biases, zs:  of the layers 2, …, L.  activations: a¹ = x, …, aᴸ.  y: the targets, (n_L, B)
    functions, cost:      σ of each layer, and C.  eta: of a training step, else None
    """

    weights: list[Array]
    biases: list[Array]
    zs: list[Array]
    activations: list[Array]
    y: Array
    functions: list[Activation]
    cost: Cost
    eta: Any = None

    @property
    def last(self) -> int:
        """L."""
        return len(self.weights) + 1

    def slope(self, layer: int) -> Array:
        """σ′(zˡ)."""
        z, a = self.zs[layer - 2], self.activations[layer - 1]
        return self.functions[layer - 2].derivative(z, a)

    def sample(self, s: int) -> "Pass":
        """The pass of one sample of the batch."""
        zs, activations = ([a[:, s : s + 1] for a in some] for some in (self.zs, self.activations))
        return replace(self, zs=zs, activations=activations, y=self.y[:, s : s + 1])


def averaged(of: Pass) -> Pass:
    """The pass of one sample whose z, a and y are the means over the batch."""

    def mean(array: Array) -> Array:
        return array.sum(axis=1, keepdims=True) / array.shape[1]

    return replace(of, zs=[mean(z) for z in of.zs], activations=[mean(a) for a in of.activations], y=mean(of.y))


@dataclass(frozen=True, eq=False)
class At:
    """One layer of a pass, with what comes from above.

    delta_next, nabla_w_next:  δˡ⁺¹ and ∂C/∂wˡ⁺¹ (None at the output)
    made:                      what fills a slot instead of the right thing
    """

    of: Pass
    layer: int
    delta_next: Array | None = None
    nabla_w_next: Array | None = None
    made: Mapping[str, Any] = field(default_factory=dict)

    def put(self, slot: str, value: Any) -> "At":
        """The layer with a slot filled; what that does not change is not computed again."""
        if slot == "scale" and "scale" in self.made:
            value = self.made["scale"] * value
        here = replace(self, made={**self.made, slot: value})
        vars(here).update({n: v for n, v in vars(self).items() if n in _MADE_OF and slot not in _MADE_OF[n]})
        return here

    @property
    def is_output(self) -> bool:
        """Whether this is layer L, where BP1 holds."""
        return self.layer == self.of.last

    @property
    def sigma(self) -> Activation:
        """σ of this layer."""
        return self.of.functions[self.layer - 2]

    @property
    def z(self) -> Array:
        """zˡ."""
        return self.of.zs[self.layer - 2]

    @property
    def a(self) -> Array:
        """aˡ."""
        return self.of.activations[self.layer - 1]

    @property
    def slope_layer(self) -> int:
        """The layer whose σ′ is taken: l."""
        return self.made.get("slope_layer", self.layer)

    @property
    def argument(self) -> tuple[Array, Array]:
        """(z, σ(z)) at which σ′ is taken."""
        layer = self.slope_layer
        return self.made.get("argument", (self.of.zs[layer - 2], self.of.activations[layer - 1]))

    @cached_property
    def slope(self) -> Array:
        """σ′(zˡ)."""
        for slot in ("power", "slope"):
            if slot in self.made:
                return self.made[slot]
        return self.of.functions[self.slope_layer - 2].derivative(*self.argument)

    @property
    def matrix(self) -> Array:
        """Wˡ⁺¹."""
        return self.made.get("matrix", self.of.weights[self.layer - 1])

    @cached_property
    def error(self) -> Array:
        """∇ₐC at the output, (Wˡ⁺¹)ᵀδˡ⁺¹ below."""
        if "error" in self.made:
            return self.made["error"]
        if self.is_output:
            return self.of.cost.gradient(self.a, self.of.y)
        assert self.delta_next is not None
        return pull_back(self.matrix, self.delta_next)

    @cached_property
    def delta(self) -> Array:
        """δˡ: error ⊙ slope."""
        delta = self.made["delta"] if "delta" in self.made else self.error * self.slope
        return delta * self.made["scale"] if "scale" in self.made else delta

    @property
    def nabla_b(self) -> Array:
        """∂C/∂bˡ by BP3."""
        for slot in ("half", "nabla_b"):
            if slot in self.made:
                return self.made[slot]
        return bp3(self.delta)

    @property
    def source(self) -> Array:
        """The δ of BP4: δˡ."""
        return self.made.get("source", self.delta)

    @property
    def input_layer(self) -> int:
        """The layer whose a goes into BP4: l − 1."""
        return self.made.get("input_layer", self.layer - 1)

    @property
    def input(self) -> Array:
        """aˡ⁻¹, which goes into layer l."""
        return self.made.get("input", self.of.activations[self.input_layer - 1])

    @property
    def nabla_w(self) -> Array:
        """∂C/∂wˡ by BP4."""
        for slot in ("nabla_w_twice", "nabla_w"):
            if slot in self.made:
                return self.made[slot]
        return bp4(self.input, self.source)


Variant = Callable[[At], Sequence[Any]]


def ones(at: At) -> list[Array]:
    """1 in the place of σ′."""
    return [full(at.z, 1)]


def full(like: Array, number: int) -> Array:
    """An array of one number, in the shape and kind of another."""
    made = np.empty(like.shape, dtype=like.dtype)
    made.fill(number)
    return made


def at_output(variant: Variant) -> Variant:
    """A variant for layer L alone."""
    return lambda at: variant(at) if at.is_output else []


def below_output(variant: Variant) -> Variant:
    """A variant for the layers below L alone."""
    return lambda at: [] if at.is_output else variant(at)


def for_sigma(names: tuple[str, ...], variant: Variant) -> Variant:
    """A variant for activations of these names."""
    return lambda at: variant(at) if at.of.functions[at.slope_layer - 2].name in names else []


def for_cost(name: str, variant: Variant) -> Variant:
    """A variant of BP1 for one cost."""
    return lambda at: variant(at) if at.is_output and at.of.cost.name == name else []


def other_layers(at: At) -> list[int]:
    """The other layers where z has the same shape, the next and the previous one first."""
    others = sorted({*range(2, at.of.last + 1)} - {at.layer}, key=lambda layer: (abs(layer - at.layer), -layer))
    return [layer for layer in others if at.of.zs[layer - 2].shape == at.z.shape]


def a_for_z(at: At) -> list[tuple[Array, Array]]:
    """(a, σ(a)) in the place of (z, a)."""
    a = at.argument[1]
    return [(a, at.of.functions[at.slope_layer - 2].function(a))]


def slope_at_kink(at: At) -> list[Array]:
    """σ′ with σ′(0) taken from the right."""
    made, z = at.slope.copy(), at.argument[0]
    for place in np.ndindex(z.shape):
        if z[place] >= 0:
            made[place] = 1
    return [made]


def other_weights(at: At) -> list[Array]:
    """Wᵐ of every other layer m, where the shapes fit."""
    others = [m for i, m in enumerate(at.of.weights) if i != at.layer - 1]
    return [m for m in others if m.shape == at.matrix.shape]


def updated_weights(at: At) -> list[Array]:
    """Wˡ⁺¹ − η ∂C/∂wˡ⁺¹, within a training step."""
    if at.of.eta is None or at.nabla_w_next is None or at.nabla_w_next.shape != at.matrix.shape:
        return []
    return [at.matrix - at.nabla_w_next * at.of.eta]


def not_transposed(at: At) -> list[Array]:
    """Wδ, where W is square."""
    return [at.matrix @ at.delta_next] if _is_square(at) else []


def inverse_times(at: At) -> list[Array]:
    """W⁻¹δˡ⁺¹ by elimination, on numbers of any kind."""
    if not _is_square(at):
        return []
    assert at.delta_next is not None
    rows = [[*w, *d] for w, d in zip(at.matrix.tolist(), at.delta_next.tolist(), strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = next((j for j in range(i, n) if rows[j][i] != 0), None)
        if pivot is None:
            return []
        rows[i], rows[pivot] = rows[pivot], rows[i]
        head = [v / rows[i][i] for v in rows[i]]
        rows[i] = head
        for j in range(n):
            if j != i:
                factor = rows[j][i]
                rows[j] = [v - factor * h for v, h in zip(rows[j], head, strict=True)]
    made = np.empty(at.delta_next.shape, dtype=np.result_type(at.matrix.dtype, at.delta_next.dtype))
    for i, row in enumerate(rows):
        made[i, :] = row[n:]
    return [made]


def _is_square(at: At) -> bool:
    return at.matrix.shape[0] == at.matrix.shape[1]


def last_only(at: At) -> list[Array]:
    """wₙⱼ δₙ of the last unit n of the next layer: = for +=."""
    assert at.delta_next is not None
    return [at.matrix[-1:, :].T * at.delta_next[-1:, :]] if len(at.matrix) > 1 else []


def spread_targets(at: At) -> list[Array]:
    """Σᵢ (aⱼ − yᵢ): what a (n, 1) minus a (n,) is, when its matrix is summed again."""
    n = at.a.shape[0]
    return [n * at.a - at.of.y.sum(axis=0, keepdims=True)] if n > 1 else []


def units_summed(at: At) -> list[Array]:
    """Σᵢ δᵢ for each unit, or as the one number that it is."""
    total = at.nabla_b.sum(axis=0, keepdims=True)
    repeated = np.empty(at.nabla_b.shape, dtype=total.dtype)
    repeated[...] = total
    return [repeated, total]


def deltas_of_other_layers(at: At) -> list[Array]:
    """δ of the next or of the previous layer, where the shapes fit."""
    found = [] if at.delta_next is None else [at.delta_next]
    if at.layer > 2:
        found.append((at.of.weights[at.layer - 2].T @ at.delta) * at.of.slope(at.layer - 1))
    return [d for d in found if d.shape == at.delta.shape]


def other_inputs(at: At) -> list[int]:
    """The layers whose a has the shape of aˡ⁻¹."""
    shape = at.input.shape
    return [m for m, a in enumerate(at.of.activations, 1) if m != at.layer - 1 and a.shape == shape]


def z_of_input(at: At) -> list[Array]:
    """zˡ⁻¹ in the place of aˡ⁻¹; the input has no z."""
    return [at.of.zs[at.input_layer - 2]] if at.input_layer > 1 else []


def one_over_outputs(at: At) -> list[Any]:
    """1/n_L, if there are several outputs."""
    n = at.a.shape[0]
    return [one_over(at, n)] if n > 1 else []


def one_over(at: At, n: Any) -> Any:
    """1/n, exact where the numbers are."""
    one = at.a.flat[0] * 0 + 1
    return one / n


def one_over_eta(at: At) -> list[Any]:
    """1/η, within a training step."""
    return [] if at.of.eta is None else [one_over(at, at.of.eta)]
