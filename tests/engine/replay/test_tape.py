"""Replay has the bits of the eager pass: every op, every number of lanes, shared and repeated nodes."""

import math
import random
import struct
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, record
from engine.ops import TABLE, Op

numba_only = pytest.mark.skipif(find_spec("numba") is None, reason="numba (extra fast) is not installed")


def bits(numbers):
    return ["nan" if x != x else struct.pack("<d", float(x)) for x in numbers]


def eager(function, samples, parameters):
    """Costs, parameters' totals and inputs' gradients by backward() of one sample after the other."""
    weights = [Value(p) for p in parameters]
    costs, grads = [], []
    for x in samples:
        inputs = [Value(number) for number in x]
        cost = function(inputs, weights)
        cost.backward()
        costs.append(cost.data)
        grads.append([v.grad for v in inputs])
    return costs, [w.grad for w in weights], grads


def assert_same(function, samples, parameters, compiled, threads=None, blocks=True):
    costs, totals, grads = eager(function, samples, parameters)
    tape = record(function, samples[0], parameters, compiled=compiled, threads=threads, blocks=blocks)
    assert bits(tape.forward(np.array(samples).T)) == bits(costs)
    assert bits(tape.backward()) == bits(totals)
    found = tape.adjoints(tape.inputs)
    for lane, grad in enumerate(grads):
        assert bits([row[lane] for row in found]) == bits(grad)
    # One sample, and the same tape again.
    assert bits([tape.forward(samples[-1])]) == bits(costs[-1:])
    assert bits(tape.backward()) == bits(eager(function, samples[-1:], parameters)[1])
    return tape


def apply(nodes, plan):
    for name, i, j, c in plan:
        row = TABLE[name]
        if row.dy is not None:
            nodes = [*nodes, getattr(nodes[i], name)(nodes[j])]
        elif row.c is not None:
            nodes = [*nodes, getattr(nodes[i], name)(c)]
        else:
            nodes = [*nodes, getattr(nodes[i], name)()]
    return nodes


def random_plan(draw, samples, parameters, steps):
    """Ops that every sample survives."""
    lanes = [[Value(v) for v in (*x, *parameters)] for x in samples]
    plan = []
    names = ["mul", "add"] * 12 + list(TABLE)
    while len(plan) < steps:
        count = len(lanes[0])
        step = (draw.choice(names), draw.randrange(count), draw.randrange(count), draw.choice([2, 3, -1, 0.5, 0]))
        if draw.random() < 0.4:
            step = (step[0], count - 1, *step[2:])
        try:
            made = [apply(nodes, [step])[-1] for nodes in lanes]
            for node in made:
                node.backward()
        except (ArithmeticError, ValueError):
            continue
        if all(abs(node.data) < 1e6 for node in made):
            plan.append(step)
            lanes = [[*nodes, node] for nodes, node in zip(lanes, made, strict=True)]
    return plan


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 60),
    lanes=st.sampled_from([1, 2, 3, 5, 8, 10, 33]),
    blocks=st.booleans(),
)
def test_random_graphs(compiled, seed, steps, lanes, blocks):
    draw = random.Random(seed)
    zeros = (0.0, -0.0)
    samples = [[draw.choice([draw.gauss(0, 1), *zeros]) for _ in range(3)] for _ in range(lanes)]
    parameters = [draw.choice([draw.gauss(0, 1), draw.gauss(0, 1), -0.0]) for _ in range(4)]
    plan = random_plan(draw, samples, parameters, steps)
    assert_same(lambda x, w: apply([*x, *w], plan)[-1], samples, parameters, compiled, blocks=blocks)


@pytest.mark.parametrize("name", list(TABLE))
def test_every_op_at_its_samples(name, compiled):
    row = TABLE[name]
    points = [p if isinstance(p, tuple) else (p,) for p in (*row.samples, *row.kinks)]
    plan = [(name, 0, 1, row.c)] if row.dy else [(name, 0, 0, row.c)]
    assert_same(lambda x, w: apply([*x, *w], plan)[-1] * w[0], [list(p) for p in points], [1.25], compiled)


def dense(sizes, activation):
    """A network as plain scalar code: x, then targets; w row by row, then the biases of each layer."""

    def function(x, p):
        a, targets, p = x[: sizes[0]], x[sizes[0] :], iter(p)
        for n, m in zip(sizes, sizes[1:], strict=False):
            rows = [[next(p) for _ in range(n)] for _ in range(m)]
            out = []
            for row in rows:
                z = next(p)
                for w, v in zip(row, a, strict=True):
                    z = z + w * v
                out.append(getattr(z, activation)())
            a = out
        cost = 0
        for v, t in zip(a, targets, strict=True):
            cost = cost + (v - t) * (v - t)
        return cost / 2

    return function


