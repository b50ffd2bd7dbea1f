"""The catalogue of mistakes in backpropagation, each of a few lines.

One definition serves both uses: the diagnosis evaluates the variant on somebody's numbers, and the lab
(`compare.mistakes.lab.mistaken`) computes with it.
"""

from dataclasses import dataclass

from compare.mistakes.slots import SLOTS
from compare.mistakes.variants import (
    Variant,
    a_for_z,
    at_output,
    below_output,
    deltas_of_other_layers,
    for_cost,
    for_sigma,
    full,
    inverse_times,
    last_only,
    not_transposed,
    one_over,
    one_over_eta,
    one_over_outputs,
    ones,
    other_inputs,
    other_layers,
    other_weights,
    slope_at_kink,
    spread_targets,
    units_summed,
    updated_weights,
    z_of_input,
)
from explicit import bp1, bp2, bp3, bp4
from explicit.activations import leaky_relu, relu, sigmoid, tanh
from explicit.costs import cross_entropy, quadratic


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

SHORTCUT = "δᴸ = a − y"

CATALOGUE: tuple[Mistake, ...] = (
    Mistake(
        "no-sigma-prime-bp1", "BP1", "σ′ is left out at the output.", "δᴸ = ∇ₐC",
        "Multiply ∇ₐC by σ′(zᴸ), element by element.", "slope", at_output(ones),
    ),
    Mistake(
        "no-sigma-prime-bp2", "BP2", "σ′ is left out below the output.", "δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹",
        "Multiply (Wˡ⁺¹)ᵀδˡ⁺¹ by σ′(zˡ), element by element.", "slope", below_output(ones),
    ),
    Mistake(
        "no-sigma-prime", "BP1, BP2", "σ′ is left out everywhere.", "δᴸ = ∇ₐC;  δˡ = (Wˡ⁺¹)ᵀδˡ⁺¹",
        "Multiply by σ′(z) in BP1 and in BP2.", "slope", ones,
        parts=("no-sigma-prime-bp1", "no-sigma-prime-bp2"),
    ),
    Mistake(
        "cross-entropy-shortcut", "BP1", "a − y is the δᴸ of cross-entropy with sigmoid, not of this cost.",
        SHORTCUT, "With the quadratic cost δᴸ = (a − y) ⊙ σ′(zᴸ).", "delta",
        for_cost(quadratic, lambda at: [at.a - at.of.y]),
    ),
    Mistake(
        "quadratic-delta", "BP1", "(a − y) σ′ is the δᴸ of the quadratic cost, not of cross-entropy.",
        "δᴸ = (a − y) ⊙ σ′(zᴸ)", "With cross-entropy and sigmoid σ′ cancels: δᴸ = a − y.", "error",
        for_cost(cross_entropy, lambda at: [at.a - at.of.y]),
    ),
    Mistake(
        "y-minus-a", "BP1", "The difference is taken the wrong way round.", "δᴸ = (y − a) ⊙ σ′(zᴸ)",
        "∂C/∂a = a − y: output minus target.", "scale", at_output(lambda at: [-1]),
    ),
    Mistake(
        "sign-reversed", "BP1, BP2", "All gradients have the opposite sign: the direction of descent.",
        "−∂C/∂b, −∂C/∂w", "Return the gradient, and subtract it in the update.", "scale",
        at_output(lambda at: [-1]),
    ),
    Mistake(
        "factor-two", "BP1", "δᴸ is twice as large: C = Σ(a − y)² was differentiated, without the ½.",
        "δᴸ = 2 ∇ₐC ⊙ σ′(zᴸ)", "C = ½ Σ(a − y)²: the 2 and the ½ cancel.", "scale", at_output(lambda at: [2]),
    ),
    Mistake(
        "factor-half", "BP1", "δᴸ is half as large: the ½ of the cost was kept, the 2 of the square was not.",
        "δᴸ = ½ ∇ₐC ⊙ σ′(zᴸ)", "∂/∂a of ½(a − y)² is a − y.", "scale", at_output(lambda at: [one_over(at, 2)]),
    ),
    Mistake(
        "mean-over-outputs", "BP1", "The cost was averaged over the output units.", "δᴸ = (1/n_L) ∇ₐC ⊙ σ′(zᴸ)",
        "C is a sum over the outputs; use sum, and not mean.", "scale", at_output(one_over_outputs),
    ),
    Mistake(
        "y-broadcast", "BP1", "A (n,) and a (n, 1) array were broadcast into a matrix, and that was summed.",
        "δᴸⱼ = Σᵢ (aⱼ − yᵢ) σ′(zᴸⱼ)", "Give a and y one shape: reshape y to (n, 1).", "error",
        for_cost(quadratic, spread_targets),
    ),
    Mistake(
        "sigma-prime-of-a", "BP1, BP2", "σ′ is taken at a instead of z.", "δ = … ⊙ σ′(a)",
        "σ′ is a function of z; written in a it is another formula (a(1 − a) for the sigmoid).", "argument", a_for_z,
    ),
    Mistake(
        "sigma-prime-twice", "BP1, BP2", "σ′ is applied twice.", "δ = … ⊙ σ′(z) ⊙ σ′(z)",
        "One σ′ belongs to each layer; look where else it is multiplied in.", "power",
        lambda at: [at.slope * at.slope],
    ),
    Mistake(
        "sigma-for-sigma-prime", "BP1, BP2", "σ stands where σ′ belongs.", "δ = … ⊙ σ(z)",
        "Use the derivative σ′(z).", "slope", lambda at: [at.argument[1]],
    ),
    Mistake(
        "sigma-prime-of-wrong-layer", "BP1, BP2", "σ′ is taken at the z of another layer.", "δˡ = … ⊙ σ′(zˡ±¹)",
        "δˡ needs σ′ at zˡ, of the same layer.", "slope_layer", other_layers,
    ),
    Mistake(
        "tanh-prime-one-minus-a", "BP1, BP2", "tanh′ is computed as 1 − a.", "δ = … ⊙ (1 − a)",
        "tanh′(z) = 1 − a².", "slope", for_sigma((tanh,), lambda at: [1 - at.argument[1]]),
    ),
    Mistake(
        "sigmoid-prime-of-z", "BP1, BP2", "The sigmoid's a(1 − a) is computed with z.", "δ = … ⊙ z(1 − z)",
        "σ′(z) = σ(z)(1 − σ(z)).", "slope", for_sigma((sigmoid,), lambda at: [at.argument[0] * (1 - at.argument[0])]),
    ),
    Mistake(
        "relu-prime-at-zero", "BP1, BP2", "At the kink z = 0 σ′ is another number than here: relu′(0) = 0.",
        "relu′(0) = 1, or another constant",
        "Use z > 0. (A convention, but the usual one: PyTorch's and JAX's.)", "slope",
        for_sigma((relu, leaky_relu), slope_at_kink),
    ),
    Mistake(
        "w-not-transposed", "BP2", "W is not transposed.", "δˡ = (Wˡ⁺¹ δˡ⁺¹) ⊙ σ′(zˡ)",
        "Going backward the matrix is transposed: W.T @ delta.", "error", below_output(not_transposed),
    ),
    Mistake(
        "w-inverted", "BP2", "W is inverted instead of transposed.", "δˡ = ((Wˡ⁺¹)⁻¹ δˡ⁺¹) ⊙ σ′(zˡ)",
        "The chain rule transposes; nothing is inverted.", "error", below_output(inverse_times),
    ),
    Mistake(
        "w-of-wrong-layer", "BP2", "The weights of another layer are used.", "δˡ = ((Wᵐ)ᵀδˡ⁺¹) ⊙ σ′(zˡ), m ≠ l + 1",
        "δˡ⁺¹ goes back through the weights that lead to layer l + 1.", "matrix", below_output(other_weights),
    ),
    Mistake(
        "updated-w", "BP2", "The weights were updated before δ went back through them.",
        "δˡ = ((Wˡ⁺¹ − η ∂C/∂wˡ⁺¹)ᵀδˡ⁺¹) ⊙ σ′(zˡ)", "Compute all gradients first, then update.", "matrix",
        below_output(updated_weights),
    ),
    Mistake(
        "delta-overwritten", "BP2", "δ of a shared unit is overwritten instead of accumulated: = for +=.",
        "δˡⱼ = wₙⱼ δₙ σ′(zˡⱼ), of the last unit n alone", "Add over all units of the next layer: +=.", "error",
        below_output(last_only),
    ),
    Mistake(
        "bp2-sign", "BP2", "The sign changes between the layers.", "δˡ = −((Wˡ⁺¹)ᵀδˡ⁺¹) ⊙ σ′(zˡ)",
        "BP2 has no minus.", "scale", below_output(lambda at: [-1]),
    ),
    Mistake(
        "bias-forgotten", "BP3", "The bias gradient is left 0.", "∂C/∂b = 0", "∂C/∂b = δ.", "nabla_b",
        lambda at: [full(at.nabla_b, 0)],
    ),
    Mistake(
        "bias-halved", "BP3", "The bias gradient is half of δ.", "∂C/∂b = ½ δ", "∂C/∂b = δ.", "half",
        lambda at: [at.nabla_b * one_over(at, 2)],
    ),
    Mistake(
        "bias-summed-over-units", "BP3", "δ is summed over the units instead of the samples.",
        "∂C/∂bⱼ = Σᵢ δᵢ", "Sum over the samples (axis=1 with samples in columns), and not over units.",
        "nabla_b", units_summed,
    ),
    Mistake(
        "delta-of-wrong-layer", "BP4", "δ of another layer is used.", "∂C/∂wˡ = δˡ±¹ (aˡ⁻¹)ᵀ",
        "∂C/∂wˡ takes δˡ and aˡ⁻¹.", "source", deltas_of_other_layers,
    ),
    Mistake(
        "a-of-wrong-layer", "BP4", "a of another layer is used.", "∂C/∂wˡ = δˡ (aᵐ)ᵀ, m ≠ l − 1",
        "∂C/∂wˡ takes the activations that go into layer l: aˡ⁻¹.", "input_layer", other_inputs,
    ),
    Mistake(
        "z-for-a", "BP4", "z stands where a belongs.", "∂C/∂wˡ = δˡ (zˡ⁻¹)ᵀ",
        "What goes into layer l is aˡ⁻¹ = σ(zˡ⁻¹).", "input", z_of_input,
    ),
    Mistake(
        "bp4-transposed", "BP4", "The product is transposed.", "∂C/∂wˡ = aˡ⁻¹ (δˡ)ᵀ",
        "δ aᵀ has the shape of W: np.dot(delta, a.T).", "nabla_w", lambda at: [at.nabla_w.T],
    ),
    Mistake(
        "nabla-w-doubled", "BP4", "∂C/∂w is twice as large, and δ is right.", "∂C/∂wˡ = 2 δˡ (aˡ⁻¹)ᵀ",
        "∂C/∂w is δ aᵀ; in an update, subtract it once.", "nabla_w_twice", lambda at: [at.nabla_w * 2],
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
        lambda at: one_over_eta(at) if at.is_output else [],
    ),
)  # fmt: skip

catalogue: dict[str, Mistake] = {m.name: m for m in CATALOGUE}
"""All mistakes by name."""

IN_EQUATIONS = tuple(m for m in CATALOGUE if m.slot in SLOTS and not m.parts)
"""The mistakes that are made within a layer's equations."""


def find(name: str) -> Mistake:
    """The mistake of that name.

    Raises
    ------
    ValueError
        There is none; the message lists all.
    """
    if name not in catalogue:
        raise ValueError(f"name: expected one of {', '.join(catalogue)}; got {name!r}")
    return catalogue[name]
