"""The catalogue of mistakes in backpropagation, each one small record.

A record says which *slot* of the four equations it fills with something else:

    δˡ = scale · error ⊙ slope        error: ∇ₐC at the output (BP1), (Wˡ⁺¹)ᵀδˡ⁺¹ below (BP2); slope: σ′(zˡ)
    ∂C/∂bˡ = nabla_b(δˡ)              BP3, summed over the samples
    ∂C/∂wˡ = nabla_w(δˡ, aˡ⁻¹)        BP4, summed over the samples

and how, as a function of the layer's own numbers (`At`).  One definition serves both uses: the diagnosis
evaluates it on somebody's numbers, and the lab (`mistaken`) computes with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from explicit import Activation, Cost, Network, bp1, bp2, bp3, bp4
from explicit.sums import pull_back

Array = npt.NDArray[Any]


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


@dataclass(frozen=True, eq=False)
class At:
    """One layer of a pass, with what comes from above.

    delta_next, nabla_w_next:  δˡ⁺¹ and ∂C/∂wˡ⁺¹ (None at the output)
    delta:                     δˡ, once it is known: for BP3 and BP4
    """

    of: Pass
    layer: int
    delta_next: Array | None = None
    nabla_w_next: Array | None = None
    delta: Array | None = None

    @property
    def is_output(self) -> bool:
        """Whether this is layer L, where BP1 holds."""
        return self.layer == self.of.last

    @property
    def name(self) -> str:
        """σ's name."""
        return self.of.functions[self.layer - 2].name

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
    def a_below(self) -> Array:
        """aˡ⁻¹."""
        return self.of.activations[self.layer - 2]

    @property
    def above(self) -> Array:
        """Wˡ⁺¹."""
        return self.of.weights[self.layer - 1]

    @cached_property
    def slope(self) -> Array:
        """σ′(zˡ)."""
        return self.of.slope(self.layer)

    @cached_property
    def error(self) -> Array:
        """∇ₐC at the output, (Wˡ⁺¹)ᵀδˡ⁺¹ below."""
        if self.is_output:
            return self.of.cost.gradient(self.a, self.of.y)
        assert self.delta_next is not None
        return pull_back(self.above, self.delta_next)

    @property
    def nabla_b(self) -> Array:
        """∂C/∂bˡ by BP3 from `delta`."""
        assert self.delta is not None
        return bp3(self.delta)

    @property
    def nabla_w(self) -> Array:
        """∂C/∂wˡ by BP4 from `delta`."""
        assert self.delta is not None
        return bp4(self.a_below, self.delta)


