"""The compiled kernels have the bits of the numpy equations, which have those of the contract."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from explicit import ACTIVATIONS, COSTS, Activation, Cost, Network
from explicit.fast.stepper import Stepper, flatten
from explicit.training import update

try:
    import numba
except ImportError:
    numba = None
needs_numba = pytest.mark.skipif(numba is None, reason="numba (extra fast) is not installed")
both = pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_numba)])


def bits(array):
    return np.where(np.isnan(array), np.nan, array).view(np.int64).tolist()


def data(sizes, count, seed=0):
    random = np.random.RandomState(seed)
    x = random.randn(sizes[0], count)
    x[random.rand(*x.shape) < 0.2] = -0.0
    return x, (random.rand(sizes[-1], count) < 0.5).astype(float)


@both
@pytest.mark.parametrize("count", [1, 2, 4, 5, 7, 10, 33])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("sizes", [[1, 1], [3, 2], [17, 9, 4], [9, 8, 5, 3], [35, 19, 10]])
def test_a_step_has_the_bits_of_the_equations(compiled, count, activation, sizes):
    x, y = data(sizes, count)
    network, reference = Network(sizes, activation), Network(sizes, activation)
    stepper = Stepper(network, compiled=compiled)
    for _ in range(3):
        record = reference.backprop(x, y)
        assert bits(stepper.gradients(x, y)) == bits(record.costs)
        pairs = zip(record.nabla_w, record.nabla_b, strict=True)
        assert bits(stepper.nabla) == bits(np.concatenate([part.ravel() for pair in pairs for part in pair]))
        assert stepper.step(x, y, 0.3) == update(reference, x, y, 0.3)
        assert bits(stepper.parameters) == bits(flatten(reference)) == bits(flatten(network))
        assert bits(stepper.outputs(x)) == bits(reference.feedforward(x))


@both
@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("sizes", [[3, 2], [5, 4, 3]])
def test_cross_entropy(compiled, shortcut, sizes):
    x, y = data(sizes, 7)
    reference = Network(sizes, cost="cross_entropy", shortcut=shortcut)
    network = Network(sizes, cost="cross_entropy", shortcut=shortcut)
    stepper = Stepper(network, compiled=compiled)
    for _ in range(3):
        assert stepper.step(x, y, 0.3) == update(reference, x, y, 0.3)
        assert bits(stepper.parameters) == bits(flatten(reference))


@both
def test_saturated_outputs_are_refused_as_by_the_cost(compiled):
    network = Network([1, 1], cost="cross_entropy")
    stepper = Stepper(network, compiled=compiled)
    stepper.parameters[:] = 1000.0
    with pytest.raises(ValueError, match=r"0 < a < 1; a\[0, 1\] = 1.0"):
        stepper.gradients(np.array([[-1.0, 1.0]]), np.array([[0.0, 1.0]]))


@both
def test_wrong_shapes_are_refused_as_by_the_network(compiled):
    stepper = Stepper(Network([2, 1]), compiled=compiled)
    for x, y in (((3, 4), (1, 4)), ((2, 4), (1, 3)), ((2, 4), (2, 4))):
        with pytest.raises(ValueError, match="expected"):
            stepper.step(np.zeros(x), np.zeros(y), 0.1)


@needs_numba
def test_products_are_rounded_before_they_are_added():
    """A fused multiply-add would keep the low half of the product (here all that is left of it)."""
    from explicit.fast import kernels as compiled

    e = 2.0**-30
    for n in (1, 2, 4, 5, 8, 9, 16, 37):  # single numbers, and vectors of either width
        W, a = np.array([[1 + e]] * n), np.array([[1 - e]] * 3)
        z = np.ones((3, n))
        compiled.affine(W, np.full(n, -1.0), a, z, np.empty((1, n)))
        assert (z == 0.0).all()  # (1 + e)(1 − e) rounds to 1; fused it is −e²
        total = np.ones((1, n))
        compiled.sum_of_products(np.array([[-1.0], [1 + e]]), np.array([[1.0] * n, [1 - e] * n]), total)
        assert (total == 0.0).all()
        total = np.ones((1, n))
        compiled.pull_back(np.array([[1 - e] * n, [-1.0] * n]), np.array([[1 + e, 1.0]]), total)
        assert (total == 0.0).all()


@needs_numba
@pytest.mark.parametrize("shape", [(1, 1), (3, 20), (8, 8), (9, 17), (30, 41)])
def test_turning(shape):
    from explicit.fast import kernels as compiled

    W = np.random.RandomState(0).randn(*shape)
    turned = np.empty(shape[::-1])
    compiled.turn(W, turned)
    assert bits(turned) == bits(W.T)


@both
def test_samples_in_rows_columns_and_other_numbers(compiled):
    """Rows with gaps between them, columns, and whole numbers give the same bits."""
    x, y = data([20, 3], 7)
    wide = np.zeros((7, 30))
    wide[:, 2:22], wide[:, 25:28] = x.T, y.T
    forms = [(wide[:, 2:22].T, wide[:, 25:28].T), (np.ascontiguousarray(x), y), (x[::-1][::-1], y[:, ::-1][:, ::-1])]
    reference = Network([20, 3]).backprop(x, y)
    for a, b in forms:
        stepper = Stepper(Network([20, 3]), compiled=compiled)
        assert bits(stepper.gradients(a, b)) == bits(reference.costs)
        assert bits(stepper.nabla[:60]) == bits(reference.nabla_w[0].ravel())
        assert bits(stepper.outputs(a)) == bits(Network([20, 3]).feedforward(x))
    whole = np.arange(60).reshape(20, 3) % 5
    stepper = Stepper(Network([20, 3]), compiled=compiled)
    assert bits(stepper.gradients(whole, np.eye(3, dtype=int))) == bits(
        Stepper(Network([20, 3]), compiled=False).gradients(whole * 1.0, np.eye(3))
    )


@needs_numba
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_elementary_functions_at_all_sizes(name):
    from explicit.fast import kernels as compiled

    random = np.random.RandomState(1)
    scales = 10.0 ** random.uniform(-320, 308, 20000)
    z = np.concatenate([random.randn(20000) * 20, random.randn(20000) * scales / 5])
    z = np.concatenate([z, [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 709.9, -745.2]])
    kind = compiled.KINDS.index(ACTIVATIONS[name])
    with np.errstate(all="ignore"):
        a = ACTIVATIONS[name].function(z)
        derivative = ACTIVATIONS[name].derivative(z, a)
        assert bits(np.array([compiled.activation(kind, v) for v in z])) == bits(a)
        found = np.array([compiled.derivative(kind, v, w) for v, w in zip(z, a, strict=True)])
    assert bits(found) == bits(derivative)


@needs_numba
def test_broken_kernels_on_disk_are_compiled_anew(tmp_path):
    code = (
        "import numpy as np; from explicit import Network; from explicit.fast.stepper import Stepper\n"
        "print(Stepper(Network([2, 1])).step(np.ones((2, 4)), np.zeros((1, 4)), 0.5).hex())"
    )

    def run():
        environment = {"DELTA_ADJOINT_CACHE": str(tmp_path), "PATH": ""}
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd="."
        )

    first = run()
    for path in tmp_path.rglob("*.nb?"):
        path.write_bytes(path.read_bytes()[:-20])
    mended = [run(), run()]
    assert first.stderr == mended[1].stderr == ""
    assert "anew" in mended[0].stderr
    assert first.stdout == mended[0].stdout == mended[1].stdout


def twice(a, y):
    return (a - y)[0] * (a - y)[0]


SQUARE = Activation("square", lambda z: z * z, lambda z, a: 2 * z)
TWICE = Cost("twice", twice, lambda a, y: (a - y) + (a - y))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activation": SQUARE}, "no kernel is known for the activation 'square'"),
        ({"activation": "square"}, "no kernel is known for the activation 'square'"),
        ({"activation": "tanh"}, "no kernel is known for the activation 'tanh'"),
        ({"cost": TWICE}, "no kernel is known for the cost 'twice'"),
        ({"cost": "twice"}, "no kernel is known for the cost 'twice'"),
        ({"cost": "quadratic"}, "no kernel is known for the cost 'quadratic'"),
        ({"matmul": np.matmul}, "own"),
    ],
)
def test_what_the_kernels_do_not_know_runs_by_numpy(monkeypatch, changes, words):
    """Whether it is the caller's own, or was added to the tables, or has taken a name in them."""
    monkeypatch.setitem(ACTIVATIONS, "square", SQUARE)
    monkeypatch.setitem(ACTIVATIONS, "tanh", replace(SQUARE, name="tanh"))
    monkeypatch.setitem(COSTS, "twice", TWICE)
    monkeypatch.setitem(COSTS, "quadratic", replace(TWICE, name="quadratic"))
    network, reference = Network([2, 1], **changes), Network([2, 1], **changes)
    x, y = data([2, 1], 3)
    stepper = Stepper(network)
    assert bits(stepper.gradients(x, y)) == bits(reference.backprop(x, y).costs)
    assert stepper.step(x, y, 0.3) == update(reference, x, y, 0.3)
    assert bits(stepper.parameters) == bits(flatten(reference))
    if numba is not None:
        with pytest.raises(ValueError, match=words):
            Stepper(network, compiled=True)


def test_parameters_must_be_floats():
    network = Network([1, 1])
    network.weights[0] = np.array([[1]], dtype=object)
    with pytest.raises(TypeError, match="float64"):
        Stepper(network)
