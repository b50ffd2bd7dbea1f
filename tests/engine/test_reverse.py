import copy
import gc
import math
import os
import pickle
import random
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import Rational
from engine import Value, grad, jacobian
from engine.reverse import nodes, reach
from engine.scalars import same_bits

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def no_collector():
    """Without it Python's collector goes through everything that pytest holds, again and again."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.long
def test_a_chain_of_a_million_nodes(no_collector):
    x = v = Value(1.0, label="x")
    for _ in range(1_000_000):
        v = v + x
    v.backward()
    assert x.grad == 1_000_001.0 and v.grad == 1.0
    assert grad(v, x) == 1_000_001.0
    twin = copy.deepcopy(v)
    assert twin is not v and twin.data == v.data and nodes(twin)[0].grad == x.grad
    del v  # freed without a crash
    data = pickle.dumps(twin)
    del twin
    back = pickle.loads(data)
    leaf = nodes(back)[0]
    assert (back.data, leaf.label, leaf.grad) == (1_000_001.0, "x", 1_000_001.0)
    back.backward()
    assert leaf.grad == 2_000_002.0
    back.zero_grad()
    assert leaf.grad == 0


SCRIPT = """
import random, sys
sys.path.insert(0, sys.argv[1])
junk = [object() for _ in range(hash("x") % 1000)]
from engine.nn import MLP
random.seed(4)
mlp = MLP(3, [8, 8, 1], activation="tanh")
loss = sum((mlp([random.uniform(-1, 1) for _ in range(3)]) - 1) ** 2 for _ in range(5))
loss.backward()
print(*(p.grad.hex() for p in mlp.parameters()))
"""


def test_the_bits_are_the_same_in_every_process():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(ROOT)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1 and len(outputs.pop().split()) == 8 * 4 + 8 * 9 + 9


def test_a_repeated_parent_and_a_diamond():
    a = Value(3.0)
    assert grad(a + a, a) == 2.0 and grad(a * a, a) == 6.0 and grad(a - a, a) == 0.0
    top = a * 2
    assert grad(top * top + top, a) == 2 * 6.0 * 2 + 2


def test_twice_is_right_and_leaves_accumulate():
    a = Value(3.0)
    inner = a * 2
    y = inner * inner
    y.backward()
    assert (a.grad, inner.grad, y.grad) == (24.0, 12.0, 1.0)
    y.backward()
    assert (a.grad, inner.grad, y.grad) == (48.0, 12.0, 1.0)
    (a * 5).backward()
    assert a.grad == 53.0
    y.zero_grad()
    assert [n.grad for n in nodes(y)] == [0] * 4 and all(type(n.grad) is int for n in nodes(y))


def test_a_leafs_total_is_added_in_one_addition():
    x = Value(1.0)
    for _ in range(2):
        (x * 0.1 + x * 0.3 + x * 0.2).backward()
    once = (0.2 + 0.3) + 0.1
    assert x.grad.hex() == (once + once).hex() != (((once + 0.2) + 0.3) + 0.1).hex()


def test_a_leaf_is_its_own_derivative():
    x = Value(2.0)
    x.backward()
    assert x.grad == 1.0 and grad(x, x) == 1.0


def test_a_seed():
    x = Value(2.0)
    (x * x).backward(0.5)
    assert x.grad == 2.0
    with pytest.raises(TypeError, match="expected a number"):
        (x * x).backward("1")


def test_minus_zero_survives_the_first_contribution():
    x, y = Value(2.0), Value(-0.0)
    (x * y).backward()
    assert same_bits(x.grad, -0.0)
    (x * y).backward()
    assert same_bits(x.grad, -0.0)  # −0.0 + −0.0
    assert same_bits(grad(x * y, x), -0.0)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_is_the_graphs_and_not_that_of_creation(order):
    x, parts = Value(1.0), [None] * 3
    for i in order:
        parts[i] = x * (0.1, 0.2, 0.3)[i]
    y = parts[0] + parts[1] + parts[2]
    assert grad(y, x).hex() == ((0.3 + 0.2) + 0.1).hex() != ((0.1 + 0.2) + 0.3).hex()


# -- against a slow reference ----------------------------------------------------------------------

UNARY = {
    "neg": lambda x, out: -1.0,
    "tanh": lambda x, out: 1.0 - out * out,
    "sigmoid": lambda x, out: out * (1.0 - out),
    "sin": lambda x, out: math.cos(x),
    "relu": lambda x, out: 1.0 if x > 0 else 0.0,
    "abs": lambda x, out: 1.0 if x > 0 else -1.0 if x < 0 else 0.0,
}
BINARY = {
    "add": lambda x, y: (1.0, 1.0),
    "sub": lambda x, y: (1.0, -1.0),
    "mul": lambda x, y: (y, x),
    "maximum": lambda x, y: (1.0, 0.0) if x >= y else (0.0, 1.0),
    "minimum": lambda x, y: (1.0, 0.0) if x <= y else (0.0, 1.0),
}


def reference(root):
    """Adjoints by recursion: reverse postorder, first parent first, first contribution assigned."""
    order = []

    def visit(node):
        if node not in order:
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(root)
    adjoints = {root: 1.0}
    for node in reversed(order):
        if not node.parents:
            continue
        name, data = node._row.name, [p.data for p in node.parents]
        partials = BINARY[name](*data) if name in BINARY else (UNARY[name](data[0], node.data),)
        for parent, partial in zip(node.parents, partials, strict=True):
            part = adjoints[node] * partial
            adjoints[parent] = adjoints[parent] + part if parent in adjoints else part
    return adjoints


@st.composite
def expressions(draw):
    numbers = st.floats(-4, 4, allow_subnormal=False) | st.sampled_from([0.0, -0.0, 1.0])
    made = [Value(draw(numbers)) for _ in range(draw(st.integers(1, 4)))]
    leaves = list(made)
    for name in draw(st.lists(st.sampled_from([*UNARY, *BINARY]), min_size=1, max_size=25)):
        operands = [draw(st.sampled_from(made[-6:])) for _ in range(2 if name in BINARY else 1)]
        made.append(getattr(Value, name)(*operands))
    return made[-1], leaves


@settings(deadline=None, max_examples=200)
@given(expressions())
def test_adjoints_are_the_references_bit_for_bit(case):
    root, leaves = case
    expected = reference(root)
    pure = grad(root, list(expected))
    graph = grad(root, list(expected), create_graph=True)
    root.backward()
    for node, number, of_graph in zip(expected, pure, graph, strict=True):
        assert same_bits(node.grad, expected[node])
        assert same_bits(number, expected[node])
        assert same_bits(float(of_graph.data), expected[node])
    assert all(leaf in expected or leaf.grad == 0 for leaf in leaves)


# -- threads, interruptions ------------------------------------------------------------------------


def test_threads_that_share_leaves_get_right_numbers():
    leaves = [Value(float(i)) for i in range(1, 21)]
    repeat, count, wrong = 40, 4, []

    def work(k):
        for _ in range(repeat):
            y = sum((leaf * leaf * k for leaf in leaves), Value(0.0))
            if grad(y, leaves) != [2.0 * k * leaf.data for leaf in leaves]:
                wrong.append(k)
            y.backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(1, count + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert [leaf.grad for leaf in leaves] == [2.0 * leaf.data * 10 * repeat for leaf in leaves]


def test_a_pass_that_raised_leaves_nothing_behind():
    x, w = Value(0.0), Value(1.0)
    with pytest.raises(ZeroDivisionError):
        (x.sqrt() + w * 3).backward()
    assert w.grad == 0
    assert grad(Value(2.0) * 3, w) == 0.0
    (w * 5).backward()
    assert w.grad == 5.0


def test_data_assigned_after_the_forward_pass_does_not_change_the_gradient():
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert x.grad == 6.0


CHANGED = r"data was assigned since the forward pass, at op × of \(x = 5.0, 2\), which was 6.0; the gradient is still"


@pytest.mark.parametrize("between", [lambda y: None, Value.zero_grad, lambda y: (y + 1).backward()])
def test_a_second_pass_warns_of_data_assigned_since_the_forward_pass(between):
    x = Value(3.0, label="x")
    y = (x * 2).tanh()
    y.backward()
    between(y)
    x.data = 5.0
    y.grad = x.grad = 0
    with pytest.warns(UserWarning, match=CHANGED) as caught:
        y.backward()
    assert caught[0].filename == __file__
    assert x.grad == (1 - y.data * y.data) * 2  # where the graph was built
    with pytest.warns(UserWarning, match=CHANGED):
        grad(y, x)


@pytest.mark.parametrize("number", [-1.0, float("nan"), "no number"])
def test_a_second_root_over_a_part_that_a_pass_knows_warns_too(number):
    x = Value(4.0)
    shared = x.sqrt()
    grad(shared * 2, x)
    x.data = number
    with pytest.warns(UserWarning, match="assigned since the forward pass"):
        (shared + 1).backward()


def test_inner_data_and_lanes_are_looked_at_too():
    numpy = pytest.importorskip("numpy")
    x = Value(numpy.array([0.0, 2.0]))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        y = 1 / x + x.exp()
    y.backward()
    y.backward()  # without a word on the division
    y.data = numpy.array([1.0, 2.0])
    with pytest.warns(UserWarning, match="assigned since the forward pass"):
        y.backward()


@pytest.mark.parametrize("update", [lambda w: w.data - 0.1 * w.grad, lambda w: math.nan, lambda w: w.data * 1.0])
def test_training_accumulating_and_several_roots_are_no_reason_to_warn(update):
    body, w = Value(0.5), Value(2.0)
    feature = (body * 3).tanh()  # is kept while what stands on it is trained
    for _ in range(3):
        loss = (feature * w - 1) ** 2 + w * 0.01
        for root in (loss, loss, feature, loss * 2):
            root.backward()
        w.data = update(w)
        w.grad = 0
    body.data = body.data * 1.0  # the same number
    feature.backward()


@pytest.mark.parametrize(
    ("build", "start", "now"),
    [
        (lambda x, w: (x * w[0] + w[1] - 1) ** 2, 1.0, 5.0),  # the weights are 0, as at the start of training
        (lambda x, w: x**2, -2.0, 2.0),
        (lambda x, w: abs(x), -2.0, 2.0),
    ],
)
def test_partials_that_change_while_no_number_does_are_warned_of(build, start, now):
    x, w = Value(start), [Value(0.0), Value(0.0)]
    y = build(x, w)
    y.backward()
    y.backward()
    x.data = now
    with pytest.warns(UserWarning, match="whose partials were"):
        y.backward()


def test_factors_that_change_while_their_product_does_not_are_warned_of():
    x, w = Value(0.5), Value(2.0)
    y = (x * w).tanh()
    y.backward()
    x.data = w.data = 1.0
    with pytest.warns(UserWarning, match=r"at op × of \(1.0, 1.0\), whose partials were 2.0, 0.5"):
        y.backward()


def test_partials_that_do_not_exist_or_are_no_numbers_are_no_reason_to_warn():
    numpy = pytest.importorskip("numpy")
    lanes = Value(numpy.array([1.0, -0.0, math.nan]))
    x, w = Value(0.0), Value(math.nan)
    for y in (x * w + w.tanh() + w**2, (lanes * lanes).relu() + abs(lanes) / 3 + lanes.maximum(x)):
        y.backward()
        y.backward()
    y = x.sqrt() + x * 3
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            y.backward()


@pytest.mark.parametrize(
    "ask",
    [
        lambda y, x: y.backward(),
        lambda y, x: grad(y, x),
        lambda y, x: jacobian([y, y], [x]),
    ],
)
def test_the_warning_points_to_the_line_that_asked(ask):
    x = Value(3.0)
    y = x * 2 + x
    y.backward()
    x.data = 5.0
    with pytest.warns(UserWarning) as caught:
        ask(y, x)
    assert {(w.filename, w.lineno) for w in caught} == {(__file__, ask.__code__.co_firstlineno)}


def test_nodes_are_parents_first():
    a, b = Value(random.random(), label="a"), Value(2.0, label="b")
    assert [n.label or n._op for n in nodes((a - b) * (b.exp() + a))] == ["a", "b", "-", "exp", "+", "*"]


# -- anchors ---------------------------------------------------------------------------------------


def branch():
    """h = x + f(x), and a reader of h: the plain pass meets h before f's inside, an anchor changes that."""
    x = Value(0.3, label="x")
    f = (x * 1.7).tanh()
    h = x + f
    return x, f, h, (h * 0.9).exp() + f * 0.1


