"""The four equations of backpropagation, each a function of its own, in the notation and order of the book.

Michael Nielsen, "Neural Networks and Deep Learning", chapter 2,
http://neuralnetworksanddeeplearning.com/chap2.html

Arrays are columns, samples side by side: aˡ, zˡ, δˡ are (nₗ, B), Wˡ is (nₗ, nₗ₋₁), bˡ is (nₗ, 1). Gradients
with respect to parameters are summed over the samples. `matmul` is a choice for speed (see `explicit.sums`).
"""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast

from explicit.elementwise import Array
from explicit.sums import Matmul, pull_back, sum_of_products, sum_over_samples

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Equation(Protocol[P, R_co]):
    """A function that knows which equation of the book it is: `tag`, e.g. "BP1", and `formula`."""

    tag: str
    formula: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Evaluate the right-hand side of the equation."""


def equation(tag: str, formula: str) -> Callable[[Callable[P, R_co]], Equation[P, R_co]]:
    """Decorator: write the tag and the formula on the function, which stays the function that it is."""

    def mark(function: Callable[P, R_co]) -> Equation[P, R_co]:
        marked = cast(Equation[P, R_co], function)
        marked.tag, marked.formula = tag, formula
        return marked

    return mark


@equation("BP1", "δᴸ = ∇ₐC ⊙ σ′(zᴸ)")
def bp1(grad_a: Array, sigma_prime: Array) -> Array:
    """δᴸ = ∇ₐC ⊙ σ′(zᴸ), the error in the output layer (BP1).

    Shapes: grad_a = ∇ₐC, sigma_prime = σ′(zᴸ) and the result are (n_L, B).

    >>> import numpy as np
    >>> bp1(np.array([[2.0]]), np.array([[0.25]]))
    array([[0.5]])
    >>> bp1.tag, bp1.formula
    ('BP1', 'δᴸ = ∇ₐC ⊙ σ′(zᴸ)')
    """
    return grad_a * sigma_prime


@equation("BP2", "δˡ = ((Wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ′(zˡ)")
def bp2(W_next: Array, delta_next: Array, sigma_prime: Array, matmul: Matmul | None = None) -> Array:
    """δˡ = ((Wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ′(zˡ), the error in terms of the error in the next layer (BP2).

    Units of the next layer are added from the last to the first.
    Shapes: W_next = Wˡ⁺¹ (nₗ₊₁, nₗ), delta_next = δˡ⁺¹ (nₗ₊₁, B), sigma_prime = σ′(zˡ) (nₗ, B); the result is
    (nₗ, B).

    >>> import numpy as np
    >>> bp2(np.array([[1.0, 2.0]]), np.array([[3.0]]), np.array([[0.5], [0.25]]))
    array([[1.5],
           [1.5]])
    """
    return pull_back(W_next, delta_next, matmul) * sigma_prime


@equation("BP3", "∂C/∂bˡⱼ = δˡⱼ")
def bp3(delta: Array, matmul: Matmul | None = None) -> Array:
    """∂C/∂bˡⱼ = δˡⱼ, summed over the samples in ascending order (BP3).

    Shapes: delta = δˡ (nₗ, B); the result is (nₗ, 1).

    >>> import numpy as np
    >>> bp3(np.array([[1.0, 2.0]]))
    array([[3.]])
    """
    return sum_over_samples(delta, matmul)


@equation("BP4", "∂C/∂wˡⱼₖ = aˡ⁻¹ₖ δˡⱼ")
def bp4(a_previous: Array, delta: Array, matmul: Matmul | None = None) -> Array:
    """∂C/∂wˡⱼₖ = aˡ⁻¹ₖ δˡⱼ, summed over the samples in ascending order (BP4).

    Shapes: a_previous = aˡ⁻¹ (nₗ₋₁, B), delta = δˡ (nₗ, B); the result is (nₗ, nₗ₋₁).

    >>> import numpy as np
    >>> bp4(np.array([[2.0], [3.0]]), np.array([[5.0]]))
    array([[10., 15.]])
    """
    return sum_of_products(delta, a_previous, matmul)
