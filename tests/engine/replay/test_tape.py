"""Replay has the bits of the eager pass: every op, every number of lanes, shared and repeated nodes."""

import math
import random
import shutil
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, no_grad, record
from engine.nn import MLP
from engine.ops import TABLE, Op

try:
    import numba  # noqa: F401

    KERNELS = [False, True]
except ImportError:
    KERNELS = [False]
both = pytest.mark.parametrize("compiled", KERNELS)
numba_only = pytest.mark.skipif(True not in KERNELS, reason="numba (extra fast) is not installed")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Kernels are compiled once, for all rows of the table, into a folder of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DELTA_ADJOINT_CACHE", str(tmp_path_factory.mktemp("kernels")))
        if True in KERNELS:
            from engine.replay.kernel_store import kernels

            kernels(list(TABLE.values()))
        yield


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


@both
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


@both
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


@both
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


@numba_only
def test_threads_name_lanes_as_one_does():
    samples = np.ones((1, 70))
    samples[0, [40, 69]] = -1.0
    tape = record(lambda x: x[0].log(), [1.0], compiled=True, threads=2)
    with pytest.raises(ValueError, match=r"log\(-1.0\) in lane 40"):
        tape.forward(samples)
    tape = record(lambda x: x[0] * 2 if x[0] > 0 else x[0], [1.0], compiled=True, threads=2)
    with pytest.raises(RuntimeError, match="in lane 40"):
        tape.forward(samples)
    tape = record(lambda x: x[0].sqrt(), [1.0], compiled=True, threads=2)
    tape.forward(np.where(samples < 0, 0.0, 1.0))
    with pytest.raises(ZeroDivisionError, match="in lane 40"):
        tape.backward()


def test_how_many_threads(monkeypatch):
    for bad in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="threads: expected a whole number"):
            record(lambda x: x[0], [1.0], threads=bad)
    if True not in KERNELS:
        return
    from engine.replay import compiled

    monkeypatch.setattr(compiled, "WORTHWHILE", 60)
    program = record(lambda x: x[0] * x[0] + x[0], [1.0], compiled=False).program  # two operations
    monkeypatch.setenv("DELTA_ADJOINT_THREADS", "3")
    replays = [(compiled.Compiled(program, threads), lanes) for threads in (None, 1, 4) for lanes in (1, 29, 30)]
    assert [replay._threads(lanes) for replay, lanes in replays] == [1, 1, 3, 1, 1, 1, 1, 4, 4]
    monkeypatch.setenv("DELTA_ADJOINT_THREADS", "many")
    with pytest.raises(ValueError, match="DELTA_ADJOINT_THREADS: expected a whole number"):
        compiled.cores()
    monkeypatch.delenv("DELTA_ADJOINT_THREADS")
    assert compiled.cores() >= 1


@numba_only
def test_an_error_in_a_thread_waits_for_the_others():
    from engine.replay.compiled import at_once

    ended = []

    def work(part):
        if part == 1:
            raise ValueError("part 1")
        time.sleep(0.05)
        ended.append(part)

    with pytest.raises(ValueError, match="part 1"):
        at_once(work, 3)
    assert sorted(ended) == [0, 2]


def test_blocks_with_several_runs_are_found():
    tape = record(dense((4, 3, 2), "tanh"), [0.1] * 6, [0.1] * 23, compiled=False)
    assert tape.blocks == [(3, 4), (2, 3)]


@both
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


@both
def test_start_that_is_also_a_factor(compiled):
    assert_same(lambda x, w: x[0] + w[0] * x[0], [[0.1], [0.3]], [0.7], compiled)
    assert_same(lambda x, w: (x[0] + w[0] * x[1]) + w[1] * x[0], [[0.1, 0.2], [0.3, 0.7]], [0.7, 0.1], compiled)
    assert_same(lambda x, w: (x[0] * x[0]) + (x[0] * x[0]), [[0.1], [0.3]], [0.7], compiled)