Variant = Callable[[At], Sequence[Any]]


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    name:      how the command line and `mistaken` call it
    equation:  where it is made: "BP1", "BP1, BP2", …, "batch", "update", "C" (regularisation), "code"
    sentence:  what it is
    formula:   what is computed instead
    hint:      the fix in words
    slot:      which part of the equations it fills; see the module
    variant:   what it fills the slot with, as a list: several where the mistake can be made in several
               ways; empty where it cannot be made
    parts:     of a mistake made of others: their names
    """

    name: str
    equation: str
    sentence: str
    formula: str
    hint: str
    slot: str = ""
    variant: Variant = lambda at: []
    parts: tuple[str, ...] = ()

    @property
    def right(self) -> str:
        """The formula as it should be."""
        tags = self.equation.split(", ")
        return ";  ".join(RIGHT[tag] for tag in tags if tag in RIGHT)


RIGHT = {
    **{e.tag: e.formula for e in (bp1, bp2, bp3, bp4)},
    "batch": "∂C/∂b = Σₓ δ, ∂C/∂w = Σₓ δ aᵀ (declared as a mean: divided by the number of samples)",
    "update": "W → W − η ∂C/∂W, b → b − η ∂C/∂b",
    "C": "∂/∂w (C + λ/2 Σ w²) = ∂C/∂w + λ w;  biases are not regularised",
}


# -- ways to fill a slot ---------------------------------------------------------------------------


def _ones(at: At) -> list[Array]:
    return [_full(at.z, 1)]


def _full(like: Array, number: int) -> Array:
    made = np.empty(like.shape, dtype=like.dtype)
    made.fill(number)
    return made


def _output(variant: Variant) -> Variant:
    return lambda at: variant(at) if at.is_output else []


def _hidden(variant: Variant) -> Variant:
    return lambda at: [] if at.is_output else variant(at)


def _of_sigma(names: tuple[str, ...], variant: Variant) -> Variant:
    return lambda at: variant(at) if at.name in names else []


def _of_cost(name: str, variant: Variant) -> Variant:
    return lambda at: variant(at) if at.is_output and at.of.cost.name == name else []


def _other_slopes(at: At) -> list[Array]:
    others = [layer for layer in (at.layer + 1, at.layer - 1) if 2 <= layer <= at.of.last]
    return [at.of.slope(layer) for layer in others if at.of.zs[layer - 2].shape == at.z.shape]


def _from_above(matrix: Callable[[At], Array | None]) -> Variant:
    """(Matrix)·δˡ⁺¹ where the shapes fit."""

    def variant(at: At) -> list[Array]:
        if at.is_output or at.delta_next is None:
            return []
        M = matrix(at)
        if M is None or M.shape != (at.z.shape[0], at.delta_next.shape[0]):
            return []
        return [M @ at.delta_next]

    return variant


def _other_weights(at: At) -> list[Array]:
    """(Wᵐ)ᵀδˡ⁺¹ for every other layer m."""
    others = [m for i, m in enumerate(at.of.weights) if i != at.layer - 1]
    return [made for W in others for made in _from_above(lambda at, W=W: W.T)(at)]  # type: ignore[misc]


def _updated(at: At) -> Array | None:
    if at.of.eta is None or at.nabla_w_next is None or at.nabla_w_next.shape != at.above.shape:
        return None
    return (at.above - at.nabla_w_next * at.of.eta).T


def _inverse_times(at: At) -> list[Array]:
    """W⁻¹δˡ⁺¹ by elimination, on numbers of any kind."""
    if at.is_output or at.delta_next is None or at.above.shape[0] != at.above.shape[1]:
        return []
    rows = [[*w, *d] for w, d in zip(at.above.tolist(), at.delta_next.tolist(), strict=True)]
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
    made = np.empty(at.delta_next.shape, dtype=np.result_type(at.above.dtype, at.delta_next.dtype))
    for i, row in enumerate(rows):
        made[i, :] = row[n:]
    return [made]


def _last_only(at: At) -> list[Array]:
    assert at.delta_next is not None
    return [at.above[-1:, :].T * at.delta_next[-1:, :]] if len(at.above) > 1 else []


def _spread_targets(at: At) -> list[Array]:
    """Σᵢ (aⱼ − yᵢ): what a (n, 1) minus a (n,) is, when its matrix is summed again."""
    n = at.a.shape[0]
    return [n * at.a - at.of.y.sum(axis=0, keepdims=True)] if n > 1 else []


def _deltas_of_other_layers(at: At) -> list[Array]:
    assert at.delta is not None
    found = [] if at.delta_next is None else [at.delta_next]
    if at.layer > 2:
        found.append((at.of.weights[at.layer - 2].T @ at.delta) * at.of.slope(at.layer - 1))
    return [bp4(at.a_below, d) for d in found if d.shape == at.delta.shape]


def _other_activations(at: At) -> list[Array]:
    others = [a for i, a in enumerate(at.of.activations) if i != at.layer - 2]
    return [bp4(a, _delta(at)) for a in others if a.shape == at.a_below.shape]


def _z_below(at: At) -> list[Array]:
    return [bp4(at.of.zs[at.layer - 3], _delta(at))] if at.layer > 2 else []


def _delta(at: At) -> Array:
    assert at.delta is not None
    return at.delta


def _units_summed(at: At) -> list[Array]:
    total = at.nabla_b.sum(axis=0, keepdims=True)
    repeated = np.empty(at.nabla_b.shape, dtype=total.dtype)
    repeated[...] = total
    return [repeated, total]


def _at_kink(at: At) -> list[Array]:
    """σ′ with σ′(0) taken from the right."""
    made = at.slope.copy()
    for place in np.ndindex(at.z.shape):
        if at.z[place] >= 0:
            made[place] = 1
    return [made]


def _nth(at: At) -> list[Any]:
    n = at.a.shape[0]
    return [_over(at, n)] if n > 1 else []


def _over(at: At, n: Any) -> Any:
    """1/n, exact where the numbers are."""
    one = at.a.flat[0] * 0 + 1
    return one / n


def _over_eta(at: At) -> list[Any]:
    return [] if at.of.eta is None else [_over(at, at.of.eta)]


SHORTCUT = "δᴸ = a − y"

CATALOGUE: tuple[Mistake, ...] = (
    Mistake(
        "no-sigma-prime-bp1", "BP1", "σ′ is left out at the output.", "δᴸ = ∇ₐC",
        "Multiply ∇ₐC by σ′(zᴸ), element by element.", "slope", _output(_ones),
    ),
    Mistake(
        "no-sigma-prime-bp2", "BP2", "σ′ is left out below the output.", "δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹",
        "Multiply (Wˡ⁺¹)ᵀδˡ⁺¹ by σ′(zˡ), element by element.", "slope", _hidden(_ones),
    ),
    Mistake(
        "no-sigma-prime", "BP1, BP2", "σ′ is left out everywhere.", "δᴸ = ∇ₐC;  δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹",
        "Multiply by σ′(z) in BP1 and in BP2.", "slope", _ones,
        parts=("no-sigma-prime-bp1", "no-sigma-prime-bp2"),
    ),
    Mistake(
        "cross-entropy-shortcut", "BP1", "a − y is the δᴸ of cross-entropy with sigmoid, not of this cost.",
        SHORTCUT, "With the quadratic cost δᴸ = (a − y) ⊙ σ′(zᴸ).", "delta",
        _of_cost("quadratic", lambda at: [at.a - at.of.y]),
    ),
    Mistake(
        "quadratic-delta", "BP1", "(a − y) σ′ is the δᴸ of the quadratic cost, not of cross-entropy.",
        "δᴸ = (a − y) ⊙ σ′(zᴸ)", "With cross-entropy and sigmoid σ′ cancels: δᴸ = a − y.", "error",
        _of_cost("cross_entropy", lambda at: [at.a - at.of.y]),
    ),
    Mistake(
        "y-minus-a", "BP1", "The difference is taken the wrong way round.", "δᴸ = (y − a) ⊙ σ′(zᴸ)",
        "∂C/∂a = a − y: output minus target.", "scale", _output(lambda at: [-1]),
    ),
    Mistake(
        "sign-reversed", "BP1, BP2", "All gradients have the opposite sign: the direction of descent.",
        "−∂C/∂b, −∂C/∂w", "Return the gradient, and subtract it in the update.", "scale",
        _output(lambda at: [-1]),
    ),
    Mistake(
        "factor-two", "BP1", "δᴸ is twice as large: C = Σ(a − y)² was differentiated, without the ½.",
        "δᴸ = 2 ∇ₐC ⊙ σ′(zᴸ)", "C = ½ Σ(a − y)²: the 2 and the ½ cancel.", "scale", _output(lambda at: [2]),
    ),
    Mistake(
        "factor-half", "BP1", "δᴸ is half as large: the ½ of the cost was kept, the 2 of the square was not.",
        "δᴸ = ½ ∇ₐC ⊙ σ′(zᴸ)", "∂/∂a of ½(a − y)² is a − y.", "scale", _output(lambda at: [_over(at, 2)]),
    ),
    Mistake(
        "mean-over-outputs", "BP1", "The cost was averaged over the output units.", "δᴸ = (1/n_L) ∇ₐC ⊙ σ′(zᴸ)",
        "C is a sum over the outputs; use sum, and not mean.", "scale", _output(_nth),
    ),
    Mistake(
        "y-broadcast", "BP1", "A (n,) and a (n, 1) array were broadcast into a matrix, and that was summed.",
        "δᴸⱼ = Σᵢ (aⱼ − yᵢ) σ′(zᴸⱼ)", "Give a and y one shape: reshape y to (n, 1).", "error",
        _of_cost("quadratic", _spread_targets),
    ),
    Mistake(
        "sigma-prime-of-a", "BP1, BP2", "σ′ is taken at a instead of z.", "δ = … ⊙ σ′(a)",
        "σ′ is a function of z; written in a it is another formula (a(1 − a) for the sigmoid).", "slope",
        lambda at: [at.sigma.derivative(at.a, at.sigma.function(at.a))],
    ),
    Mistake(
        "sigma-prime-twice", "BP1, BP2", "σ′ is applied twice.", "δ = … ⊙ σ′(z) ⊙ σ′(z)",
        "One σ′ belongs to each layer; look where else it is multiplied in.", "slope",
        lambda at: [at.slope * at.slope],
    ),
    Mistake(
        "sigma-for-sigma-prime", "BP1, BP2", "σ stands where σ′ belongs.", "δ = … ⊙ σ(z)",
        "Use the derivative σ′(z).", "slope", lambda at: [at.a],
    ),
    Mistake(
        "sigma-prime-of-wrong-layer", "BP1, BP2", "σ′ is taken at the z of another layer.", "δˡ = … ⊙ σ′(zˡ±¹)",
        "δˡ needs σ′ at zˡ, of the same layer.", "slope", _other_slopes,
    ),
    Mistake(
        "tanh-prime-one-minus-a", "BP1, BP2", "tanh′ is computed as 1 − a.", "δ = … ⊙ (1 − a)",
        "tanh′(z) = 1 − a².", "slope", _of_sigma(("tanh",), lambda at: [1 - at.a]),
    ),
    Mistake(
        "sigmoid-prime-of-z", "BP1, BP2", "The sigmoid's a(1 − a) is computed with z.", "δ = … ⊙ z(1 − z)",
        "σ′(z) = σ(z)(1 − σ(z)).", "slope", _of_sigma(("sigmoid",), lambda at: [at.z * (1 - at.z)]),
    ),
    Mistake(
        "relu-prime-at-zero", "BP1, BP2", "relu′ is 1 at z = 0, where it is 0 here.", "relu′(z) = 1 if z ≥ 0",
        "Use z > 0. (A convention, but the usual one: PyTorch's and JAX's.)", "slope",
        _of_sigma(("relu", "leaky_relu"), _at_kink),
    ),
    Mistake(
        "w-not-transposed", "BP2", "W is not transposed.", "δˡ = (Wˡ⁺¹ δˡ⁺¹) ⊙ σ′(zˡ)",
        "Going backward the matrix is transposed: W.T @ delta.", "error", _from_above(lambda at: at.above),
    ),
    Mistake(
        "w-inverted", "BP2", "W is inverted instead of transposed.", "δˡ = ((Wˡ⁺¹)⁻¹ δˡ⁺¹) ⊙ σ′(zˡ)",
        "The chain rule transposes; nothing is inverted.", "error", _hidden(_inverse_times),
    ),
    Mistake(
        "w-of-wrong-layer", "BP2", "The weights of another layer are used.", "δˡ = ((Wᵐ)ᵀδˡ⁺¹) ⊙ σ′(zˡ), m ≠ l + 1",
        "δˡ⁺¹ goes back through the weights that lead to layer l + 1.", "error", _hidden(_other_weights),
    ),
    Mistake(
        "updated-w", "BP2", "The weights were updated before δ went back through them.",
        "δˡ = ((Wˡ⁺¹ − η ∂C/∂wˡ⁺¹)ᵀδˡ⁺¹) ⊙ σ′(zˡ)", "Compute all gradients first, then update.", "error",
        _from_above(_updated),
    ),
    Mistake(
        "delta-overwritten", "BP2", "δ of a shared unit is overwritten instead of accumulated: = for +=.",
        "δˡⱼ = wₙⱼ δₙ σ′(zˡⱼ), of the last unit n alone", "Add over all units of the next layer: +=.", "error",
        _hidden(_last_only),
    ),
    Mistake(
        "bp2-sign", "BP2", "The sign changes between the layers.", "δˡ = −((Wˡ⁺¹)ᵀδˡ⁺¹) ⊙ σ′(zˡ)",
        "BP2 has no minus.", "scale", _hidden(lambda at: [-1]),
    ),
    Mistake(
        "bias-forgotten", "BP3", "The bias gradient is left 0.", "∂C/∂b = 0", "∂C/∂b = δ.", "nabla_b",
        lambda at: [_full(at.nabla_b, 0)],
    ),
    Mistake(
        "bias-halved", "BP3", "The bias gradient is half of δ.", "∂C/∂b = ½ δ", "∂C/∂b = δ.", "nabla_b",
        lambda at: [at.nabla_b * _over(at, 2)],
    ),
    Mistake(
        "bias-summed-over-units", "BP3", "δ is summed over the units instead of the samples.",
        "∂C/∂bⱼ = Σᵢ δᵢ", "Sum over the samples (axis=1 with samples in columns), and not over units.",
        "nabla_b", _units_summed,
    ),
    Mistake(
        "delta-of-wrong-layer", "BP4", "δ of another layer is used.", "∂C/∂wˡ = δˡ±¹ (aˡ⁻¹)ᵀ",
        "∂C/∂wˡ takes δˡ and aˡ⁻¹.", "nabla_w", _deltas_of_other_layers,
    ),
    Mistake(
        "a-of-wrong-layer", "BP4", "a of another layer is used.", "∂C/∂wˡ = δˡ (aᵐ)ᵀ, m ≠ l − 1",
        "∂C/∂wˡ takes the activations that go into layer l: aˡ⁻¹.", "nabla_w", _other_activations,
    ),
    Mistake(
        "z-for-a", "BP4", "z stands where a belongs.", "∂C/∂wˡ = δˡ (zˡ⁻¹)ᵀ",
        "What goes into layer l is aˡ⁻¹ = σ(zˡ⁻¹).", "nabla_w", _z_below,
    ),
    Mistake(
        "bp4-transposed", "BP4", "The product is transposed.", "∂C/∂wˡ = aˡ⁻¹ (δˡ)ᵀ",
        "δ aᵀ has the shape of W: np.dot(delta, a.T).", "nabla_w", lambda at: [at.nabla_w.T],
    ),
    Mistake(
        "mean-for-sum", "batch", "The samples are averaged, and a sum was declared.", "(1/m) Σₓ …",
        "Do not divide by the number of samples.", "reduction",
    ),
    Mistake(
        "sum-for-mean", "batch", "The samples are summed, and a mean was declared.", "Σₓ …",
        "Divide by the number of samples.", "reduction",
    ),
    Mistake(
        "averaged-twice", "batch", "The number of samples is divided by twice.", "(1/m²) Σₓ …",
        "Divide once: in the cost, or in the update, or in the gradient.", "reduction",
    ),
    Mistake(
        "reductions-differ", "batch", "∂C/∂b and ∂C/∂w are reduced differently: one summed, one averaged.",
        "∂C/∂b = (1/m) Σₓ …, ∂C/∂w = Σₓ …", "Divide both, or neither.", "reduction",
    ),
    Mistake(
        "last-sample-only", "batch", "Only the last sample counts: = for += in the loop over the samples.",
        "∂C/∂b = δ of the last sample", "Add up over the samples: +=.", "reduction",
    ),
    Mistake(
        "bias-not-summed-over-batch", "batch", "The bias gradient is not summed over the samples.",
        "∂C/∂b = δ, one column per sample", "Sum over the samples: delta.sum(axis=1, keepdims=True).", "reduction",
    ),
    Mistake(
        "activations-averaged", "batch", "Activations are averaged over the batch before δ is computed.",
        "δ of the mean sample", "The mean of products is not the product of means: average gradients.", "forward",
    ),
    Mistake(
        "accumulated-over-calls", "code", "Gradients are added to those of the call before (zero_grad forgotten).",
        "∂C/∂w + what was there", "Set the gradients to zero at the beginning of each call.", "calls",
    ),
    Mistake(
        "nondeterministic", "code", "Two calls with the same numbers give different results.", "…",
        "Look for random numbers, or for state that is kept between calls.", "calls",
    ),
    Mistake(
        "layer-skipped", "code", "A layer is left out: the loop ends one layer too early (or begins too late).",
        "∂C/∂bˡ = 0, ∂C/∂wˡ = 0", "The loop over the layers must reach the first weights too.", "layer",
    ),
    Mistake(
        "float32-inside", "code", "Somewhere float32 is used: the numbers are right to 2⁻²⁴ only.", "float32(…)",
        "Use dtype=np.float64 for every array.", "precision",
    ),
    Mistake(
        "regularisation-missing", "C", "The regularisation term λw is missing.", "∂C/∂w", "Add λw.", "decay",
    ),
    Mistake(
        "regularisation-doubled", "C", "The regularisation term is doubled.", "∂C/∂w + 2λw",
        "λ/2 Σw² has the derivative λw: the 2 and the ½ cancel.", "decay",
    ),
    Mistake(
        "regularisation-on-biases", "C", "The biases are regularised too.", "∂C/∂b + λb",
        "Regularise weights only.", "decay",
    ),
    Mistake(
        "step-ascends", "update", "The update adds the gradient: it climbs.", "W → W + η ∂C/∂W",
        "Subtract η times the gradient.", "scale", lambda at: [-1] if at.is_output and at.of.eta is not None else [],
    ),
    Mistake(
        "eta-forgotten", "update", "The learning rate is left out.", "W → W − ∂C/∂W", "Multiply by η.", "scale",
        lambda at: _over_eta(at) if at.is_output else [],
    ),
)  # fmt: skip

catalogue: dict[str, Mistake] = {m.name: m for m in CATALOGUE}
"""All records by name."""

SLOTS = ("scale", "error", "slope", "delta")


def find(name: str) -> Mistake:
    """The record of that name.

    Raises
    ------
    ValueError
        There is none; the message lists all.
    """
    if name not in catalogue:
        raise ValueError(f"name: expected one of {', '.join(catalogue)}; got {name!r}")
    return catalogue[name]


# -- the lab -----------------------------------------------------------------------------------------


class MistakenNetwork(Network):
    """A network whose backpropagation makes mistakes of the catalogue; see `mistaken`."""

    mistakes: tuple[Mistake, ...] = ()
    at_layers: tuple[int, ...] | None = None
    decay: Any = 0  # λ
    eta: Any = None
    _before: list[list[Array]] | None = None

    def _made(self, slot: str, at: At) -> list[Any]:
        """What fills a slot at a layer: one entry for each mistake that is made there."""
        if self.at_layers is not None and at.layer not in self.at_layers:
            return []
        return [v[0] for m in self.mistakes if m.slot == slot and (v := m.variant(at))]

    def _has(self, name: str) -> bool:
        return any(m.name == name for m in self.mistakes)

    def backprop(self, x: Any, y: Any) -> Any:
        """As `Network.backprop`, with the mistakes.  The record's `deltas`, `nabla_w`, `nabla_b` are wrong."""
        record = super().backprop(x, y)
        y = np.asarray(y, dtype=record.activations[-1].dtype)
        of = Pass(
            record.weights, self.biases, record.zs, record.activations, y, self.activation_functions, self.cost, self.eta
        )
        if self._has("activations-averaged"):
            of = averaged(of)
        deltas, nabla_b, nabla_w = self._backward(of)
        nabla_b, nabla_w = self._reduced(nabla_b, nabla_w, deltas, of)
        if self._has("accumulated-over-calls"):
            if self._before is not None:
                nabla_b, nabla_w = ([a + b for a, b in zip(*two, strict=True)] for two in
                                    zip((nabla_b, nabla_w), self._before, strict=True))  # fmt: skip
            self._before = [nabla_b, nabla_w]
        return replace(record, deltas=deltas, nabla_b=nabla_b, nabla_w=nabla_w)

    def _backward(self, of: Pass) -> tuple[list[Array], list[Array], list[Array]]:
        deltas: list[Array] = []
        nabla_b: list[Array] = []
        nabla_w: list[Array] = []
        for layer in range(of.last, 1, -1):
            at = At(of, layer, deltas[0] if deltas else None, nabla_w[0] if nabla_w else None)
            error, slope = (*self._made("error", at), at.error)[0], (*self._made("slope", at), at.slope)[0]
            delta = (*self._made("delta", at), error * slope)[0]
            for scale in self._made("scale", at):
                delta = delta * scale
            at = replace(at, delta=delta)
            skipped = self._has("layer-skipped") and layer == (min(self.at_layers) if self.at_layers else 2)
            b = (*self._made("nabla_b", at), at.nabla_b)[0]
            w = (*self._made("nabla_w", at), at.nabla_w)[0]
            deltas.insert(0, delta)
            nabla_b.insert(0, b * 0 if skipped else b)
            nabla_w.insert(0, w * 0 if skipped else w)
        return deltas, nabla_b, nabla_w

    def _reduced(
        self, nabla_b: list[Array], nabla_w: list[Array], deltas: list[Array], of: Pass
    ) -> tuple[list[Array], list[Array]]:
        m = of.y.shape[1]
        one = of.y.flat[0] * 0 + 1
        over_b = over_w = one
        if self._has("mean-for-sum"):
            over_b = over_w = one / m
        if self._has("averaged-twice"):
            over_b = over_w = one / m / m
        if self._has("reductions-differ"):
            over_b = one / m
        if self._has("last-sample-only"):
            last = Pass(of.weights, of.biases, [z[:, -1:] for z in of.zs], [a[:, -1:] for a in of.activations],
                        of.y[:, -1:], of.functions, of.cost, of.eta)  # fmt: skip
            _, nabla_b, nabla_w = self._backward(last)
        if self._has("bias-not-summed-over-batch"):
            nabla_b = list(deltas)
        weight = 0 if self._has("regularisation-missing") else 2 if self._has("regularisation-doubled") else 1
        on_biases = 1 if self._has("regularisation-on-biases") else 0
        nabla_w = [_plus(w * over_w, W, weight * self.decay) for w, W in zip(nabla_w, of.weights, strict=True)]
        nabla_b = [_plus(b * over_b, B, on_biases * self.decay) for b, B in zip(nabla_b, of.biases, strict=True)]
        if self._has("nondeterministic"):
            nabla_w = [w * np.random.default_rng().uniform(0.5, 1.5) for w in nabla_w]
        if self._has("float32-inside"):
            nabla_w, nabla_b = ([a.astype(np.float32).astype(np.float64) for a in g] for g in (nabla_w, nabla_b))
        return nabla_b, nabla_w


