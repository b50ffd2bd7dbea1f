"""What cannot be judged is not called right."""

import random

import numpy as np
import pytest
from micrograd.engine import Value as Micrograd
from micrograd.nn import MLP

from compare import diagnose_graph
from tests.compare.diagnosing_graphs.styles import Captured, Lambdas, Lecture, Pairs, diamond, down, graph_of, quotient


@pytest.mark.parametrize("seed", range(20))
def test_short_floats_round_more(seed):
    class Short(Captured):
        def __init__(self, data, prev=(), op=""):
            super().__init__(data, prev, op)
            self.data = np.float32(data)

    root, _ = graph_of(Short, random.Random(seed), ["relu", "tanh", "sigmoid"])
    root.backward()
    found = diagnose_graph(root)
    assert found.right and any("shorter than float64" in note for note in found.notes)


def test_grads_that_are_not_finite_are_not_judged():
    a, b = Lambdas(2.0), Lambdas(3.0)
    root = a * b + a
    root.backward()
    a.grad = float("inf")
    found = diagnose_graph(root)
    assert found.right is None and "not finite" in str(found) and "0 of 2 ops judged" in str(found)


def reasons(diagnosis):
    return " ".join(u.reason for u in diagnosis.unjudged)


def judged(diagnosis):
    return sum(j.nodes for j in diagnosis.judged)


@pytest.mark.parametrize("label", ["", "mystery"])
def test_ops_that_are_not_known(label):
    root, leaves = diamond(Lambdas)
    root._prev[0]._op = label  # tanh, of which nothing else depends
    root.backward()
    found = diagnose_graph(root, leaves)
    assert found.right is None and f"op {label!r} is not known" in reasons(found) and 0 < judged(found) < 6


def test_one_parent_in_a_set_without_a_step_is_no_product():
    c = Captured(3.0)
    root = c * c
    root.backward()
    assert diagnose_graph(root).right
    del root._backward
    found = diagnose_graph(root)
    assert found.right is None and "cannot be told" in reasons(found)


@pytest.mark.parametrize("partial", [1, 2])
def test_one_parent_in_a_set_may_stand_for_two_or_beside_a_number(partial):
    class Set(Lecture):
        def square(self):  # or three times it, as 3 · 3
            out = Set(self.data * 3.0, (self,), "*")

            def _backward():
                self.grad += partial * 1.5 * out.grad

            out._backward = _backward
            return out

    c = Set(3.0)
    root = c.square() + c
    root.backward()
    found = diagnose_graph(root)
    assert found.right is None and "operands may be others" in reasons(found) and judged(found) == 0


def test_an_op_without_parents_may_have_used_any_node():
    root, leaves = quotient(Pairs)
    cut = Pairs(4.0, op="exp") * root
    cut.backward()
    leaves[0].grad += 7.0  # as if it had come from there
    found = diagnose_graph(cut, leaves)
    assert found.right is None and "op 'exp' without parents" in reasons(found)


@pytest.mark.parametrize("empty", [None, 0.0])
def test_a_pass_that_keeps_the_grads_of_leaves_alone(empty):
    root, leaves = quotient(Pairs)
    root.backward()
    for node in down(root):
        if node._prev:
            node.grad = empty
    found = diagnose_graph(root, leaves)
    assert found.right is None and "but those of leaves" in reasons(found) and judged(found) == 0


def test_a_leaf_that_an_update_changed_beside_a_0():
    random.seed(1)
    net = MLP(2, [4, 4, 1])
    loss = (net([Micrograd(1.0), Micrograd(-2.0)]) - 1) ** 2
    loss.backward()
    for p in net.parameters():
        p.data -= 0.1 * p.grad + 0.01 * p.data
    found = diagnose_graph(loss, net.parameters())
    assert found.right is None and 0 < judged(found) < 66, str(found)


@pytest.mark.parametrize("slip", [0, 1])
def test_short_floats_lose_what_is_small(slip):
    class Half(Pairs):
        def __init__(self, data, prev=(), partials=(), op=""):
            super().__init__(np.float16(data), prev, partials, op)

        def __mul__(self, other):
            return type(self)(self.data * other.data, (self, other), (slip * other.data, self.data), "*")

    a, b = Half(1e-4), Half(2e-4)
    root = a * b + a * b
    root.backward()
    found = diagnose_graph(root)
    assert found.right is None and "underflow" in reasons(found)


def test_shares_that_are_too_large_for_a_float():
    root = Pairs(1e200) * Pairs(1e-200)
    other = root * root
    other.backward()
    other.grad, root.grad, root._prev[1].grad = 1.0, 1e200, 3.0
    assert diagnose_graph(other).right is False
    root.grad = 1e300
    root._prev[0].grad = 1e100
    root._prev[1].grad = 1e300  # 1e500 would be right
    assert "no finite number" in reasons(diagnose_graph(other))


@pytest.mark.parametrize("at_zero, right", [(0.0, True), (0.25, True), (1.0, False), (7.0, None), (-0.5, None)])
def test_a_convention_at_a_kink_lies_between_the_derivatives_on_either_side(at_zero, right):
    class Kinked(Lambdas):
        def relu(self):
            return self._unary("relu", max(self.data, 0.0), lambda out: self.data > 0 or (self.data == 0) * at_zero)

    a = Kinked(0.0)
    root = a.relu() + a
    root.backward()
    found = diagnose_graph(root)
    assert found.right is right and ("at its kink" in reasons(found)) == (right is None)


@pytest.mark.parametrize("twice, right", [(False, None), (True, False)])  # max(a, a) = a has one derivative only
def test_both_operands_of_a_maximum_that_get_all_on_a_tie(twice, right):
    class Both(Lambdas):
        def max(self, other):
            out = Both(max(self.data, other.data), [self, other], "max")
            out._backward = lambda: (
                self.get(out.grad * (self.data >= other.data)),
                other.get(out.grad * (other.data >= self.data)),
            )
            return out

    a = Both(1.5)
    root = a.max(a if twice else Both(1.5)) + a
    root.backward()
    found = diagnose_graph(root)
    assert found.right is right and ("at its kink" in reasons(found)) != twice


@pytest.mark.parametrize("grad, right", [(1.0, None), (0.0, False)])
@pytest.mark.parametrize("op", ["", "*"])
def test_a_root_that_is_a_leaf(op, grad, right):
    leaf = Pairs(2.0, op=op)
    leaf.grad = grad
    found = diagnose_graph(leaf)
    assert found.right is right and f"0 of {int(bool(op))} ops judged" in str(found)
    assert ("without" in str(found)) == bool(op)
