"""How rounding enters through one activation or one cost, and how errors that come in pass through.

The model (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., SIAM 2002, §2.2 and §3.1):

    fl(x op y) = (x op y)(1 + ε) + η,   |ε| ≤ u = 2⁻⁵³,   |η| ≤ 2⁻¹⁰⁷⁵,   op in + − × ÷

rounding to nearest with gradual underflow (η = 0 for + and −), no overflow.  A product of n factors
(1 + εᵢ)^±1 is 1 + θₙ with |θₙ| ≤ γₙ = n·u/(1 − n·u) (Lemma 3.1).  A fused multiply-add leaves a
rounding out, so it is allowed.  exp, tanh and log1p are assumed to be wrong by at most k ULP
(`function_ulps`): |f̂ − f| ≤ 2·k·u·|f| + k·2⁻¹⁰⁷⁴, a factor of 1 + θ₂ₖ.

What is bounded here holds for *every* run of the same formulas, whatever its order of sums.  One run is at
hand: its ẑ and â.  With e a bound on |run − exact| for every run, the exact z is within e of ẑ, and any
other run's within 2e; so "the range" below is [ẑ − 2e, ẑ + 2e], which holds them all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explicit import Activation, Cost, activations, costs
from explicit.elementwise import SLOPE, Array

U = 2.0**-53
SPACING = 2.0**-1074  # of the subnormal numbers
TINY = 4 * SPACING  # one product's underflow, ½ spacing, and as much again for each rounding of the bound's own
SAFETY = 1 + 2.0**-20


def gamma(n: float) -> float:
    """γₙ = n·u/(1 − n·u) (Higham, §3.1).

    >>> gamma(1) > U
    True
    """
    return n * U / (1 - n * U)


def safe(bound: Array) -> Array:
    """A computed bound, made one that holds in spite of its own rounding; what is no number is unbounded.

    Bounds are sums, products and quotients of numbers ≥ 0, so what is computed is off by a relative γₘ
    at most, m the number of roundings on the longest path: the terms of a sum and some thirty more.
    2⁻²⁰ covers sums of up to 2³² terms.  What underflows is covered by `TINY`.

    >>> safe(np.array([0.0, np.nan])).tolist()
    [0.0, inf]
    """
    inflated: Array = np.where(np.isnan(bound), np.inf, bound * SAFETY)
    return inflated


@dataclass(frozen=True)
class Point:
    """What is known of a layer's z and a: the numbers of one run, and bounds that hold for every run.

    z, a:     of the run, (n, B)
    z_error:  ≥ |ẑ − z| for every run's ẑ and the exact z; a_error alike, once it is known
    ulps:     k, of the elementary functions
    """

    z: Array
    a: Array
    z_error: Array
    a_error: Array
    ulps: float

    @property
    def near(self) -> Array:
        """The least |t| of the range, rounded down."""
        least: Array = np.maximum(np.abs(self.z) - 2 * self.z_error, 0) / SAFETY
        return least

    @property
    def high(self) -> Array:
        """The largest t of the range."""
        most: Array = self.z + 2 * self.z_error
        return most

    @property
    def undecided(self) -> Array:
        """Where runs and the exact z may lie on different sides of 0.

        Not where no error is possible: a z that is exactly 0 in every run is on the same side in all.
        """
        return np.asarray(~((self.near > 0) | (self.z_error == 0)))

    def size(self, lipschitz: Array) -> Array:
        """≥ |σ(t)| over the range, by σ's Lipschitz constant there; γ·|â| for σ(ẑ) is left to `safe`."""
        most: Array = np.abs(self.a) + lipschitz * 2 * self.z_error
        return most

    def least(self, roundings: float) -> float:
        """What underflow can add to a function of so many roundings."""
        return (4 * self.ulps + roundings) * SPACING


@dataclass(frozen=True)
class Rule:
    """Errors of one activation.

    value:  ≥ |â − σ(z)| for every run's â
    slope:  ≥ |σ̂′ − σ′(z)| for every run's σ̂′, the derivative as `explicit.activations` computes it; ∞ where σ′
            jumps at 0 and runs may be on both sides of it
    """

    value: Callable[[Point], Array]
    slope: Callable[[Point], Array]


def _bell(m: Array) -> Array:
    """t/(1 + t)² with t = e⁻ᵐ: the derivative of the sigmoid, which falls with |z|, at |z| = m."""
    t = np.exp(-m) + TINY  # exp may underflow
    bell: Array = t / (1 + t) ** 2
    return bell


def _sigmoid_upper(m: Array) -> Array:
    """≥ sigmoid(m)."""
    upper: Array = 1 / (1 + np.exp(-m)) + TINY
    return upper


# |â − a| ≤ |σ̂(ẑ) − σ(ẑ)| + |σ(ẑ) − σ(z)| ≤ γ · (largest |σ| of the range) + (largest |σ′| of the range) · e_z
def _value(roundings: Callable[[float], float], lipschitz: Callable[[Point], Array]) -> Callable[[Point], Array]:
    def error(p: Point) -> Array:
        steepest, n = lipschitz(p), roundings(p.ulps)
        return safe(steepest * p.z_error + gamma(n) * p.size(steepest) + p.least(n))

    return error


