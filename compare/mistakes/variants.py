"""The numbers of one layer, and the ways in which a mistake fills a part of the four equations.

    δˡ = scale · (error ⊙ slope)      error: ∇ₐC at the output (BP1), (Wˡ⁺¹)ᵀδˡ⁺¹ below (BP2); slope: σ′(zˡ)
    ∂C/∂bˡ = nabla_b(δˡ)              BP3, summed over the samples
    ∂C/∂wˡ = nabla_w(δˡ, aˡ⁻¹)        BP4, summed over the samples

What a mistake can change is a *slot*; `SLOTS` lists them in the order in which the equations use them, so that a
mistake sees what the slots before it hold, and two mistakes can be made in one expression (σ′ of a, twice).  A
variant is a function of the layer's own numbers (`At`) that gives what fills a slot instead; it returns a list,
since some mistakes can be made in several ways, and some not at all.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.mistakes.slots import At
from explicit import Activation, Cost
from explicit.elementwise import Array

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


def for_sigma(rows: tuple[Activation, ...], variant: Variant) -> Variant:
    """A variant for these activations."""
    return lambda at: variant(at) if at.of.functions[at.slope_layer - 2].row in rows else []


def for_cost(cost: Cost, variant: Variant) -> Variant:
    """A variant of BP1 for one cost."""
    return lambda at: variant(at) if at.is_output and at.of.cost.row == cost else []


def other_layers(at: At) -> list[int]:
    """The other layers where z has the same shape, the next and the previous one first."""
    others = sorted({*range(2, at.of.last + 1)} - {at.layer}, key=lambda layer: (abs(layer - at.layer), -layer))
    return [layer for layer in others if at.of.zs[layer - 2].shape == at.z.shape]


def a_for_z(at: At) -> list[tuple[Array, Array]]:
    """(a, σ(a)) in the place of (z, a)."""
    a = at.argument[1]
    return [(a, at.of.functions[at.slope_layer - 2].function(a))]


def slope_at_kink(at: At) -> list[Array]:
    """σ′ with another σ′(0): the one that was measured; else 1 (from the right), or ½."""
    kinks, z = at.of.kinks, at.argument[0]
    constants = [kinks[at.slope_layer]] if at.slope_layer in kinks else [1, one_over(at, 2)]
    made = [at.slope.copy() for _ in constants]
    for place in np.ndindex(z.shape):
        if z[place] == 0:
            for slope, constant in zip(made, constants, strict=True):
                slope[place] = constant
    return made


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
