"""Shares that did not come."""


import pytest

from compare import diagnose_graph
from tests.compare.diagnosing_graphs.styles import (
    Dispatch,
    names,
)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_op_is_not_accused_of_what_one_of_its_nodes_does(which):
    a, b, c = leaves = [Dispatch(0.7), Dispatch(1.9), Dispatch(-0.4)]
    d = a * b + c
    root = d * d.tanh() + d.tanh() ** 2 * (c * c)
    root.backward()
    leaves[which].grad = 0
    assert names(diagnose_graph(root)) == ["not-recognised"]