def _sigmoid_slope(p: Point) -> Array:
    # fl(â(1 − â)) has two roundings.  â(1 − â) − a(1 − a) = (â − a)(1 − â − a).
    a, e = np.abs(p.a) + 2 * p.a_error, p.a_error
    difference = e * (np.abs(1 - 2 * p.a) + 3 * e)
    return safe(difference + gamma(2) * a * (np.abs(1 - p.a) + 2 * e) + p.least(2))


def _tanh_slope(p: Point) -> Array:
    # fl(1 − fl(â·â)) is off by u·â² and by u·|1 − fl(â²)|.  â² − a² = (â − a)(â + a).
    a, e = np.abs(p.a) + 2 * p.a_error, p.a_error
    rest = np.abs(1 - p.a) * (1 + np.abs(p.a)) + 4 * a * e
    return safe(2 * a * e + gamma(2) * (a * a + rest) + p.least(2))


def _softplus_slope(p: Point) -> Array:
    # σ′ is the sigmoid: a(1 − a) of it is its Lipschitz constant, and it increases.
    n = _sigmoid_roundings(p.ulps)
    return safe(_bell(p.near) * p.z_error + gamma(n) * _sigmoid_upper(p.high) + p.least(n))


def _softsign_slope(p: Point) -> Array:
    # 1/((1 + |z|)(1 + |z|)) has four roundings; its own derivative is ∓2/(1 + |z|)³.  The square may overflow.
    n = 1 + p.near
    error = 2 / n**3 * p.z_error + gamma(4) / n**2 + p.least(4)
    return safe(np.where(np.abs(p.z) + 2 * p.z_error < 2.0**500, error, np.inf))


def _kinked_slope(p: Point) -> Array:
    # step(z), and step + c(1 − step), are exact on either side of the kink.
    return np.where(p.undecided, np.inf, 0.0)


def _leaky_value(p: Point) -> Array:
    steepest = np.where(p.high > 0, 1.0, SLOPE)
    product = np.where(p.undecided | (p.z <= 0), gamma(1) * p.size(steepest) + p.least(1), 0.0)
    return safe(steepest * p.z_error + product)


def _sigmoid_roundings(k: float) -> float:
    """1/(1 + e) and e/(1 + e), e = e^−|z|: exp (2k), one sum, one quotient; an error of e counts at most once."""
    return 2 * k + 2


RULES: dict[Activation, Rule] = {
    activations.sigmoid: Rule(_value(_sigmoid_roundings, lambda p: _bell(p.near)), _sigmoid_slope),
    # tanh′ = 4t/(1 + t)² with t = e^−2|z|
    activations.tanh: Rule(_value(lambda k: 2 * k, lambda p: 4 * _bell(2 * p.near)), _tanh_slope),
    activations.relu: Rule(lambda p: np.where(p.high > 0, p.z_error, 0.0), _kinked_slope),
    activations.leaky_relu: Rule(_leaky_value, _kinked_slope),
    # exp, log1p and one sum of numbers ≥ 0; log1p is concave with log1p(0) = 0, so that it does not
    # increase the relative error of what it is given.
    activations.softplus: Rule(_value(lambda k: 4 * k + 1, lambda p: _sigmoid_upper(p.high)), _softplus_slope),
    activations.softsign: Rule(_value(lambda k: 2, lambda p: 1 / (1 + p.near) ** 2), _softsign_slope),
    activations.identity: Rule(lambda p: p.z_error, lambda p: np.zeros_like(p.z_error)),
}
"""By row: of a σ of the caller's own nothing is known, whatever its name."""


def quadratic_error(a: Array, y: Array, e: Array) -> Array:
    """≥ |computed − exact| of ∇ₐC = (a − y)/2 + (a − y)/2, for every run: two roundings, and halves that underflow.

    a, y: (n, B), a of one run; e: ≥ |â − a| for every run.
    """
    return safe(e + gamma(2) * (np.abs(a - y) + 2 * e) + 2 * TINY)


def shortcut_error(a: Array, y: Array, e: Array) -> Array:
    """≥ |computed − exact| of δᴸ = a − y, for every run: one rounding.  Shapes as in `quadratic_error`."""
    return safe(e + gamma(1) * (np.abs(a - y) + 2 * e))


def cross_entropy_error(a: Array, y: Array, e: Array) -> Array:
    """≥ |computed − exact| of ∇ₐC = (1 − y)/(1 − a) − y/a, for every run.  Shapes as in `quadratic_error`.

    The first quotient takes five roundings (1 − y, 1 − a, its inverse, the product, the sum), the second
    three; and |1/â − 1/a| ≤ e/(least a of the range)².
    """
    left = np.maximum(a - 2 * e, 0) / SAFETY
    right = np.maximum(np.abs(1 - a) - 2 * e, 0) / SAFETY  # 1 − a is rounded: that is in SAFETY
    zeros, ones = np.abs(1 - y), np.abs(y)
    through = np.where(zeros == 0, 0.0, zeros * e / right**2) + np.where(ones == 0, 0.0, ones * e / left**2)
    made = np.where(zeros == 0, 0.0, zeros / right) + np.where(ones == 0, 0.0, ones / left)
    inside = (left > 0) & (right > 0)
    return safe(np.where(inside, through + gamma(5) * made + 2 * TINY, np.inf))


COST_RULES: dict[Cost, Callable[[Array, Array, Array], Array]] = {
    costs.quadratic: quadratic_error,
    costs.cross_entropy: cross_entropy_error,
}
"""By row, as `RULES`."""
