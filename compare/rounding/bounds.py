"""How far float64 can be from the exact result, whatever the order of the sums: an a-priori bound.

Two programs that compute the same formulas of a network, one with BLAS and one from left to right, differ
by rounding.  How much can that be?  Each of the two is within the bound here of the exact number, so they
are within twice the bound of each other; what is further apart is not rounding.

The sources and the model of rounding are in `compare.rounding.rules`.  The sum of n products, in any order
(left to right, pairwise, blocked, with fused multiply-add), satisfies (Higham, §3.1 and §4.2)

    |fl(Σ wᵢaᵢ) − Σ wᵢaᵢ| ≤ γₙ Σ |wᵢ||aᵢ|,    γₙ = n·u/(1 − n·u),

and so it goes through the network, e(·) the bound and M(·) = |·| + 2e(·) the largest that any run can have:

    z:      e = |W| e(a) + γₙ₊₁ (|b| + |W| M(a))           n products and the bias
    a:      e from e(z) by the rule of σ                    (`compare.rounding.rules.RULES`)
    ∇ₐC:    e from e(aᴸ) by the rule of the cost            (`compare.rounding.rules.COST_RULES`)
    BP1, 2: e(δ) = e(∂C/∂a) M(σ′) + M(∂C/∂a) e(σ′) + γ₁ M(∂C/∂a) M(σ′)
    BP2:    e(∂C/∂a) = |W|ᵀ e(δ) + γₙ |W|ᵀ M(δ)             n the units of the next layer
    BP3:    e(∂C/∂b) = Σ e(δ) + γ_B Σ M(δ)                  B samples
    BP4:    e(∂C/∂w) = Σ [e(δ) M(a) + M(δ) e(a)] + γ_B Σ M(δ) M(a)

and for each product that can be other than 0 its underflow.  Products with Strassen's method are not sums of n
products, and are not covered.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.rounding.rules import COST_RULES, RULES, TINY, Point, gamma, safe, shortcut_error
from explicit import Backprop, Network
from explicit.elementwise import Array

FUNCTION_ULPS = 4.0  # C libraries promise 1 or 2 for exp, tanh and log1p, numpy's own versions 4


@dataclass(frozen=True, eq=False)
class Bounds:
    """≥ |computed − exact|, element by element; lists and shapes as in `explicit.Backprop`.

    ∞ where there is no bound: numbers that overflowed or came close to it, and everything that depends on
    a unit of `kinks`.

    function_ulps:  what was assumed of exp, tanh and log1p
    kinks:          (layer, unit, sample) of every relu and leaky_relu whose z is so close to 0 that
                    rounding decides on which side it is; layers and units from 1, samples from 0
    """

    zs: list[Array]
    activations: list[Array]
    nabla_a: list[Array]
    deltas: list[Array]
    nabla_b: list[Array]
    nabla_w: list[Array]
    function_ulps: float
    kinks: list[tuple[int, int, int]]

    def of(self, quantity: str, layer: int) -> Array:
        """The bounds on one quantity of a `Report`, by its name there, of a layer from 2 on; none are known of C."""
        lists = {
            "forward z": self.zs, "forward a": self.activations[1:],
            "z": self.deltas, "a": self.nabla_a, "b": self.nabla_b, "w": self.nabla_w,
        }  # fmt: skip
        return lists[quantity][layer - 2]


def rounding_bounds(
    network: Network, record: Backprop, y: Any, function_ulps: float = FUNCTION_ULPS, sigma_error: float = 0.0
) -> Bounds:
    """Bounds on the rounding error of every number in a float64 record, for any order of the sums.

    They hold for the record and for any other float64 run of the same formulas on the same numbers, so two
    runs differ by at most twice the bound.  Exact is: the formulas in real numbers, with the network's
    parameters, x and y as the floats that they are.

    Parameters
    ----------
    network : what made the record, with the same parameters; with `shortcut` the bound on δᴸ holds for
        a − y and for the literal BP1
    record : ``network.backprop(x, y)``
    y : the targets (n_L, B)
    function_ulps : the largest error of exp, tanh and log1p, in ULP
    sigma_error : an error more, in every smooth σ and σ′, for runs that write these in another way: relative to
        the larger of 1 and |σ|

    Raises
    ------
    TypeError
        The record or y is not float64.
    ValueError
        An activation or cost that has no rule in `compare.rounding.rules`: its rounding is not known; y has the
        wrong shape; function_ulps is negative.

    >>> network = Network([2, 3, 1])
    >>> record = network.backprop([[0.5], [-1.0]], [[1.0]])
    >>> bounds = rounding_bounds(network, record, [[1.0]])
    >>> bounds.deltas[0].shape, bool(bounds.deltas[0].max() < 1e-15)
    ((3, 1), True)
    """
    _check(network, record, function_ulps)
    y = np.asarray(y, dtype=np.float64)
    if y.shape != record.activations[-1].shape:
        raise ValueError(f"y: expected shape {record.activations[-1].shape}, got {y.shape}")
    with np.errstate(all="ignore"):  # inf and NaN become the bound ∞
        return _propagate(network, record, y, function_ulps, sigma_error)


def _propagate(network: Network, record: Backprop, y: Array, function_ulps: float, sigma_error: float) -> Bounds:
    zs: list[Array] = []
    activations = [np.zeros_like(record.activations[0])]
    points = []
    kinks = []
    functions = network.activation_functions
    for i, sigma in enumerate(functions):
        W, b = np.abs(network.weights[i]), np.abs(network.biases[i])
        a_error = activations[-1]
        size = _largest(record.activations[i], a_error)
        n = W.shape[1] + 1
        zs.append(safe(W @ a_error + gamma(n) * (W @ size + b) + TINY * _products(W, size)))
        z, a = record.zs[i], record.activations[i + 1]
        before = Point(z, a, zs[i], np.zeros_like(z), function_ulps)
        more = 0.0 if sigma.row.kink == 1 else sigma_error
        activations.append(safe(RULES[sigma].value(before) + more * np.maximum(np.abs(a), 1)))
        points.append(Point(z, a, zs[i], activations[-1], function_ulps))
        if sigma.row.kink == 1:
            kinks += [(i + 2, int(j) + 1, int(s)) for j, s in np.argwhere(before.undecided)]

    outputs = record.activations[-1]
    nabla_a = [COST_RULES[network.cost](outputs, y, activations[-1])]
    deltas: list[Array] = []
    for i in reversed(range(len(functions))):
        if deltas:
            W = np.abs(network.weights[i + 1]).T
            size = _largest(record.deltas[i + 1], deltas[0])
            error = W @ deltas[0] + gamma(W.shape[1]) * (W @ size) + TINY * _products(W, size)
            nabla_a.insert(0, safe(error))
        sigma = functions[i]
        slope = sigma.derivative(record.zs[i], record.activations[i + 1])
        more = 0.0 if sigma.row.kink == 1 else sigma_error
        delta = _product(record.nabla_a[i], nabla_a[0], slope, RULES[sigma].slope(points[i]) + more)
        if network.shortcut and not deltas:
            delta = np.maximum(delta, shortcut_error(outputs, y, activations[-1]))
        deltas.insert(0, delta)

    nabla_b, nabla_w = [], []
    samples = y.shape[1]
    for i, e in enumerate(deltas):
        a_error, a = activations[i], _largest(record.activations[i], activations[i])
        size = _largest(record.deltas[i], e)
        nabla_b.append(safe((e + gamma(samples) * size).sum(axis=1, keepdims=True)))
        error = e @ a.T + size @ a_error.T + gamma(samples) * (size @ a.T) + TINY * _products(size, a.T)
        nabla_w.append(safe(error))
    return Bounds(zs, activations, nabla_a, deltas, nabla_b, nabla_w, function_ulps, kinks)


def _largest(computed: Array, error: Array) -> Array:
    """M: no run's number is larger.  The exact one is within `error` of this run's, any other within twice."""
    most: Array = np.abs(computed) + 2 * error
    return most


def _products(left: Array, right: Array) -> Array:
    """How many terms of each sum in left @ right can be other than 0: only these can underflow."""
    count: Array = (left != 0).astype(np.float64) @ (right != 0).astype(np.float64)
    return count


def _product(g: Array, g_error: Array, s: Array, s_error: Array) -> Array:
    """The bound on a product of two computed numbers; a factor that is 0 in every run makes it 0.

    ĝŝ − gs = (ĝ − g)ŝ + g(ŝ − s), and one rounding of ĝŝ.
    """
    g_most, s_most = _largest(g, g_error), _largest(s, s_error)
    error = safe(g_error * s_most + g_most * s_error + gamma(1) * g_most * s_most + TINY)
    return np.where((g_most == 0) | (s_most == 0), 0.0, error)


def _check(network: Network, record: Backprop, function_ulps: float) -> None:
    arrays = [*record.zs, *record.activations, *record.deltas, *network.weights, *network.biases]
    for array in arrays:
        if array.dtype != np.float64:
            raise TypeError(f"rounding bounds are for float64, got an array of dtype {array.dtype}")
    functions: list[tuple[str, Any, Any]] = [("activation", sigma, RULES) for sigma in network.activation_functions]
    for kind, function, rules in [*functions, ("cost", network.cost, COST_RULES)]:
        if function not in rules:
            names = [row.name for row in rules]
            own = ", which is one of the caller's own of that name" if function.name in names else ""
            raise ValueError(
                f"no rounding bound is known for the {kind} {function.name!r}{own}; explicit's own: {', '.join(names)}"
            )
    if not function_ulps >= 0:
        raise ValueError(f"function_ulps: expected a number ≥ 0, got {function_ulps!r}")
