"""How sure an identity is that held at random points of GF(p), p = 2⁶¹ − 1: the one bound of all proofs here.

Two results n₁/d₁ and n₂/d₂ are rational functions of the random inputs and of the values of random functions.
Their difference has a numerator of degree at most max(n₁ + d₂, n₂ + d₁), and one that is not 0 vanishes at a
random point with probability at most degree/p (Schwartz, J. ACM 27 (1980) 701, Lemma 1; Zippel, LNCS 72 (1979)
216).  The values of a function are independent variables as long as its arguments are distinct, and a point at
which some divisor is 0 is drawn again.  So one point is fooled with probability at most

    (degree + q(q − 1)A + qA + q) / (p − lost − s(s − 1))

- q arguments: two coincide, or are opposite (E(−z) = 1/E(z)), by chance: q(q − 1)/2 pairs, two equations each, of
  degree at most A, the largest numerator's plus the largest denominator's; one is 0 by chance: q equations; E takes
  no 0: q values that are not quite uniform;
- lost: the degrees of all divisors; so many of p values of a variable make one 0 at most;
- s arguments of σ and of σ′ were seen to be distinct, and points at which they are not are drawn again too, so that
  these are not among the q.  Two of them coincide with probability at most 2/p: those of two units differ by a
  bias, uniform and independent; those of one unit at two samples by Σ w (a − a′), which is 0 for one in p of the
  values of a weight, or where all a = a′, which are inputs or values of σ at arguments that are distinct.

Both conditions only leave fewer points to draw from: P(fooled | drawn) ≤ P(fooled)/P(drawn).
T independent points are fooled with the product of their probabilities.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from compare.numbers.field import Functions, P
from explicit.elementwise import Array

ENOUGH = Fraction(1, 2**100)
"""Points are added until the probability of being fooled is below this."""


def degree_of(sides: Iterable[tuple[Array, Array]]) -> int:
    """The largest degree of a difference, from the degrees that the elements of both sides carry."""
    both = ((a, b) for left, right in sides for a, b in zip(left.flat, right.flat, strict=True))
    return max(max(a.n + b.d, b.n + a.d) for a, b in both)


def fooled(degree: int, functions: Functions, distinct: int = 0) -> Fraction:
    """The probability that a false identity held at one random point; 1 where the bound says nothing.

    degree: of the difference.  functions: after the run.  distinct: s, the arguments that were seen to be distinct
    """
    q, size = functions.calls - 2 * distinct, functions.n + functions.d
    left = P - functions.lost - distinct * (distinct - 1)
    return min(Fraction(degree + q * (q - 1) * size + q * size + q, left), Fraction(1)) if left > 0 else Fraction(1)


def log2(probability: Fraction) -> float:
    """The binary logarithm of a fraction that may be too small for a float."""
    return math.log2(probability.numerator) - math.log2(probability.denominator) if probability else -math.inf


def as_plain(probability: Fraction) -> dict[str, Any]:
    """A bound as plain data: exact, and its logarithm."""
    return {"at_most": str(probability), "log2": log2(probability)}
