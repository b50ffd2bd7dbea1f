"""The costs C(a, y) of one sample and their gradients ∇ₐC, in the order of a traced graph.

a and y are (n, B): a the outputs, y the targets, samples side by side. A cost is per sample, (B,); it is
summed or averaged by the caller. Rounding depends on the order of operations, so each gradient here is
written in the order in which reverse mode, walking the cost's own scalar operations backwards, computes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import numpy as np

from explicit.activations import Activation, sigmoid
from explicit.elementwise import Array, apply
from explicit.sums import add_up


@dataclass(frozen=True)
class Cost:
    """A cost function.

    name:      what messages and saved files call it
    cost:      (a, y) ↦ C of each sample, (B,)
    gradient:  (a, y) ↦ ∇ₐC, (n, B)

    The rest are facts about C. Whoever needs one that is not given does without C, and says so by name:

    formula:   what one output unit adds to C, as text in a, y and log (see `Activation.formula`); "" where C is
               no such sum
    domain:    the open interval of outputs for which C exists
    """

    name: str
    cost: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    formula: str = field(default="", compare=False)
    domain: tuple[float, float] | None = field(default=None, compare=False)

    @property
    def row(self) -> "Cost":
        """What is known of C: the row of COSTS with the same cost, whatever its gradient, else this."""
        return next((row for row in COSTS.values() if row.cost is self.cost), self)

    def takes(self, sigma: Activation) -> bool | None:
        """Whether C exists for every output of σ; None where that is not known.

        >>> cross_entropy.takes(sigmoid), quadratic.takes(sigmoid)
        (True, True)
        """
        domain, outputs = self.row.domain, sigma.row.range
        if domain is None or outputs is None:
            return True if domain == (-inf, inf) else None
        return domain[0] <= outputs[0] and outputs[1] <= domain[1]


def quadratic_cost(a: Array, y: Array) -> Array:
    """C = ½ Σⱼ (aⱼ − yⱼ)², units ascending, halved at the end. Shapes: a and y (n, B); the result is (B,).

    Errors: ValueError if the shapes differ.

    >>> quadratic_cost(np.array([[3.0], [1.0]]), np.array([[1.0], [0.0]]))
    array([2.5])
    """
    _same_shape(a, y)
    d = a - y
    total: Array = add_up(d * d)  # iterating takes the rows, one unit each
    return total / 2


def quadratic_gradient(a: Array, y: Array) -> Array:
    """∇ₐC = a − y, computed as (a − y)/2 + (a − y)/2. Shapes: a, y and the result (n, B).

    The product d·d has two edges to d, and each brings d × ½; that differs from d in the last subnormal bit.
    Division by the int 2 keeps exact numbers exact, and in floats has the bits of d × 0.5.
    Errors: ValueError if the shapes differ.

    >>> quadratic_gradient(np.array([[3.0]]), np.array([[1.0]]))
    array([[2.]])
    """
    _same_shape(a, y)
    half = (a - y) / 2
    return half + half


def cross_entropy_cost(a: Array, y: Array) -> Array:
    """C = −Σⱼ [yⱼ ln aⱼ + (1 − yⱼ) ln(1 − aⱼ)], units ascending, negated at the end.

    Shapes: a and y (n, B); the result is (B,).
    Errors: ValueError if the shapes differ, or if an aⱼ is outside 0 < a < 1 (NaN is let through).

    >>> cross_entropy_cost(np.array([[0.5]]), np.array([[1.0]]))
    array([0.69314718])
    """
    _same_shape(a, y)
    _inside(a)
    total: Array = add_up(y * apply("log", a) + (1 - y) * apply("log", 1 - a))
    return -total


def cross_entropy_gradient(a: Array, y: Array) -> Array:
    """∇ₐC = (1 − y)/(1 − a) − y/a, computed as (−(1 − y) · 1/(1 − a)) · (−1) + (−y) · 1/a.

    Reverse mode meets the second product of y ln a + (1 − y) ln(1 − a) first.
    Shapes: a, y and the result (n, B). Errors: as `cross_entropy_cost`.

    >>> cross_entropy_gradient(np.array([[0.5]]), np.array([[1.0]]))
    array([[-2.]])
    """
    _same_shape(a, y)
    _inside(a)
    return (-1 * (1 - y)) * (1 / (1 - a)) * -1 + (-1 * y) * (1 / a)


def cross_entropy_shortcut(a: Array, y: Array) -> Array:
    """δᴸ = a − y: what BP1 simplifies to for cross_entropy on sigmoid outputs, and only there.

    ∇ₐC ⊙ σ′ = ((1 − y)/(1 − a) − y/a) · a(1 − a) = a − y. The two are equal in exact arithmetic; in floats
    they round differently, so this is a short cut, and not the literal BP1.
    Shapes: a, y and the result (n, B). Errors: ValueError if the shapes differ.

    >>> cross_entropy_shortcut(np.array([[0.75]]), np.array([[1.0]]))
    array([[-0.25]])
    """
    _same_shape(a, y)
    return a - y


quadratic = Cost("quadratic", quadratic_cost, quadratic_gradient, formula="(a - y) ** 2 / 2", domain=(-inf, inf))
cross_entropy = Cost(
    "cross_entropy", cross_entropy_cost, cross_entropy_gradient,
    formula="-(y * log(a) + (1 - y) * log(1 - a))", domain=(0, 1),
)  # fmt: skip
COSTS: dict[str, Cost] = {c.name: c for c in (quadratic, cross_entropy)}
"""By name."""


def has_shortcut(cost: Cost, sigma: Activation) -> bool:
    """Whether BP1 simplifies to δᴸ = a − y for this cost and these outputs (see `cross_entropy_shortcut`)."""
    return cost == cross_entropy and sigma == sigmoid


def _same_shape(a: Array, y: Array) -> None:
    """Refuse shapes that numpy would broadcast."""
    if np.ndim(a) != 2 or np.shape(a) != np.shape(y):
        raise ValueError(f"a and y: expected one shape (n, B), got {np.shape(a)} and {np.shape(y)}")


def _inside(a: Array) -> None:
    """Refuse outputs at which a logarithm does not exist. Other numbers are left to their own rules."""
    for (j, sample), value in np.ndenumerate(a):
        try:
            outside = value <= 0 or value >= 1
        except TypeError:
            continue
        if outside:
            raise ValueError(f"cross_entropy needs 0 < a < 1; a[{j}, {sample}] = {value}")
