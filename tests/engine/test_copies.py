import copy
import pickle
import random

import numpy as np
import pytest

from engine import Value
from engine.nn import MLP
from engine.reverse import nodes


def graph():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = (a * b + a).tanh() ** 3 + a.maximum(1)
    y.backward()
    return a, b, y


def facts(root):
    return [(n.data, n.grad, n.label, n._op, n._row, n._dx, n._dy) for n in nodes(root)]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_graph_comes_back_whole(protocol):
    _, _, y = graph()
    back = pickle.loads(pickle.dumps(y, protocol))
    assert back is not y and facts(back) == facts(y)
    leaf = nodes(back)[0]
    before = leaf.grad
    back.backward()
    assert leaf.grad == 2 * before


def test_a_pickled_leaf():
    back = pickle.loads(pickle.dumps(Value(0.1, label="w")))
    assert (back.data, back.grad, back.label, back.parents) == (0.1, 0, "w", ())


def test_loss_and_parameters_pickled_together_stay_connected():
    a, b, y = graph()
    for order in ((y, [a, b]), ([a, b], y)):
        back = pickle.loads(pickle.dumps(order))
        loss, params = back if isinstance(back[0], Value) else back[::-1]
        assert all(any(p is n for n in nodes(loss)) for p in params)
        before = params[0].grad
        loss.backward()
        assert params[0].grad == 2 * before


def test_deepcopy_of_a_list_keeps_what_is_shared():
    a, b, y = graph()
    z = y * b
    a2, b2, y2, z2, again = copy.deepcopy([a, b, y, z, a])
    assert again is a2 is not a and z2.parents == (y2, b2)
    assert facts(z2) == facts(z) and {a2, b2} <= set(nodes(y2))
    assert not set(nodes(z)) & set(nodes(z2))


def test_copies_of_lanes():
    v = Value(np.array([1.0, 2.0]))
    for twin in (copy.deepcopy(v * v), pickle.loads(pickle.dumps(v * v))):
        twin.backward()
        assert nodes(twin)[0].grad.tolist() == [2.0, 4.0]


def test_a_pickled_model_is_its_parameters_only():
    random.seed(0)
    mlp = MLP(3, [8, 1], activation="tanh")
    size = len(pickle.dumps(mlp))
    out = mlp([0.1, 0.2, 0.3])
    assert len(pickle.dumps(mlp)) == size < len(pickle.dumps(out))
    back = pickle.loads(pickle.dumps(mlp))
    assert back.z is None and back.layers[0].z is None and back.layers[0].neurons[0].z is None
    assert [p.data for p in back.parameters()] == [p.data for p in mlp.parameters()]
    assert back([0.1, 0.2, 0.3]).data == out.data
    assert copy.deepcopy(mlp)([0.1, 0.2, 0.3]).data == out.data


def test_a_leaf_of_a_class_of_its_own_comes_back_as_one():
    back = pickle.loads(pickle.dumps(Weight(0.5, label="w")))
    assert type(back) is Weight and back.data == 0.5
    assert [type(n) for n in nodes(pickle.loads(pickle.dumps(back * 2)))] == [Weight, Value, Value]


class Weight(Value):
    __slots__ = ()
