"""The slots of the equations: the places at which a mistake can be made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from explicit import Activation, Cost, bp3, bp4
from explicit.elementwise import Array
from explicit.sums import pull_back

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
    kinks:                by layer, the σ′(0) that somebody's code takes, where that was measured
    """

    weights: list[Array]
    biases: list[Array]
    zs: list[Array]
    activations: list[Array]
    y: Array
    functions: list[Activation]
    cost: Cost
    eta: Any = None
    kinks: Mapping[int, Any] = field(default_factory=dict)

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


def regularised(nabla: Array, own: Array, decay: Any) -> Array:
    """∂C/∂w + λw; a gradient of another shape than its w stays as it is."""
    return nabla + own * decay if decay and nabla.shape == own.shape else nabla


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
