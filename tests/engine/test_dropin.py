"""Code written for micrograd runs with only the import changed, and the import is light."""

import math
import random
import subprocess
import sys
from pathlib import Path

import graphviz
import pytest

import engine
import engine.nn

ROOT = Path(__file__).resolve().parents[2]
micrograd = pytest.importorskip("micrograd")


@pytest.fixture
def peer():
    import micrograd.engine
    import micrograd.nn

    return micrograd


def small(make):
    """The expression of micrograd's test_sanity_check."""
    x = make(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    return h + q + q * x, [x]


def large(make):
    """The expression of micrograd's test_more_ops (and of its README)."""
    a, b = make(-4.0), make(2.0)
    c, d = a + b, a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g, [a, b]


def test_sanity_check(peer):
    (ours, leaves), (theirs, reference) = small(engine.Value), small(peer.engine.Value)
    ours.backward()
    theirs.backward()
    assert ours.data == theirs.data == -20.0 and leaves[0].grad == reference[0].grad == 46.0


def test_more_ops(peer):
    """a / b is one rounding here and two (a * b**-1) there: 10 / f may differ by an ULP or two of it."""
    (ours, leaves), (theirs, reference) = large(engine.Value), large(peer.engine.Value)
    ours.backward()
    theirs.backward()
    assert abs(ours.data - theirs.data) <= 2 * math.ulp(theirs.data)
    for leaf, other in zip(leaves, reference, strict=True):
        assert abs(leaf.grad - other.grad) <= 8 * math.ulp(other.grad)
    assert [round(n, 4) for n in (ours.data, *(leaf.grad for leaf in leaves))] == [24.7041, 138.8338, 645.5773]


def moons(count):
    rng = random.Random(1337)
    points, labels = [], []
    for i in range(count):
        t = rng.uniform(0, math.pi)
        x, y = (math.cos(t), math.sin(t)) if i % 2 else (1 - math.cos(t), 0.5 - math.sin(t))
        points.append([x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1)])
        labels.append(1 if i % 2 else -1)
    return points, labels


def demo(make, nn, steps):
    """micrograd's demo notebook: hinge loss, L2 regularisation, accuracy, decaying steps."""
    X, y = moons(20)
    random.seed(1337)
    model = nn.MLP(2, [16, 16, 1])
    history = []
    for k in range(steps):
        inputs = [list(map(make, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        history.append((total_loss.data, sum(accuracy) / len(accuracy)))
    return history, [p.data for p in model.parameters()]


@pytest.mark.long
def test_the_moons_demo(peer):
    """The forward passes do the same operations in the same order, so the first loss is equal.

    micrograd visits a node's parents in the order of a set, by address, so its sums of gradients
    round differently from run to run: parameters agree to some 2⁻⁵³ relative to the largest term,
    growing by the step's condition; after 8 steps 1e-9 is far above it and far below 0.1 %.
    """
    ours, parameters = demo(engine.Value, engine.nn, steps=8)
    theirs, reference = demo(peer.engine.Value, peer.nn, steps=8)
    assert ours[0] == theirs[0]
    for (loss, accuracy), (other, other_accuracy) in zip(ours, theirs, strict=True):
        assert abs(loss - other) <= 1e-9 * other and accuracy == other_accuracy
    assert all(abs(p - q) <= 1e-9 for p, q in zip(parameters, reference, strict=True))
    assert ours[-1][0] < ours[0][0] and ours == demo(engine.Value, engine.nn, steps=8)[0]


def test_the_same_seed_gives_the_same_parameters(peer):
    random.seed(3)
    ours = [p.data for p in engine.nn.MLP(3, [4, 4, 1]).parameters()]
    random.seed(3)
    assert ours == [p.data for p in peer.nn.MLP(3, [4, 4, 1]).parameters()]


# The notebook's drawing code, as it is.


def trace(root):
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def draw_dot(root, format="svg", rankdir="LR"):
    nodes, edges = trace(root)
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    for n in nodes:
        label = "{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad)  # noqa: UP031
        dot.node(name=str(id(n)), label=label, shape="record")
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def test_draw_dot():
    random.seed(1)
    n = engine.nn.Neuron(2)
    x = [engine.Value(1.0, label="x1"), engine.Value(-2.0)]
    x[1].label = "x2"
    y = n(x) ** 2 - 1 / x[0]
    y.backward()
    source = draw_dot(y).source
    nodes, edges = trace(y)
    # x1 x2 w1 w2 b, two products, two sums, relu, **2, 1, the quotient, the difference
    assert len(nodes) == 14 and len(edges) == 2 * 6 + 2
    for node in nodes:
        assert f"{id(node)} [" in source and f"data {node.data:.4f} | grad {node.grad:.4f}" in source
    assert {node._op for node in nodes} == {"", "+", "*", "ReLU", "**2", "-", "/"}
    assert "{ x1 |" in source and "{ x2 |" in source


# -- the import ------------------------------------------------------------------------------------

LIGHT = """
import sys, time
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
start = time.process_time()
import engine
print(time.process_time() - start)
from engine.nn import MLP
(MLP(2, [2, 1])([1.0, 2.0]) ** 2).backward()
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(roots - set(sys.stdlib_module_names) - {"engine"}))
"""


def light(*flags):
    command = [sys.executable, *flags, "-c", LIGHT, str(ROOT)]
    seconds, foreign = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:2]
    return float(seconds), foreign


def test_the_engine_needs_the_standard_library_alone():
    assert light("-I", "-S")[1] == ""  # no site-packages in reach
    assert light("-I")[1] == ""  # in reach, and not imported


def test_the_import_takes_under_15_ms():
    assert min(light("-I", "-S")[0] for _ in range(10)) < 0.015
