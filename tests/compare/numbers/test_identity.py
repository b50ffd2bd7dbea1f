"""The bound on being fooled, and degrees counted on a run."""

import math
from fractions import Fraction

import numpy as np

from compare.numbers.field import Functions, P, Residue
from compare.numbers.identity import as_plain, degree_of, fooled, log2


def test_without_functions_it_is_schwartz_and_zippel():
    assert fooled(5, Functions(0)) == Fraction(5, P)


def test_arguments_that_may_coincide_weigh_on_it_and_distinct_ones_hardly():
    functions = Functions(0)
    x = Residue(3, functions, n=1)
    for k in range(4):
        (x + k).sigma(2), (x + k).sigma_prime(2)
    assert functions.calls == 8
    assert fooled(5, functions) == Fraction(5 + 8 * 7 + 8 + 8, P)
    assert fooled(5, functions, distinct=4) == Fraction(5, P - 4 * 3)


def test_divisors_leave_fewer_points():
    functions = Functions(0)
    x = Residue(3, functions, n=1)
    (x * x + 1) / (x * x)
    assert fooled(2, functions) == Fraction(2, P - 2)


def test_where_it_says_nothing_it_is_1():
    functions = Functions(0)
    assert fooled(P + 1, functions) == 1
    functions.lost = P
    assert fooled(2, functions) == 1


def test_the_degree_is_the_differences_largest():
    functions = Functions(0)
    x, y = Residue(3, functions, n=1), Residue(5, functions, n=1)
    left, right = np.array([[x * x, x]], dtype=object), np.array([[x / y, x]], dtype=object)
    assert degree_of([(left, right)]) == 3  # x² − x/y: x²y − x over y


def test_logarithms_of_what_no_float_can_hold():
    assert log2(Fraction(1, 2**2000)) == -2000 and log2(Fraction(0)) == -math.inf
    assert as_plain(Fraction(1, 4)) == {"at_most": "1/4", "log2": -2.0}
