"""Ops, operands and grads as they are read from somebody's nodes."""


import pytest

from compare import diagnose_graph
from engine import Value
from tests.compare.diagnosing_graphs.styles import (
    Lambdas,
    Pairs,
    arithmetic,
    names,
    net,
)


def test_large_graphs_are_read_without_recursion():
    node = first = Value(0.5)
    for _ in range(2_500):  # 5,000 ops
        node = node * 0.999 + 0.001
    node.backward()
    assert diagnose_graph(node, [first]).right


def test_an_unknown_op_is_not_judged():
    a = Pairs(2.0)
    out = Pairs(a.data**5, (a,), (7.0,), "mystery") * a
    out.backward()
    found = diagnose_graph(out)
    assert found.right is None and "nothing found; 0 of 2 ops judged" in str(found)
    assert "op 'mystery' is not known" in [u.reason for u in found.unjudged]


def test_data_that_an_update_changed_are_not_held_against_the_pass():
    root, leaves = net(Lambdas)
    root.backward()
    for leaf in leaves:
        leaf.data -= 0.1 * leaf.grad
    found = diagnose_graph(root)
    assert found.right is None and "not what the op gives" in str(found)


def test_parents_under_the_name_of_children_and_grads_of_none():
    class Children:
        def __init__(self, data, children=(), op=""):
            self.data, self.grad, self._children, self._op, self._backward = data, None, set(children), op, None

        def __mul__(self, other):
            out = Children(self.data * other.data, (self, other), "*")

            def _backward():
                for p, share in ((self, other.data * out.grad), (other, self.data * out.grad)):
                    p.grad = share if p.grad is None else p.grad + share

            out._backward = _backward
            return out

    a, b = Children(2.0), Children(3.0)
    inner = a * b
    root = inner * a
    root.grad = 1.0
    root._backward()
    inner._backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and arithmetic(found, "*") == {"rational"}
    a.grad = None
    assert names(diagnose_graph(root)) == ["not-recognised"]


@pytest.mark.parametrize(
    "label, known", [("power", False), ("**", False), ("^3", True), ("**3.0", True), ("x3", False)]
)
def test_a_power_is_known_by_its_exponent(label, known):
    class Power(Lambdas):
        def __pow__(self, n):
            return self._unary(label, self.data**n, lambda out: n * self.data ** (n - 1))

    a = Power(1.0)  # here all powers are the same
    root = a**3 + a
    root.backward()
    found = diagnose_graph(root)
    assert found.right is (True if known else None) and (f"op {label!r}" in str(found)) != known


def test_a_constant_that_is_no_node():
    class Plain(Lambdas):
        def __mul__(self, other):
            if isinstance(other, Lambdas):
                return Lambdas.__mul__(self, other)
            out = Plain(self.data * other, [self], "*")
            out._backward = lambda: self.get(other * out.grad)
            return out

    a = Plain(3.0)
    for root in (a * 3.0 + a, a * 2.0 + a):
        a.grad = 0
        root.backward()
        found = diagnose_graph(root)
        assert found.right is None and "op '*': its operands cannot be told" in str(found)
