"""The numbers of one layer, and the ways in which a mistake fills a part of the four equations.

    δˡ = scale · error ⊙ slope        error: ∇ₐC at the output (BP1), (Wˡ⁺¹)ᵀδˡ⁺¹ below (BP2); slope: σ′(zˡ)
    ∂C/∂bˡ = nabla_b(δˡ)              BP3, summed over the samples
    ∂C/∂wˡ = nabla_w(δˡ, aˡ⁻¹)        BP4, summed over the samples

Each part is a *slot*.  A variant is a function of the layer's own numbers (`At`) that gives what fills a slot
instead; it returns a list, since some mistakes can be made in several ways, and some not at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from explicit import Activation, Cost, bp3, bp4
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


def averaged(of: Pass) -> Pass:
    """The pass of one sample whose z, a and y are the means over the batch."""

    def mean(array: Array) -> Array:
        return array.sum(axis=1, keepdims=True) / array.shape[1]

    return replace(of, zs=[mean(z) for z in of.zs], activations=[mean(a) for a in of.activations], y=mean(of.y))


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
        return bp3(delta_of(self))

    @property
    def nabla_w(self) -> Array:
        """∂C/∂wˡ by BP4 from `delta`."""
        return bp4(self.a_below, delta_of(self))


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
    return lambda at: variant(at) if at.name in names else []


def for_cost(name: str, variant: Variant) -> Variant:
    """A variant of BP1 for one cost."""
    return lambda at: variant(at) if at.is_output and at.of.cost.name == name else []


def other_slopes(at: At) -> list[Array]:
    """σ′ at the z of the next and of the previous layer, where the shapes fit."""
    others = [layer for layer in (at.layer + 1, at.layer - 1) if 2 <= layer <= at.of.last]
    return [at.of.slope(layer) for layer in others if at.of.zs[layer - 2].shape == at.z.shape]


def from_above(matrix: Callable[[At], Array | None]) -> Variant:
    """(Matrix)·δˡ⁺¹ where the shapes fit."""

    def variant(at: At) -> list[Array]:
        if at.is_output or at.delta_next is None:
            return []
        M = matrix(at)
        if M is None or M.shape != (at.z.shape[0], at.delta_next.shape[0]):
            return []
        return [M @ at.delta_next]

    return variant


def other_weights(at: At) -> list[Array]:
    """(Wᵐ)ᵀδˡ⁺¹ for every other layer m."""
    others = [m for i, m in enumerate(at.of.weights) if i != at.layer - 1]
    return [made for W in others for made in from_above(lambda at, W=W: W.T)(at)]  # type: ignore[misc]


def updated_weights(at: At) -> Array | None:
    """(Wˡ⁺¹ − η ∂C/∂wˡ⁺¹)ᵀ, within a training step."""
    if at.of.eta is None or at.nabla_w_next is None or at.nabla_w_next.shape != at.above.shape:
        return None
    return (at.above - at.nabla_w_next * at.of.eta).T


def inverse_times(at: At) -> list[Array]:
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


def last_only(at: At) -> list[Array]:
    """wₙⱼ δₙ of the last unit n of the next layer: = for +=."""
    assert at.delta_next is not None
    return [at.above[-1:, :].T * at.delta_next[-1:, :]] if len(at.above) > 1 else []


def spread_targets(at: At) -> list[Array]:
    """Σᵢ (aⱼ − yᵢ): what a (n, 1) minus a (n,) is, when its matrix is summed again."""
    n = at.a.shape[0]
    return [n * at.a - at.of.y.sum(axis=0, keepdims=True)] if n > 1 else []


def deltas_of_other_layers(at: At) -> list[Array]:
    """δ of the next or of the previous layer times (aˡ⁻¹)ᵀ, where the shapes fit."""
    delta = delta_of(at)
    found = [] if at.delta_next is None else [at.delta_next]
    if at.layer > 2:
        found.append((at.of.weights[at.layer - 2].T @ delta) * at.of.slope(at.layer - 1))
    return [bp4(at.a_below, d) for d in found if d.shape == delta.shape]


def other_activations(at: At) -> list[Array]:
    """δˡ times the activations of any other layer, where the shapes fit."""
    others = [a for i, a in enumerate(at.of.activations) if i != at.layer - 2]
    return [bp4(a, delta_of(at)) for a in others if a.shape == at.a_below.shape]


def z_below(at: At) -> list[Array]:
    """δˡ (zˡ⁻¹)ᵀ; the input has no z."""
    return [bp4(at.of.zs[at.layer - 3], delta_of(at))] if at.layer > 2 else []


def delta_of(at: At) -> Array:
    """δˡ, which is known where BP3 and BP4 are asked."""
    assert at.delta is not None
    return at.delta


def units_summed(at: At) -> list[Array]:
    """Σᵢ δᵢ for each unit, or as the one number that it is."""
    total = at.nabla_b.sum(axis=0, keepdims=True)
    repeated = np.empty(at.nabla_b.shape, dtype=total.dtype)
    repeated[...] = total
    return [repeated, total]


def slope_at_kink(at: At) -> list[Array]:
    """σ′ with σ′(0) taken from the right."""
    made = at.slope.copy()
    for place in np.ndindex(at.z.shape):
        if at.z[place] >= 0:
            made[place] = 1
    return [made]


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
