"""`prove`: BP1–BP4 against adjoints as identities of rational functions, tested at random points of a field.

The theorem.  Take weights, biases, inputs and targets uniform and independent in GF(p), p = 2⁶¹ − 1,
and let σ and σ′ of each layer be independent random functions.  As long as the arguments of σ are
distinct, the values of σ and σ′ are independent uniform variables too, and every δ and every gradient
is a polynomial in all of these variables.  With L layers of weights and the quadratic cost, δ of the
l-th has degree 2(L − l + 1) and ∂C/∂w one more, so the degree of a difference is d ≤ 2L + 1.  A
polynomial that is not zero vanishes at a random point with probability at most d/p (Schwartz, J. ACM 27
(1980) 701, Lemma 1; Zippel, LNCS 72 (1979) 216).  Two of q arguments coincide with probability at most
q(q − 1)/2p, since each is a bias, uniform and independent, plus something.  So one trial is fooled by a
false identity with probability at most (d + q(q − 1)/2)/p, and T trials with that to the power T.

Cross-entropy with K outputs has denominators aₖ(1 − aₖ).  Cleared, they add 2K to the degree; a point
where one is zero is drawn again, which leaves at least p − 2K of p values: d ≤ 2L + 1 + 2K over p − 2K.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from compare.checking.certificate import Certificate, Identity
from compare.comparing import compare
from compare.numbers.arithmetic import finite_field
from compare.numbers.field import Functions, P, Residue
from compare.report import Report
from explicit import Network, bp1, bp2, bp3, bp4
from explicit.costs import cross_entropy, quadratic
from explicit.elementwise import Array

ENOUGH = Fraction(1, 2**100)


def prove(
    network: Network | Sequence[int],
    cost: str | None = None,
    *,
    seed: int = 0,
    below: Fraction | float = ENOUGH,
) -> Certificate:
    """Prove that BP1 to BP4 give the adjoints of a network, for every activation function.

    Parameters
    ----------
    network : a `Network` (its architecture, cost and equations count; its numbers and activations do
        not, since they are replaced by random ones), or the sizes of one
    cost : with sizes, the cost; "quadratic" unless given
    seed : of the random points; the same seed gives the same certificate
    below : trials are added until the probability of being fooled is below this

    Returns
    -------
    a `Certificate`; a wrong equation gives one with ``proved`` False and a counter-example

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a network that uses the short cut δᴸ = a − y, which is no identity in σ.

    >>> certificate = prove([2, 3, 1])
    >>> certificate.proved, certificate.trials, certificate.probability < 2**-100
    (True, 2, True)
    """
    if isinstance(network, Network):
        if cost is not None:
            raise ValueError(f"cost: the network has its own, {network.cost.name!r}")
        if network.shortcut:
            raise ValueError(
                "network: δᴸ = a − y is no identity for every σ; prove the network without shortcut, or use "
                "check(), which knows sigmoid"
            )
        tried = network.in_contract_order()
    else:
        tried = Network(network, cost=cost or "quadratic")
    if not 0 < below < 1:
        raise ValueError(f"below: expected a probability between 0 and 1, got {below}")
    degree, arguments, lost = _degree(tried)
    reports: list[Report] = []
    probability = Fraction(1)
    while probability >= below:
        reports.append(_at_a_random_point(tried, seed, len(reports)))
        if not reports[-1].all_equal:
            break
        # Of equations and gradients of the caller's own the theorem's d says nothing: degrees are counted.
        if type(tried) is not Network or tried.cost != tried.cost.row:
            degree = max(degree, _counted(reports[-1]))
        each = Fraction(degree + arguments * (arguments - 1) // 2, P - lost)
        if each >= 1:
            raise ValueError(f"sizes: {arguments} units are too many for a field of 2⁶¹ − 1 elements")
        probability = each ** len(reports)
    return Certificate(
        tuple(tried.sizes),
        tried.cost.name,
        seed,
        all(report.all_equal for report in reports),
        _identities(reports),
        len(reports),
        degree,
        arguments,
        probability,
        reports[-1].first_divergence,
    )


def _degree(network: Network) -> tuple[int, int, int]:
    """The degree of a difference, the number q of arguments of σ, the values lost to zero denominators."""
    layers, outputs = len(network.sizes) - 1, network.sizes[-1]
    arguments = sum(network.sizes[1:])
    if network.cost.row == quadratic:
        return 2 * layers + 1, arguments, 0
    if network.cost.row == cross_entropy:
        return 2 * layers + 1 + 2 * outputs, arguments, 2 * outputs
    known = "quadratic, cross_entropy"
    raise ValueError(f"cost: no degree bound is known for {network.cost.name!r}; known: {known}")


def _counted(report: Report) -> int:
    """The degree of the differences, from the degrees that the numbers of this run carry."""
    pairs = (
        (ours, theirs)
        for pair in report.pairs
        for ours, theirs in zip(pair.explicit.flat, pair.adjoint.flat, strict=True)
    )
    return max(max(a.n + b.d, b.n + a.d) for a, b in pairs)


def _at_a_random_point(network: Network, seed: int, trial: int) -> Report:
    for attempt in range(100):
        functions = Functions(f"{seed} {trial} {attempt}")

        def draw(*shape: int, functions: Functions = functions) -> Array:
            count = int(np.prod(shape))
            numbers = (Residue(functions.uniform(), functions, n=1) for _ in range(count))
            return np.fromiter(numbers, dtype=object, count=count).reshape(shape)

        point = network.with_parameters(
            [draw(*w.shape) for w in network.weights], [draw(*b.shape) for b in network.biases]
        )
        x, y = draw(network.sizes[0], 1), draw(network.sizes[-1], 1)
        try:
            return compare(point, x, y, arithmetic=finite_field(functions=functions))
        except ZeroDivisionError:
            continue  # cross-entropy at aₖ = 0 or 1: another point
    raise ArithmeticError("100 random points had a zero denominator each: some denominator is always 0")


def _identities(reports: list[Report]) -> tuple[Identity, ...]:
    equations: dict[str, Any] = {"b": bp3, "w": bp4}
    found: dict[tuple[int, str], list[int]] = {}
    known: tuple[Any, ...] = (bp1, bp2, bp3, bp4)
    formulas = {equation.tag: equation.formula for equation in known}
    for report in reports:
        for pair in report.pairs:
            if pair.quantity == "a":
                continue
            tag = equations[pair.quantity].tag if pair.quantity in equations else pair.made_by
            counts = found.setdefault((pair.layer, tag), [0, 0])
            counts[0] += int(pair.equal.sum())
            counts[1] += pair.equal.size
    return tuple(
        Identity(tag, formulas.get(tag, tag), layer, equal, total)
        for (layer, tag), (equal, total) in found.items()
    )