def _plus(nabla: Array, own: Array, decay: Any) -> Array:
    """∂C/∂w + λw; a gradient of another shape than its w stays as it is."""
    return nabla + own * decay if decay and nabla.shape == own.shape else nabla


def averaged(of: Pass) -> Pass:
    """The pass of one sample whose z, a and y are the means over the batch."""

    def mean(array: Array) -> Array:
        return array.sum(axis=1, keepdims=True) / array.shape[1]

    return replace(of, zs=[mean(z) for z in of.zs], activations=[mean(a) for a in of.activations], y=mean(of.y))


def mistaken(
    network: Network,
    *names: str,
    layers: Sequence[int] | None = None,
    regularisation: float = 0.0,
    eta: float | None = None,
) -> MistakenNetwork:
    """A copy of a network that makes mistakes of the catalogue: to see what number each breaks, and to train.

    Parameters
    ----------
    network : stays as it is; the copy has its parameters
    names : of the mistakes, e.g. "no-sigma-prime"
    layers : where they are made, as in the book (2, …, L); None: wherever they can be
    regularisation : λ of C + λ/2 Σw²; it adds λW to ∂C/∂w
    eta : the learning rate, for mistakes of the update ("updated-w", "eta-forgotten")

    The records "mean-for-sum" and "sum-for-mean" are about what was declared: the copy sums, as the network
    does, or averages ("mean-for-sum").

    Raises
    ------
    TypeError, ValueError
        network is none; a name is unknown; a mistake cannot be made in this network (a W that is not square
        cannot go untransposed, say).

    >>> network = Network([2, 3, 1], seed=1)
    >>> wrong = mistaken(network, "no-sigma-prime-bp1").backprop([[1.0], [0.0]], [[1.0]])
    >>> right = network.backprop([[1.0], [0.0]], [[1.0]])
    >>> bool(wrong.deltas[-1][0, 0] == right.activations[-1][0, 0] - 1)
    True
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit.Network, got {network!r}")
    records = tuple(find(name) for name in names)
    last = len(network.sizes)
    for layer in layers or ():
        if layer not in range(2, last + 1):
            raise ValueError(f"layers: expected layers from 2 to {last}, got {layer}")
    made = MistakenNetwork.__new__(MistakenNetwork)
    vars(made).update(vars(network))
    made._weights = [w.copy() for w in network.weights]
    made._biases = [b.copy() for b in network.biases]
    made.mistakes, made.at_layers = records, tuple(layers) if layers else None
    made.decay, made.eta = regularisation, eta
    for record in records:
        if record.slot in (*SLOTS, "nabla_b", "nabla_w") and not _possible(made, record):
            raise ValueError(f"{record.name}: cannot be made in {network!r}" + (f" at layers {layers}" if layers else ""))
    return made


def _possible(network: MistakenNetwork, record: Mistake) -> bool:
    x, y = np.full((network.sizes[0], 1), 0.5), np.full((network.sizes[-1], 1), 0.5)
    passed = Network.backprop(network, x, y)
    of = Pass(
        passed.weights, network.biases, passed.zs, passed.activations, y,
        network.activation_functions, network.cost, network.eta,
    )  # fmt: skip
    for i, delta in enumerate(passed.deltas):
        layer = i + 2
        above = None if layer == of.last else passed.deltas[i + 1]
        above_w = None if layer == of.last else passed.nabla_w[i + 1]
        if network.at_layers and layer not in network.at_layers:
            continue
        if record.variant(At(of, layer, above, above_w, delta)):
            return True
    return False
