"""What is proved of backward steps that are run on exact numbers, also of several that are wrong."""

import math
import random

import numpy as np
import pytest

from compare import diagnose_graph
from compare.diagnosing_graphs.graph_mistakes import wrong_rules
from engine.ops import TABLE
from tests.compare.diagnosing_graphs.styles import (
    Captured,
    Lambdas,
    Slots,
    arithmetic,
    names,
    net,
    ruled,
)


@pytest.mark.parametrize(
    "op, expected",
    [("*", "rational"), ("**3", "rational"), ("relu", "rational"), ("max", "rational"), ("tanh", "finite field"),
     ("sigmoid", "finite field"), ("exp", "finite field"), ("log", "finite field")],
)  # fmt: skip
def test_ops_on_live_data_are_proved(op, expected):
    a, b = Lambdas(0.5), Lambdas(1.5)
    root = ((a * b).tanh() + a.sigmoid() - b.exp() / a.log()).max(a) ** 3 + (-a).relu() * b.relu()
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and not found.notes
    assert arithmetic(found, op) == {expected} and f"exact, {expected}" in str(found)


def test_floats_that_a_step_has_kept_are_not_held_against_it():
    a, b = Captured(0.5), Captured(-1.5)
    root = (a * b).tanh() * a.relu() + b.relu() * a + a.exp() * b.sigmoid() + a**3
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and arithmetic(found, "tanh") == {"float64"}
    assert arithmetic(found, "+") == {"rational"}


@pytest.mark.parametrize(
    "kept, mistakes",
    [("relu", ["relu-passes-all"]), (None, ["relu-passes-all"]), (math.tanh, ["relu-passes-all"]),
     (["a", "b"], ["relu-passes-all"]), (lambda: "a", ["relu-passes-all"]),
     (1.0, []), (True, []), (np.float32(1), []), (np.ones(1), []), ([{"slope": 1}], []), (object(), [])],
)  # fmt: skip
def test_only_numbers_are_kept_floats(kept, mistakes):
    class Keeps(Lambdas):
        def relu(self):
            out = Keeps(max(self.data, 0.0), [self], "relu")
            out._backward = lambda: kept is not out and self.get(out.grad)
            return out

    a, b = Keeps(2.0), Keeps(3.0)
    root = a.relu() * b + b.relu()  # all data are positive: these gradients are right
    root.backward()
    assert names(diagnose_graph(root, [a, b])) == mistakes


@pytest.mark.parametrize("seed", range(10))
def test_steps_that_are_methods_and_data_that_are_forced_to_float(seed):
    generator = random.Random(seed)
    a, b = Slots(generator.uniform(-1, 1)), Slots(generator.uniform(-1, 1))
    root = (a * b + a).relu() * 3.0 + b * a * a
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and {j.arithmetic for j in found.judged} == {"float64"}


def test_two_wrong_ops():
    root, _ = net(ruled(("tanh", "tanh-of-data"), ("mul", "mul-own-factor")))
    root.backward()
    assert names(diagnose_graph(root)) == ["mul-own-factor", "tanh-of-data"]  # walking backward from the root


@pytest.mark.parametrize("both", [("add", "mul", "tanh"), ("tanh",), ("mul",)])
def test_overwriting_and_a_wrong_partial(both):
    root, _ = net(ruled(("tanh", "tanh-no-square"), assigning=both))
    root.backward()
    found = diagnose_graph(root)
    assert "tanh-no-square" in names(found)
    assert set(names(found)) <= {"tanh-no-square", "overwritten"}
    assert ("overwritten" in names(found)) != any("`=`" in note for note in found.notes)


def test_overwriting_a_wrong_partial_and_the_chain_rule_in_one_op():
    kind = ruled(("mul", "mul-own-factor"), assigning=("mul",))
    kind.rules["tanh"] = next(r for r in wrong_rules(TABLE["tanh"]) if not r.chain)
    root, _ = net(kind)
    root.backward()
    assert set(names(diagnose_graph(root))) == {"overwritten", "mul-own-factor", "chain-forgotten"}


def test_a_convention_of_its_own_on_a_tie_is_no_mistake():
    class Halves(Lambdas):
        def max(self, other):
            out = Halves(max(self.data, other.data), [self, other], "max")
            half = 0.5
            out._backward = lambda: (
                self.get(out.grad * (half if self.data == other.data else self.data > other.data)),
                other.get(out.grad * (half if self.data == other.data else self.data < other.data)),
            )
            return out

    a, b = Halves(1.5), Halves(1.5)
    root = a.max(b) * a
    root.backward()
    found = diagnose_graph(root)
    assert found.right and any("convention" in note for note in found.notes)


def test_a_partial_off_by_a_tenth_of_a_percent_is_seen_and_not_named():
    class Off(Lambdas):
        def tanh(self):
            return self._unary("tanh", math.tanh(self.data), lambda out: 1.001 * (1 - out.data**2))

    root, _ = net(Off)
    root.backward()
    found = diagnose_graph(root)
    assert names(found) == ["not-recognised"] and "tanh" in found.findings[0].numbers


def test_a_step_that_was_never_attached():
    root, _ = net(ruled(("tanh", "nothing-passed")))
    root.backward()
    assert names(diagnose_graph(root)) == ["nothing-passed"]


def test_a_long_chain_with_steps():
    node = first = Lambdas(0.5)
    for _ in range(2_500):
        node = node * 0.999 + 0.001
    node.backward()
    found = diagnose_graph(node, [first])
    assert found.right and sum(j.run for j in found.judged) <= 6
