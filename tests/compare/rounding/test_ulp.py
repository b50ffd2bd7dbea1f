import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.rounding.ulp import identical, ulps

FLOATS = st.floats(allow_nan=False)


@given(FLOATS)
def test_the_next_float_is_one_away(x):
    up = math.nextafter(x, math.inf)
    assert ulps(x, up) == ulps(up, x) == (0 if x == math.inf else 1)


@given(FLOATS, FLOATS, FLOATS)
def test_distances_add_up_in_order(a, b, c):
    a, b, c = sorted((a, b, c))
    assert ulps(a, b) + ulps(b, c) == ulps(a, c)


def test_zeros_infinities_and_nans():
    assert ulps(0.0, -0.0) == 0
    assert ulps(-5e-324, 5e-324) == 2
    assert ulps(math.inf, 1.7976931348623157e308) == 1
    assert ulps(math.nan, -math.nan) == 0
    assert ulps(math.nan, 1.0) == ulps(math.inf, math.nan) == math.inf
    assert ulps(-math.inf, math.inf) == 2 * 0x7FF0000000000000


def test_only_floats_have_ulps():
    assert ulps(np.float64(1.0), 1.0) == 0
    with pytest.raises(TypeError, match=r"ulps\(b\): expected a float, got int 1"):
        ulps(1.0, 1)
    with pytest.raises(TypeError, match=r"ulps\(a\)"):
        ulps("1", 1.0)


@given(st.floats(), st.floats())
def test_identical_is_equality_of_bits_for_numbers_and_nan_is_nan(a, b):
    expected = struct.pack("<d", a) == struct.pack("<d", b) or (a != a and b != b)
    assert identical(np.array([[a]]), np.array([[b]])).tolist() == [[expected]]
    assert identical(np.array([[a]]), np.array([[a]])).all()


def test_a_nan_with_other_bits_is_a_nan():
    (other,) = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0123))
    assert identical(np.array([math.nan]), np.array([other])).all()


def test_identical_on_transposed_and_strided_arrays():
    a = np.arange(12.0).reshape(3, 4)
    assert identical(a.T, a.T.copy()).all() and identical(a[:, ::2], a[:, ::2].copy()).all()


def test_objects_are_compared_by_type_and_value():
    a, b = np.empty(5, dtype=object), np.empty(5, dtype=object)
    a[:] = [1, 0.0, math.nan, 2.0, 0]
    b[:] = [1, -0.0, math.nan, 2.0, 0.0]
    assert identical(a, b).tolist() == [True, False, True, True, False]


def test_a_float_array_beside_objects():
    objects = np.empty(2, dtype=object)
    objects[:] = [1.5, 0]  # the int 0 is what a node has that no path leads to
    assert identical(np.array([1.5, 0.0]), objects).tolist() == [True, False]