def test_anchors_leave_the_numbers_but_for_their_order():
    x, f, h, out = branch()
    out.backward()
    plain = x.grad, f.grad, h.grad
    x, f, h, out = branch()
    out.backward(after=[f, h])
    assert all(abs(a - b) <= 4e-16 * abs(b) for a, b in zip((x.grad, f.grad, h.grad), plain, strict=True))


def test_what_lies_below_an_earlier_anchor_is_visited_later():
    a, b = Value(2.0), Value(3.0)
    first, second = a * b, a + b
    root = second * first
    inner, *_ = reach(root)
    assert inner == [second, first, root]
    inner, *_ = reach(root, [first, second])
    assert inner == [first, second, root]


@pytest.mark.parametrize("lanes", [False, True])
def test_anchors_that_are_not_below_the_root_are_left_out(lanes):
    number = np.array([2.0, 3.0]) if lanes else 2.0
    a, b = Value(number), Value(number)
    aside = (a * b).tanh()
    shared = a * a
    above = shared.exp() * b
    root = shared * 3.0
    root.backward(after=[aside, above, shared, b])
    assert np.all(np.equal(a.grad, 6.0 * number)) and root.grad is not 0  # noqa: F632
    assert (aside.grad, above.grad, b.grad) == (0, 0, 0)
    assert np.all(np.equal(grad(root, [a, b], after=[above, b]), [6.0 * number, 0.0 * number]))


def test_anchors_with_other_numbers():
    a, b = Value(Rational(Fraction(1, 3))), Value(Rational(2))
    aside = a * b
    (a * a).backward(after=[aside])
    assert a.grad == Rational(Fraction(2, 3)) and b.grad == 0


def test_a_partial_that_does_not_exist_is_refused_only_where_the_root_needs_it():
    zero = Value(0.0)
    aside = zero.sqrt()
    (zero * 2.0).backward(after=[aside])
    assert zero.grad == 2.0
    with pytest.raises(ZeroDivisionError):
        (aside * 1.0).backward(after=[aside])


def test_anchors_are_checked():
    x = Value(1.0)
    with pytest.raises(TypeError, match=r"backward\(after\): expected Values, got float at position 1"):
        (x * x).backward(after=[x, 1.0])
    with pytest.raises(TypeError, match=r"grad\(after\): expected Values"):
        grad(x * x, x, after=[None])
    with pytest.raises(ValueError, match=r"grad\(after\)"):
        grad(x * x, x, create_graph=True, after=[x])