@pytest.mark.parametrize("lanes", [1, 2, 4, 5, 7, 10, 32, 65])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 1, 2), (5, 9, 4), (17, 6, 5, 3)])
def test_blocks_have_the_bits_too(sizes, lanes, compiled):
    draw = random.Random(7)
    count = sum((n + 1) * m for n, m in zip(sizes, sizes[1:], strict=False))
    samples = [[draw.gauss(0, 1) for _ in range(sizes[0] + sizes[-1])] for _ in range(lanes)]
    parameters = [draw.gauss(0, 1) for _ in range(count)]
    tape = assert_same(dense(sizes, "tanh"), samples, parameters, compiled)
    assert ((sizes[1], sizes[0]) in tape.blocks) == (sizes[1] > 1)
    apart = assert_same(dense(sizes, "tanh"), samples, parameters, compiled, blocks=False)
    assert apart.blocks == []


@numba_only
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 31, 33, 65, 130])
def test_threads_change_no_bit(lanes, threads, blocks):
    draw = random.Random(lanes)
    for sizes in ((1, 1), (5, 9, 4)):
        count = sum((n + 1) * m for n, m in zip(sizes, sizes[1:], strict=False))
        samples = [[draw.gauss(0, 1) for _ in range(sizes[0] + sizes[-1])] for _ in range(lanes)]
        parameters = [draw.gauss(0, 1) for _ in range(count)]
        assert_same(dense(sizes, "tanh"), samples, parameters, True, threads, blocks)
    # Parameters outside blocks, one that nothing reads, and a seed per lane.
    samples = [[draw.gauss(0, 1), draw.gauss(0, 1)] for _ in range(lanes)]

    def function(x, w):
        return (w[0] * x[0] + w[0] * x[1]).tanh() * w[1]

    assert_same(function, samples, [0.3, -0.7, 2.0], True, threads)
    found = []
    for compiled in (False, True):
        tape = record(function, samples[0], [0.3, -0.7, 2.0], compiled=compiled, threads=threads)
        tape.forward(np.array(samples).T)
        found.append(bits(tape.backward(np.arange(1.0, lanes + 1), inputs=False)))
    assert found[0] == found[1]


def test_blocks_with_several_runs_are_found():
    tape = record(dense((4, 3, 2), "tanh"), [0.1] * 6, [0.1] * 23, compiled=False)
    assert tape.blocks == [(3, 4), (2, 3)]


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize("inputs", [1, 9])
@pytest.mark.parametrize("blocks", [True, False])
def test_products_are_rounded_before_they_are_added(compiled, blocks, inputs, lanes):
    """(1 + e)(1 − e) rounds to 1; fused into −1 + (1 + e)(1 − e) it would leave −e²."""
    e = 2.0**-30

    def units(x, w):
        total = None
        for _ in range(5):  # a block of five runs
            z = x[-1]
            for v in x[:-1]:
                z = z + next(w) * v
            total = z if total is None else total + z * x[-1]
        return total

    sample = [0.0] * (inputs - 1) + [1 - e, -1.0]
    tape = record(lambda x, w: units(x, iter(w)), sample, [1 + e] * 5 * inputs, compiled=compiled, blocks=blocks)
    assert tape.forward(np.array([sample] * lanes).T).tolist() == [0.0] * lanes
    assert tape.forward(sample) == 0.0


def test_start_that_is_also_a_factor(compiled):
    assert_same(lambda x, w: x[0] + w[0] * x[0], [[0.1], [0.3]], [0.7], compiled)
    assert_same(lambda x, w: (x[0] + w[0] * x[1]) + w[1] * x[0], [[0.1, 0.2], [0.3, 0.7]], [0.7, 0.1], compiled)
    assert_same(lambda x, w: (x[0] * x[0]) + (x[0] * x[0]), [[0.1], [0.3]], [0.7], compiled)


def test_a_new_row_replays_without_further_code(compiled):
    TABLE.add(Op("dummy", "d", "erf(x) * x + x ** 2", "exp(-x * x) + 2 * x", samples=(0.5,)))
    try:
        samples = [[0.5], [-1.25], [3.0], [1e3]]
        assert_same(lambda x, w: (x[0] * w[0]).dummy() + x[0], samples, [0.3], compiled)
    finally:
        TABLE.remove("dummy")


def test_a_changed_row_is_refused(compiled):
    TABLE.add(Op("dummy", "d", "x * 2", "2", samples=(0.5,)))
    tape = record(lambda x: x[0].dummy(), [1.0], compiled=compiled)
    TABLE.remove("dummy")
    with pytest.raises(RuntimeError, match="'dummy' was changed"):
        tape.forward([1.0])


