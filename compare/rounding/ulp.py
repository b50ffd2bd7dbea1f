"""The distance of two floats in ULP, and equality of bits."""

import math
import struct
from typing import Any

import numpy as np

from explicit.elementwise import Array


def _rank(x: float) -> int:
    """The place of x in the order of all floats; 0.0 and −0.0 share the place 0."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    return int(bits) if bits >= 0 else -(int(bits) + 2**63)


def ulps(a: float, b: float) -> int | float:
    """How many floats lie between a and b, counting one of them: 0 for equal numbers.

    0.0 and −0.0 are 0 ULP apart (yet not the same bits); two NaNs are 0, a NaN and a number inf.

    Raises
    ------
    TypeError
        a or b is not a float: exact numbers have no unit in the last place.

    >>> ulps(1.0, 1.0000000000000002), ulps(-0.0, 5e-324), ulps(1.0, float("nan"))
    (1, 1, inf)
    """
    for name, x in (("a", a), ("b", b)):
        if not isinstance(x, float):
            raise TypeError(f"ulps({name}): expected a float, got {type(x).__name__} {x!r:.60}")
    if a != a or b != b:
        return 0 if a != a and b != b else math.inf
    return abs(_rank(a) - _rank(b))


def identical(a: Array, b: Array) -> Array:
    """Element by element: the same bits for float64 (a NaN is a NaN, −0.0 is not 0.0), ``==`` else.

    >>> identical(np.array([0.0, np.nan]), np.array([-0.0, np.nan])).tolist()
    [False, True]
    """
    if a.dtype == np.float64 and b.dtype == np.float64:
        same = np.ascontiguousarray(a).view(np.int64) == np.ascontiguousarray(b).view(np.int64)
        return np.asarray(same | (np.isnan(a) & np.isnan(b)))
    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    return np.array([same_number(x, y) for x, y in pairs], dtype=bool).reshape(a.shape)


def same_number(x: Any, y: Any) -> bool:
    """The same bits for two floats (a NaN is a NaN), else one type and ``==``."""
    if type(x) is float and type(y) is float:
        return x.hex() == y.hex()
    return type(x) is type(y) and bool(x == y)
