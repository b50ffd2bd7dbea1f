import math
import statistics

import numpy as np
import pytest

from engine import Value


def test_float_written_as_such_is_allowed():
    v = Value(2.5)
    assert float(v) == 2.5 and [float(x) for x in (v, v)] == [2.5, 2.5]
    assert (lambda x: float(x) + 1)(v) == 3.5
    assert math.exp(float(v)) == math.exp(2.5)
    assert (
        float(
            v,
        )
        == 2.5
    )
    assert type(float(Value(3))) is float


CUTS = {
    "math.exp": lambda v: math.exp(v),
    "math.floor": lambda v: math.floor(v),
    "np.array": lambda v: np.array([v], float),
    "np.asarray": lambda v: np.asarray([v, v], dtype=np.float64),
    "item assignment": lambda v: np.zeros(1).__setitem__(0, v),
    "astype": lambda v: np.array([v], dtype=object).astype(float),
    "format": lambda v: "%.2f" % v,  # noqa: UP031
    "complex": lambda v: complex(v),
    "map": lambda v: list(map(float, [v])),
    "fmean": lambda v: statistics.fmean([v]),
    "float elsewhere on the line": lambda v: float("1") + math.exp(v),
    "float around": lambda v: float(math.exp(v)),
}


@pytest.mark.parametrize("how", CUTS)
def test_what_would_cut_the_graph_silently_is_refused(how):
    with pytest.raises((TypeError, ValueError)) as caught:
        CUTS[how](Value(2.5))
    chain = [caught.value, caught.value.__cause__]
    assert any("cut the graph silently" in str(e) for e in chain)


def test_lanes_are_many_numbers():
    with pytest.raises(TypeError, match="carries 2 lanes"):
        float(Value(np.array([1.0, 2.0])))


def test_int_of_a_value_is_refused():
    with pytest.raises(TypeError):
        int(Value(2.0))
