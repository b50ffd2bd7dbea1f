"""Steps are run, and afterwards all is as before."""


import pytest
from micrograd.engine import Value as Micrograd

from compare import diagnose_graph
from tests.compare.diagnosing_graphs.styles import (
    Captured,
    Dispatch,
    Lambdas,
    Ruled,
    down,
    net,
)


def bits(nodes):
    return [(id(n.data), id(n.grad), repr(n.data), repr(n.grad)) for n in nodes]


@pytest.mark.parametrize("kind", [Micrograd, Lambdas, Captured, Ruled, Dispatch])
def test_the_graph_is_afterwards_what_it_was(kind):
    a, b = kind(0.5), kind(-1.5)
    root = (a * b + a) * b + a
    root.backward()
    before = bits(down(root))
    diagnose_graph(root)
    assert bits(down(root)) == before


def test_the_graph_is_what_it_was_also_when_a_step_raises_or_goes_astray():
    a, b = Lambdas(0.5), Lambdas(-1.5)
    inner = a * b
    raising, straying = inner + a, inner * b
    root = raising * straying
    root.backward()
    calls = []

    def fail():
        calls.append(1)
        inner.grad = a.grad = inner.data = 7.0
        raise RuntimeError("not on such numbers")

    def stray():
        calls.append(2)
        inner.grad += b.data * straying.grad
        b.grad += inner.data * straying.grad
        a.grad += 1  # no parent of this node
        a.data = 3.0

    raising._backward, straying._backward = fail, stray
    before = bits(down(root))
    diagnose_graph(root)
    assert set(calls) == {1, 2} and bits(down(root)) == before


def test_a_class_that_refuses_assignment_is_judged_by_its_grads():
    class Frozen(Dispatch):
        frozen = False

        def __setattr__(self, name, value):
            if self.frozen:
                raise AttributeError(f"{name} is frozen")
            object.__setattr__(self, name, value)

        def _backward(self):
            raise AssertionError

    root, _ = net(Frozen)
    root.backward()
    Frozen.frozen = True
    found = diagnose_graph(root)
    assert found.right and {j.arithmetic for j in found.judged} == {"float64"}