def test_math_errors_name_op_operands_and_lane(compiled):
    tape = record(lambda x: x[0].log() + x[0].exp(), [1.0], compiled=compiled)
    with pytest.raises(ValueError, match=r"log\(-1.0\) in lane 1"):
        tape.forward(np.array([[1.0, -1.0]]))
    with pytest.raises(OverflowError, match=r"exp\(1000.0\)"):
        tape.forward([1000.0])
    tape = record(lambda x: x[1] / x[0], [1.0, 2.0], compiled=compiled)
    with pytest.raises(ZeroDivisionError, match=r"div\(2.0, 0.0\)"):
        tape.forward([0.0, 2.0])
    tape = record(lambda x: x[0].sqrt(), [1.0], compiled=compiled)
    assert tape.forward([0.0]) == 0.0
    with pytest.raises(ZeroDivisionError, match=r"sqrt\(0.0\) in lane 0 has no finite derivative"):
        tape.backward()
    tape = record(lambda x: x[0] ** 0.5, [1.0], compiled=compiled)
    with pytest.raises(ValueError, match="not a real number"):
        tape.forward([-1.0])
    tape = record(lambda x: x[0] * x[0] - x[0], [1.0], compiled=compiled)
    assert math.isnan(tape.forward([math.inf]))  # as in eager arithmetic


def test_wrong_shapes(compiled):
    tape = record(lambda x, w: x[0] * w[0] + x[1], [1.0, 2.0], [3.0], compiled=compiled)
    where = r"\(.*test_tape.py:\d+\)"
    for bad in ([1.0], [1.0, 2.0, 3.0], np.ones(3), np.ones((3, 2)), np.ones((2, 0)), np.ones((2, 1, 1)), None):
        with pytest.raises(ValueError, match=f"expected 2 numbers.*{where}"):
            tape.forward(bad)
    with pytest.raises(ValueError, match=f"expected 1 numbers.*{where}"):
        tape.forward([1.0, 2.0], [1.0, 2.0])
    for bad in (["a", 1.0], np.ones(2, dtype=complex)):
        with pytest.raises(TypeError):
            tape.forward(bad)
    tape.forward([1.0, 2.0])
    with pytest.raises(ValueError, match="seed"):
        tape.backward(np.ones(2))
    tape.backward(inputs=False)


def test_changed_graphs_are_refused():
    k = Value(2.0, label="k")
    tape = record(lambda x: x[0] * k, [1.0], compiled=False)
    k.data = 3.0
    with pytest.raises(RuntimeError, match=r"constant k was 2.0 and is 3.0.*"):
        tape.forward([1.0])

    def assigns(x):
        y = x[0] * 2
        y.data = 5.0
        return y + 1

    with pytest.raises(ValueError, match="was data assigned"):
        record(assigns, [1.0])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((lambda: Value(1.0),), TypeError),
        ((lambda x: 1.0, [1.0]), TypeError),
        ((lambda x: x[0], ["a"]), TypeError),
        ((lambda x: x[0], [2**53 + 1]), TypeError),
        ((lambda x: x[0] * (2**53 + 1), [1.0]), TypeError),
        ((lambda w: w[0], None, [Value(1.0) * 2]), TypeError),
        *(((lambda x: x[0], [1.0], None, None, threads), ValueError) for threads in (0, -1, 1.5, True, "2")),
    ],
)
def test_bad_recordings(arguments, error):
    with pytest.raises(error):
        record(*arguments)


def test_bad_arguments_are_named(compiled):
    def f(x, w):
        return x[0] * w[0]

    tape = record(f, [1.0], [2.0], compiled=compiled)
    tape.forward(np.array([[1.0, 2.0]]))
    assert list(tape.backward(np.float32(2.0))) == [6.0]
    for call, named in (
        (lambda: record(5, [1.0]), "function"),
        (lambda: record(f, 1.0, [2.0]), "inputs"),
        (lambda: record(f, [1.0], 2.0), "parameters"),
        (lambda: record(f, [1.0], [2.0], compiled="yes"), "compiled"),
        (lambda: record(f, [1.0], [2.0], blocks=None), "blocks"),
        (lambda: tape.forward(5), "inputs"),
        (lambda: tape.forward([1.0], 5), "parameters"),
        (lambda: tape.forward([1.0], ["x"]), r"parameters\[0\]"),
        (lambda: tape.backward("a"), r"seed\[0\]"),
        (lambda: tape.backward([None, 1.0]), r"seed\[0\]"),
        (lambda: tape.adjoints(5), "nodes"),
    ):
        tape.forward(np.array([[1.0, 2.0]]))
        tape.backward()
        with pytest.raises(TypeError, match=named):
            call()
    with pytest.raises(ValueError, match=r"parameters.*got \(\)"):
        tape.forward([1.0], np.array(1.0))


def test_a_leaf_as_root_and_unused_leaves(compiled):
    tape = record(lambda x, w: x[0], [1.0, 2.0], [3.0], compiled=compiled)
    assert tape.forward([4.0, 5.0]) == 4.0
    assert list(tape.backward()) == [0.0]
    assert tape.adjoints(tape.inputs) == [1.0, 0.0]


def test_seeds(compiled):
    tape = record(lambda x, w: x[0] * w[0], [1.0], [3.0], compiled=compiled)
    tape.forward(np.array([[1.0, 2.0]]))
    assert list(tape.backward(seed=np.array([1.0, 10.0]))) == [21.0]
