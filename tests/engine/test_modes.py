import math
import threading

import numpy as np
import pytest

from engine import Value, detect_nonfinite, grad, no_grad
from engine.modes import active, inside


@pytest.fixture(autouse=True)
def modes_are_left():
    yield
    assert active == []


def test_no_grad_records_nothing():
    x = Value(2.0)
    with no_grad():
        y = (x * 3 + 1).exp()
    assert y.data == math.exp(7.0) and y.parents == () and y._op == ""
    y.backward()
    assert x.grad == 0


def test_modes_nest_and_survive_exceptions():
    x = Value(2.0)
    with no_grad():
        with no_grad():
            pass
        assert (x * x).parents == ()
        with pytest.raises(ZeroDivisionError), no_grad():
            x / 0.0
        assert inside("no_grad")
    assert (x * x).parents == (x, x) and not inside("no_grad")


def test_no_grad_holds_for_its_thread_only():
    x, found = Value(2.0), []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append((x * x).parents))
        thread.start()
        thread.join()
    assert found == [(x, x)]


def test_within_no_grad_a_float_is_a_float():
    with no_grad():
        assert math.exp(Value(1.0)) == math.e
        assert np.array([Value(2.0)], float).tolist() == [2.0]


def test_the_first_node_whose_data_is_not_finite_is_named():
    a, b = Value(1e200, label="a"), Value(1e200)
    with detect_nonfinite():
        with pytest.raises(FloatingPointError, match=r"data is inf at op × of \(a = 1e\+200, 1e\+200\)"):
            a * b
        with pytest.raises(FloatingPointError, match=r"data is nan at op − of \(inf, inf\)"):
            Value(math.inf) - Value(math.inf)
    assert (a * b).data == math.inf


@pytest.mark.parametrize("derive", [lambda y, x: y.backward(), lambda y, x: grad(y, x)], ids=["backward", "grad"])
def test_the_first_node_whose_adjoint_is_not_finite_is_named(derive):
    x = Value(1e-200, label="x")
    z = x * 1.0
    z.label = "z"
    with detect_nonfinite():
        y = z * 1e200 * 1e200
        with pytest.raises(FloatingPointError, match=r"the adjoint is inf at 'z', op × of \(x = 1e-200, 1.0\)"):
            derive(y, x)
    assert x.grad == 0
    derive(y, x)  # outside of the mode infinities pass


def test_a_leaf_whose_adjoint_is_not_finite_is_named():
    x = Value(1e-200, label="x")
    with detect_nonfinite(), pytest.raises(FloatingPointError, match="adjoint is inf at leaf 'x'"):
        (x * 1e200 * 1e200 + x * 1e308 * 1e-308).backward()


def test_the_check_of_lanes():
    lanes = Value(np.array([1.0, math.nan]), label="lanes")
    with detect_nonfinite(), pytest.raises(FloatingPointError, match=r"at op \+ of \(lanes ="):
        lanes + 1.0


def test_within_the_mode_backward_sets_the_same_grads():
    def grads():
        x = Value(0.3)
        z = x * 3
        y = z.tanh() + z
        y.backward()
        return [n.grad.hex() for n in (x, z, y)]

    outside = grads()
    with detect_nonfinite():
        assert grads() == outside
