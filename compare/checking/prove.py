"""`prove`: BP1–BP4 against adjoints as identities of rational functions, tested at random points of a field.

The theorem.  Take weights, biases, inputs and targets uniform and independent in GF(p), p = 2⁶¹ − 1,
and let σ and σ′ of each layer be independent random functions.  As long as the arguments of σ are
distinct, the values of σ and σ′ are independent uniform variables too, and every δ and every gradient
is a rational function of all of these variables, whose degrees the numbers of the run carry along; so a
false identity is met by chance with the small probability of `compare.numbers.identity`.

With L layers of weights and the quadratic cost these are polynomials: δ of the l-th has degree
2(L − l + 1) and ∂C/∂w one more, so d = 2L + 1.  That is the degree at one sample; a sum over B samples adds
polynomials and has no higher one.  But σ has B arguments a unit.  So that these do not weaken the bound, a
point at which two of them coincide is drawn again, as one is at which a cost divides by 0.  Equations of the
caller's own may ask σ at other arguments too; for these the chance that some coincide is counted.  They are
asked twice at each point, since they may remember the call before.

A point has B = 3 samples: gradients of parameters are sums over them, and a mean, or one sample in the place
of all, is another number.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from compare.candidates.beside_ours import draw
from compare.checking.certificate import Certificate, Identity
from compare.comparison.outcome import Outcome
from compare.comparison.two_sides import two_sides
from compare.numbers.arithmetic import finite_field
from compare.numbers.field import Functions
from compare.numbers.identity import ENOUGH, degree_of, fooled
from explicit import Network, bp1, bp2, bp3, bp4

SAMPLES = 3


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
    outcomes: list[Outcome] = []
    probability, degree, arguments = Fraction(1), 0, 0
    while probability >= below:
        outcome, functions = _at_a_random_point(tried, seed, len(outcomes))
        outcomes.append(outcome)
        if not outcome.all_equal:
            break
        plain = type(tried) is Network  # else the equations are the caller's own
        distinct = SAMPLES * sum(tried.sizes[1:]) if plain else 0
        here = degree_of((pair.explicit, pair.adjoint) for pair in outcome.pairs)
        each = fooled(here, functions, distinct)
        if each == 1:
            raise ValueError(f"sizes: {tried.sizes} are too many units for a field of 2⁶¹ − 1 elements")
        probability *= each
        degree, arguments = max(degree, here), max(arguments, distinct or functions.calls)
    return Certificate(
        tuple(tried.sizes),
        tried.cost.name,
        seed,
        all(outcome.all_equal for outcome in outcomes),
        _identities(outcomes),
        len(outcomes),
        SAMPLES,
        degree,
        arguments,
        probability,
        outcomes[-1].first_divergence,
    )


def _at_a_random_point(network: Network, seed: int, trial: int) -> tuple[Outcome, Functions]:
    for attempt in range(100):
        functions = Functions(f"{seed} {trial} {attempt}")
        weights, biases, x, y = draw(network.sizes, functions.variable, SAMPLES)
        point = network.with_parameters(weights, biases)
        try:
            outcome = two_sides(point, x, y, None, finite_field(functions=functions))
            if type(network) is not Network and outcome.all_equal:  # what it remembers is no function of the point
                outcome = two_sides(outcome.network, x, y, None, finite_field(functions=functions))
        except ZeroDivisionError:
            continue  # cross-entropy at aₖ = 0 or 1: another point
        if type(network) is not Network or all(len({*z.flat}) == z.size for z in outcome.record.zs):
            return outcome, functions
    raise ArithmeticError("100 random points had a zero denominator each: some denominator is always 0")


def _identities(outcomes: list[Outcome]) -> tuple[Identity, ...]:
    equations: dict[str, Any] = {"b": bp3, "w": bp4}
    found: dict[tuple[int, str], list[int]] = {}
    known: tuple[Any, ...] = (bp1, bp2, bp3, bp4)
    formulas = {equation.tag: equation.formula for equation in known}
    for outcome in outcomes:
        for pair in outcome.pairs:
            if pair.quantity not in ("z", "b", "w"):
                continue
            tag = pair.made_by if pair.quantity == "z" else equations[pair.quantity].tag
            counts = found.setdefault((pair.layer, tag), [0, 0])
            counts[0] += int(pair.equal.sum())
            counts[1] += pair.equal.size
    return tuple(
        Identity(tag, formulas.get(tag, tag), layer, equal, total)
        for (layer, tag), (equal, total) in found.items()
    )
