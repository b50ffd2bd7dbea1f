"""Sums in the order of the contract, so that the same numbers always round alike.

Each product and each sum is rounded once, and terms are added one after the other in a stated order. The
first term is taken as it is: starting from 0.0 would turn −0.0 into 0.0. (`np.sum` and BLAS add pairwise or
in blocks, in an order that depends on the shape and on the machine.) Everything here also runs on object
arrays.

`matmul`, where it is accepted, is a choice for speed: sums are then taken by it (e.g. `np.matmul`) and by
numpy, in whatever order these like.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from explicit.elementwise import Array

Matmul = Callable[[Array, Array], Array]


def add_up(terms: Iterable[Any]) -> Any:
    """((t₁ + t₂) + t₃) + …, in the order in which the terms come, beginning with the first term itself.

    Errors: ValueError if there is no term.

    >>> add_up([-0.0, -0.0])
    -0.0
    """
    rest = iter(terms)
    try:
        total = next(rest)
    except StopIteration:
        raise ValueError("add_up needs at least one term") from None
    for term in rest:
        total = total + term  # not +=, which would write into the caller's first term
    return total


def affine(W: Array, a: Array, b: Array | None, matmul: Matmul | None = None) -> Array:
    """z = W a + b for every sample: z = ((b + w₁a₁) + w₂a₂) + …, from the bias on, left to right in W.

    Shapes: W (n, m), a (m, B), b (n, 1), the result (n, B); a may have positions in front, (…, m, B), and so has
    the result.  Without b the first product is the first term.

    >>> import numpy as np
    >>> affine(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([[5.0]]))
    array([[16.]])
    """
    if matmul is not None:
        return matmul(W, a) if b is None else matmul(W, a) + b
    products = (W[:, k : k + 1] * a[..., k : k + 1, :] for k in range(W.shape[1]))
    z: Array = add_up(products if b is None else chain([b], products))
    return z


def pull_back(W: Array, delta: Array, matmul: Matmul | None = None) -> Array:
    """Wᵀδ, added from the last unit of the next layer to the first: (δₙwₙ + δₙ₋₁wₙ₋₁) + …

    That is the order in which reverse mode meets the units, as it walks the computation backwards.
    Shapes: W (n, m), delta (n, B); the result is (m, B).

    >>> import numpy as np
    >>> pull_back(np.array([[1.0, 2.0]]), np.array([[3.0]]))
    array([[3.],
           [6.]])
    """
    if matmul is not None:
        return matmul(W.T, delta)
    total: Array = add_up(delta[j : j + 1, :] * W[j : j + 1, :].T for j in reversed(range(W.shape[0])))
    return total


def sum_over_samples(values: Array, matmul: Matmul | None = None) -> Array:
    """Σₓ valuesₓ, samples ascending. Shapes: values (n, B); the result is (n, 1).

    >>> import numpy as np
    >>> sum_over_samples(np.array([[1.0, 2.0, 4.0]]))
    array([[7.]])
    """
    if matmul is not None:
        total: Array = values.sum(axis=1, keepdims=True)
        return total
    total = add_up(values[:, s : s + 1] for s in range(values.shape[1]))
    return total.copy()  # of one sample the sum would be a view into `values`


def sum_of_products(delta: Array, a: Array, matmul: Matmul | None = None) -> Array:
    """Σₓ δⱼaₖ for every j and k, samples ascending. Shapes: delta (n, B), a (m, B); the result is (n, m).

    >>> import numpy as np
    >>> sum_of_products(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[11., 17.]])
    """
    if matmul is not None:
        return matmul(delta, a.T)
    total: Array = add_up(delta[:, s : s + 1] * a[:, s : s + 1].T for s in range(a.shape[1]))
    return total