@both
def test_adjoints_and_data_of_recorded_nodes(compiled):
    random.seed(3)
    mlp = MLP(3, [4, 2], activation="tanh")
    kept = {}

    def cost(x, _):
        out = mlp(x)
        kept["z"] = [z for layer in mlp.z for z in layer]
        kept["sums"] = [z.parents[0] for z in kept["z"]] + [z.parents[1] for z in kept["z"]]
        return out[0] * out[1]

    x = [0.5, -1.0, 2.0]
    tape = record(cost, [1.0, 1.0, 1.0], mlp.parameters(), compiled=compiled)
    nodes, inner = kept["z"], kept["sums"]
    tape.forward(x)
    tape.backward()
    wanted = cost([Value(v) for v in x], None)
    wanted.backward()
    assert bits(tape.adjoints(nodes)) == bits(z.grad for z in kept["z"])
    assert bits(tape.data(nodes)) == bits(z.data for z in kept["z"])
    assert bits(tape.data(inner)) == bits(n.data for n in kept["sums"])
    assert bits(tape.adjoints(inner)) == bits(n.grad for n in kept["sums"])
    assert bits([tape.adjoints("z²₁")]) == bits([kept["z"][0].grad])
    before = tape.forward(x)
    mlp.parameters()[0].data += 1.0
    assert tape.forward(x) != before  # parameters that are Values are read anew


@both
def test_a_new_row_replays_without_further_code(compiled):
    TABLE.add(Op("dummy", "d", "erf(x) * x + x ** 2", "exp(-x * x) + 2 * x", samples=(0.5,)))
    try:
        samples = [[0.5], [-1.25], [3.0], [1e3]]
        assert_same(lambda x, w: (x[0] * w[0]).dummy() + x[0], samples, [0.3], compiled)
    finally:
        TABLE.remove("dummy")


@both
def test_a_changed_row_is_refused(compiled):
    TABLE.add(Op("dummy", "d", "x * 2", "2", samples=(0.5,)))
    tape = record(lambda x: x[0].dummy(), [1.0], compiled=compiled)
    TABLE.remove("dummy")
    with pytest.raises(RuntimeError, match="'dummy' was changed"):
        tape.forward([1.0])


@both
def test_guards(compiled):
    tape = record(lambda x: x[0] * 2 if x[0] > 0 else x[0].exp(), [1.0], compiled=compiled)
    assert tape.forward([3.0]) == 6.0
    with pytest.raises(RuntimeError, match=r"comparison > at .*test_tape.py:\d+ \(.*x\[0\] > 0.*was True"):
        tape.forward([-3.0])
    with pytest.raises(RuntimeError, match="in lane 2"):
        tape.forward(np.array([[1.0, 2.0, -1.0]]))
    with pytest.raises(RuntimeError, match="no forward pass"):
        tape.backward()
    # A node that only a guard reads; and the guard speaks before the formula that its branch avoids.
    tape = record(lambda x: x[0].log() if x[0] * 3 >= x[1] else x[0], [1.0, 0.5], compiled=compiled)
    assert tape.forward([2.0, 1.0]) == math.log(2.0)
    with pytest.raises(RuntimeError, match="comparison >="):
        tape.forward([-2.0, 1.0])


@both
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


@both
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


def test_what_a_replay_cannot_follow_is_refused():
    def cut(x):
        with no_grad():
            return x[0] * 2

    for function in (lambda x: x[0] * float(x[0]), lambda x: x[0] * math.exp(x[0]), lambda x: x[0].detach(), cut):
        with pytest.raises(TypeError, match=r"recorded Value at .*test_tape.py:\d+"):
            record(function, [1.0])
    assert float(Value(1.0)) == 1.0


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
    ],
)
def test_bad_recordings(arguments, error):
    with pytest.raises(error):
        record(*arguments)


@both
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


@both
def test_a_leaf_as_root_and_unused_leaves(compiled):
    tape = record(lambda x, w: x[0], [1.0, 2.0], [3.0], compiled=compiled)
    assert tape.forward([4.0, 5.0]) == 4.0
    assert list(tape.backward()) == [0.0]
    assert tape.adjoints(tape.inputs) == [1.0, 0.0]


