"""`trace`: a numpy forward function on Values."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from compare.candidates.forward_trace import trace
from engine import Value, modes

X, Y = np.array([[0.5], [-1.0]]), np.array([[1.0]])
W, B = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0.5], [0.6]])


def forward(params, x, y):
    W, b = params
    a = 1.0 / (1.0 + np.exp(-(np.dot(W, x) + b)))
    return 0.5 * np.sum((a - y) ** 2)


def analytic():
    a = 1 / (1 + np.exp(-(W @ X + B)))
    delta = (a - Y) * a * (1 - a)
    return delta @ X.T, delta


def test_the_graph_and_its_gradients():
    graph = trace(forward, [W, B], X, Y)
    assert isinstance(graph.cost, Value) and graph.cost.data == pytest.approx(forward([W, B], X, Y))
    for found in (graph.grads(), graph.backward()):
        for gradient, expected in zip(found, analytic(), strict=True):
            assert gradient.dtype == np.float64 and np.allclose(gradient, expected, rtol=1e-14)
    assert graph.params[0][0, 1].grad == graph.grads()[0][0, 1]
    assert graph.grads(graph.x).shape == (2, 1) and graph.notes == ()
    assert graph.params[0][1, 0].label == "params[0][1,0]" and graph.x[1, 0].label == "x[1,0]"


class Layer(NamedTuple):
    W: np.ndarray
    b: np.ndarray


@pytest.mark.parametrize(
    ("params", "read"),
    [
        ({"W": W, "b": B}, lambda p: (p["W"], p["b"])),
        ((W, B), lambda p: p),
        (Layer(W, B), lambda p: (p.W, p.b)),
        ([[W, B]], lambda p: p[0]),
        ([[W.tolist()], {"b": B.tolist()}], lambda p: (p[0][0], p[1]["b"])),
    ],
)
def test_structures_are_kept(params, read):
    graph = trace(lambda p, x, y: forward([np.reshape(v, v.shape[-2:]) for v in read(p)], x, y), params, X, Y)
    assert type(graph.params) is type(params) is type(graph.grads())
    for gradient, expected in zip(read(graph.grads()), analytic(), strict=True):
        assert np.allclose(gradient.reshape(expected.shape), expected)


def test_numbers_rows_and_ragged_lists():
    graph = trace(lambda w, x: w * x, 3, 2.0)
    assert graph.y is None and graph.grads() == 2.0 and graph.params.label == "params"
    assert trace(lambda w, x: (w * x).sum(), [1, 2], 2.0).grads().tolist() == [2.0, 2.0]
    ragged = trace(lambda w, x: w[0][0] * w[1][1] * x, [[1.0], [2.0, 3.0]], 2.0)
    assert [g.tolist() for g in ragged.grads()] == [[6.0], [0.0, 2.0]]


def test_one_element_of_an_array_is_a_cost():
    assert trace(lambda w, x: w * x, [[3.0]], 2.0).cost.data == 6.0
    assert trace(lambda w, x: np.array(w * x), 3.0, 2.0).cost.data == 6.0


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (lambda w, x: w * x, r"an array of shape \(2,\): add the costs up"),
        (lambda w, x: 1.0, "float 1.0; a plain number has no graph"),
        (lambda w, x: None, "NoneType None"),
        (lambda w, x: w[0].data, "float 1.0"),
    ],
)
def test_what_is_no_cost_is_refused(cost, message):
    with pytest.raises(TypeError, match=message):
        trace(cost, [1.0, 2.0], 2.0)


def by_float(w, x):
    return w[0] * float(x[0])


def by_math(w, x):
    return w[0] * math.exp(x[0])


def by_array(w, x):
    return (w * np.array(x, float)).sum()


def by_astype(w, x):
    return (w * x.astype(float)).sum()


@pytest.mark.parametrize(
    ("cut", "line"),
    [
        (by_float, "return w[0] * float(x[0])"),
        (by_math, "return w[0] * math.exp(x[0])"),
        (by_array, "np.array(x, float)"),
        (by_astype, "x.astype(float)"),
    ],
)
def test_a_cut_names_the_line(cut, line):
    with pytest.raises(TypeError) as caught:
        trace(cut, [1.0, 2.0], [0.5, 1.5])
    message = str(caught.value)
    assert "forward, test_forward_trace.py:" in message and line in message and "cuts the graph" in message
    assert modes.recorder() is None


def test_detach_is_allowed_since_it_says_so():
    assert trace(lambda w, x: w * x + w.detach(), 3.0, 2.0).grads() == 2.0


def test_float_works_again_afterwards():
    trace(lambda w, x: w * x, 3.0, 2.0)
    assert float(Value(2.0)) == 2.0


def test_an_unknown_function_names_the_line():
    with pytest.raises(TypeError, match=r"test_forward_trace.py:\d+, .*np.cbrt"):
        trace(lambda w, x: np.cbrt(w).sum(), [1.0, 2.0], 2.0)


def test_writing_into_zeros_is_helped_and_said():
    def loops(params, x, y):
        z = np.zeros((2, 1))
        for i in range(2):
            z[i, 0] = params[0][i, 0] * x[0, 0] + params[0][i, 1] * x[1, 0]
        z += params[1]
        return ((1 / (1 + np.exp(-z)) - y) ** 2).sum() / 2

    graph = trace(loops, [W, B], X, Y)
    assert np.allclose(graph.grads()[0], analytic()[0])
    assert "z[i, 0] = params" in graph.notes[0] and np.zeros(1).dtype == float


def test_other_errors_are_the_user_s_own():
    with pytest.raises(ZeroDivisionError):
        trace(lambda w, x: 1 / 0, 1.0, 2.0)
    with pytest.raises(TypeError, match="forward: expected a function"):
        trace(3, 1.0, 2.0)
    with pytest.raises(TypeError, match="params: expected real numbers"):
        trace(forward, "weights", X, Y)


def test_a_leaf_without_a_path_has_derivative_0():
    graph = trace(lambda w, x: w[0] * x, [1.0, 2.0], 2.0)
    assert graph.backward().tolist() == graph.grads().tolist() == [2.0, 0.0]


def test_what_forward_writes_into_its_arguments_leaves_the_leaves_alone():
    def centred(params, x, y):
        x -= x.sum() / 2
        params["W"] *= 2.0
        return ((params["W"] @ x - y) ** 2).sum()

    graph = trace(centred, {"W": [[0.5, -1.0]]}, X, Y)
    assert [v.data for v in graph.x.flat] == [0.5, -1.0] and graph.params["W"][0, 0].label == "W[0,0]"
    assert graph.grads()["W"].tolist() == [[3.75, -3.75]] and graph.grads(graph.x).tolist() == [[3.75], [-3.75]]
