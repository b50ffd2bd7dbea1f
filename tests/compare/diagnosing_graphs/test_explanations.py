"""Grads that were there before or were changed after, and mistakes that only the grads show."""

import random

import pytest
from micrograd.engine import Value as Micrograd

from compare import diagnose_graph
from tests.compare.diagnosing_graphs.styles import (
    Dispatch,
    Lecture,
    arithmetic,
    graph_of,
    names,
    net,
    ruled,
    small_mlp,
)


def test_gradients_of_a_leaf_that_were_not_cleared():
    a = Micrograd(2.0)
    (a * a).backward()
    root = a * a
    root.backward()
    assert names(diagnose_graph(root)) == ["left-over"]


@pytest.mark.parametrize("other", [(2.0, -1.0, 0.5), (0.3, 1.7, -0.9)])
@pytest.mark.parametrize("rate", [0.0, 0.01])
@pytest.mark.parametrize("fresh", [False, True])
def test_gradients_of_a_net_that_were_not_cleared(other, rate, fresh):
    mlp, inputs = small_mlp()
    for data in ((2.0, -1.0, 0.5), other):
        if fresh:
            inputs = [Micrograd(x) for x in data]
        for p in mlp.parameters():
            p.data -= rate * p.grad
        loss = (mlp(inputs) - 1) ** 2
        loss.backward()
    assert names(diagnose_graph(loss, mlp.parameters())) == ["left-over"]


def test_what_was_left_over_is_no_multiple_of_what_should_be_there():
    a, b = Lecture(0.7), Lecture(-1.5)
    (a * b + a).backward()
    root = a * b + b
    root.backward()
    assert names(diagnose_graph(root)) == ["left-over"]


@pytest.mark.parametrize(
    "change",
    [lambda p: 0.1 * p.grad, lambda p: 1.3 * p.grad, lambda p: max(-0.01, min(0.01, p.grad)),
     lambda p: p.grad + 0.05 * p.data],
)  # fmt: skip
def test_gradients_that_look_like_changed_ones(change):
    mlp, inputs = small_mlp()
    loss = (mlp(inputs) - 1) ** 2
    loss.backward()
    for p in mlp.parameters():
        p.grad = change(p)
    assert "changed-later" in names(diagnose_graph(loss, mlp.parameters()))


def test_leaves_that_were_set_to_0_have_nothing_left_over():
    mlp, inputs = small_mlp()
    loss = (mlp(inputs) - 1) ** 2
    loss.backward()
    mlp.zero_grad()
    assert "left-over" not in names(diagnose_graph(loss, mlp.parameters()))


def test_a_wrong_partial_and_leaves_that_were_not_cleared():
    root, leaves = net(ruled(("mul", "sign-reversed")))
    root.backward()
    for leaf in leaves:
        leaf.grad *= 2
    assert names(diagnose_graph(root)) == ["sign-reversed", "left-over"]


@pytest.mark.parametrize(
    "wrong",
    [("mul-own-factor",), ("tanh-no-square",), ("overwritten",), ("mul-own-factor", "tanh-no-square"),
     ("overwritten", "tanh-no-square"), ("overwritten", "mul-own-factor")],
)  # fmt: skip
def test_one_function_for_all_ops(wrong):
    root, leaves = net(type("Dispatch", (Dispatch,), {"wrong": wrong}))
    root.backward()
    found = diagnose_graph(root, leaves)
    assert sorted(names(found)) == sorted(wrong) and arithmetic(found, "*") == {"float64"}


@pytest.mark.parametrize("seed, which", [(69, 2), (173, 3)])
def test_overwriting_is_not_named_where_other_nodes_kept_all_their_shares(seed, which):
    root, leaves = graph_of(Dispatch, random.Random(seed), ["relu", "tanh"])
    root.backward()
    leaves[which].grad = 0
    assert "overwritten" not in names(diagnose_graph(root))


def test_a_partial_that_is_nearly_right_is_told_from_the_right_one():
    class Nearly(Lecture):
        def __mul__(self, other):
            out = super().__mul__(other)
            del out._backward  # all that is known is the grads
            return out

    a, b = Nearly(2.0), Nearly(3.0)
    root = a * b
    root.grad, a.grad, b.grad = 1.0, 3.0000003, 2.0000002
    (found,) = diagnose_graph(root, [a, b]).findings
    assert any(f"grad is {n}.000000{n}, its uses give {n}; " in found.numbers for n in (2, 3))
    assert found.numbers.endswith("; each of these is 1.0000001 times that")
    root.grad = 1 + 1e-7
    assert "the root's grad is 1.0000001" in str(diagnose_graph(root, [a, b]))