@both
def test_seeds(compiled):
    tape = record(lambda x, w: x[0] * w[0], [1.0], [3.0], compiled=compiled)
    tape.forward(np.array([[1.0, 2.0]]))
    assert list(tape.backward(seed=np.array([1.0, 10.0]))) == [21.0]


@numba_only
def test_kernels_are_kept_on_disk(tmp_path):
    code = (
        "from engine import record; t = record(lambda x: x[0].tanh() * x[0], [1.0], compiled=True);"
        "print(t.forward([2.0]).hex())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"DELTA_ADJOINT_CACHE": str(tmp_path), "PATH": ""}, cwd=".",
        )
        for _ in range(2)
    ]  # fmt: skip
    assert runs[0].stderr.count("\n") == 1
    assert "compiling replay kernels" in runs[0].stderr
    assert runs[1].stderr == ""
    assert runs[0].stdout == runs[1].stdout == (math.tanh(2.0) * 2.0).hex() + "\n"


@numba_only
def test_a_broken_cache_is_mended(tmp_path, capsys):
    from engine.replay.kernel_store import _discard_broken

    code = (
        "from engine import record; t = record(lambda x, w: x[0] * w[0], [1.0], [3.0]);"
        "print(t.forward([2.0]), t.backward(), type(t._replay).__name__)"
    )

    def run():
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"DELTA_ADJOINT_CACHE": str(tmp_path / "kernels"), "PATH": ""}, cwd=".",
        )  # fmt: skip

    run()
    (source,) = (tmp_path / "kernels").glob("*.py")
    kept = source.parent / "__pycache__"
    for kind, broken in (
        ("nbi", lambda content: content[: len(content) // 2]),
        ("nbi", lambda content: content[: content.index(b"\x94.") + 2]),  # the first of its two pickles
        ("nbi", lambda content: b""),
        ("nbc", lambda content: content[:-1]),
        ("nbc", lambda content: bytes(len(content))),
        ("nbc", lambda content: b"\xff" * 100),
    ):
        copy = shutil.copytree(kept, tmp_path / "copy")
        before = len(list(copy.iterdir()))
        _discard_broken(copy, source.stem)
        assert len(list(copy.iterdir())) == before
        path = next(copy.glob(f"*.go_back*.{kind}"))
        path.write_bytes(broken(path.read_bytes()))
        _discard_broken(copy, source.stem)
        assert f"{path.name} is broken" in capsys.readouterr().err
        assert not list(copy.glob("*.nb?"))
        shutil.rmtree(copy)

    for path in kept.glob("*.nb?"):
        path.write_bytes(b"")
    mended = [run(), run()]
    source.write_bytes(source.read_bytes()[:-100])
    mended += [run(), run()]
    assert "kernels anew" in mended[0].stderr
    assert "compiling replay kernels for 1 operations" in mended[2].stderr
    assert mended[1].stderr == mended[3].stderr == ""
    assert {one.stdout for one in mended} == {"6.0 [2.] Compiled\n"}


@numba_only
def test_an_unwritable_cache_is_no_obstacle(monkeypatch):
    from engine.replay import kernel_store

    monkeypatch.setenv("DELTA_ADJOINT_CACHE", "/dev/null/kernels")
    assert kernel_store._folder().is_dir()


@numba_only
def test_a_function_that_differs_from_pythons_is_refused(monkeypatch):
    from engine.replay import kernel_store, numba_kernels

    monkeypatch.setattr(kernel_store, "_loaded", [])
    monkeypatch.setattr(kernel_store, "_refused", {})
    right = numba_kernels.python_function
    monkeypatch.setattr(
        numba_kernels, "python_function", lambda name: (lambda x: 0.1) if name == "sin" else right(name)
    )
    tape = record(lambda x: x[0].sin(), [1.0], compiled=True)
    with pytest.raises(ValueError, match="sin"):
        tape.forward([1.0])
