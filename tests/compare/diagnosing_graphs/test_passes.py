"""Passes that run twice, in a wrong order, or along every path."""


import pytest
from micrograd.engine import Value as Micrograd

from compare import diagnose_graph
from tests.compare.diagnosing_graphs.styles import (
    Captured,
    Dispatch,
    Lambdas,
    Ruled,
    down,
    names,
    net,
    ruled,
    small_mlp,
)


@pytest.mark.parametrize("times", [2, 3])
def test_a_second_backward_of_micrograd(times):
    a, b = Micrograd(2.0), Micrograd(-3.0)
    c = a * b
    root = (c + a) * c
    for _ in range(times):
        root.backward()
    found = diagnose_graph(root)
    assert names(found) == ["second-backward"] and f"ran {times} times" in str(found)


@pytest.mark.parametrize("times", [2, 3])
def test_a_second_backward_of_a_net_with_only_its_parameters_cleared(times):
    mlp, inputs = small_mlp()
    loss = (mlp(inputs) - 1) ** 2
    for _ in range(times):
        mlp.zero_grad()
        loss.backward()
    found = diagnose_graph(loss, mlp.parameters())
    assert names(found) == ["second-backward"] and f"ran {times} times, with leaves set to 0" in str(found)


def test_a_wrong_partial_and_a_second_backward():
    root, _ = net(ruled(("tanh", "tanh-no-square")))
    root.backward()
    root.backward()
    assert names(diagnose_graph(root)) == ["tanh-no-square", "second-backward"]


def test_a_second_backward_after_the_leaves_were_cleared():
    root, leaves = net(Lambdas)
    root.backward()
    for leaf in leaves:
        leaf.grad = 0
    root.backward()
    found = diagnose_graph(root)
    assert names(found) == ["second-backward"] and "leaves set to 0" in str(found)


@pytest.mark.parametrize("order, name", [("up", "not-reversed"), ("pre", "not-topological")])
def test_a_wrong_order_and_a_wrong_partial(order, name):
    root, _ = net(ruled(("mul", "mul-own-factor")))
    root.grad = 1.0
    nodes, seen = down(root)[::-1], []
    if order == "pre":
        stack, nodes = [root], []
        while stack:
            node = stack.pop()
            if id(node) not in seen:
                seen.append(id(node))
                nodes.append(node)
                stack += list(node._prev)[::-1]
    for node in nodes:
        node._backward()
    assert names(diagnose_graph(root)) == ["mul-own-factor", name]


def recursive(node):
    node._backward()
    for p in node._prev:
        recursive(p)


def queued(node):
    waiting = [node]
    while waiting:
        node = waiting.pop(0)
        node._backward()
        waiting += node._prev


@pytest.mark.parametrize("walk", [recursive, queued])
@pytest.mark.parametrize("kind", [Lambdas, Captured, Ruled])
def test_a_pass_that_visits_a_node_on_every_path(walk, kind):
    root, _ = net(kind)
    root.grad = 1.0
    walk(root)
    assert names(diagnose_graph(root)) == ["visited-again"]


def test_only_leaves_show_that_a_node_was_visited_again():
    a, b = Lambdas(0.5), Lambdas(-1.5)
    h = a * b
    root = h * a + h
    root.grad = 1.0
    recursive(root)
    assert names(diagnose_graph(root)) == ["visited-again"]


def test_a_wrong_partial_and_a_recursive_pass():
    root, _ = net(ruled(("mul", "mul-own-factor")))
    root.grad = 1.0
    recursive(root)
    assert names(diagnose_graph(root)) == ["mul-own-factor", "visited-again"]


def test_paths_without_end_are_not_followed():
    a = root = Lambdas(0.5)
    for _ in range(200):
        root = root * 0.5 + root * 0.5
    root.backward()
    a.grad += 0.1
    assert names(diagnose_graph(root)) == ["not-recognised"]


def test_one_function_for_all_ops_called_twice():
    root, _ = net(type("Dispatch", (Dispatch,), {"wrong": ("tanh-no-square",)}))
    root.backward()
    root.backward()
    assert names(diagnose_graph(root)) == ["tanh-no-square", "second-backward"]


def test_what_is_assigned_is_not_taken_for_cleared():
    a, b = Dispatch(0.7), Dispatch(-0.2)
    root = a * b**-1 * -1 * -1
    root.backward()
    a.grad = 0
    assert "second-backward" not in names(diagnose_graph(root))
