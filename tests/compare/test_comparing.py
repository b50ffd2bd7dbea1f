"""Both sides have the same bits; and when a rule is wrong, the report says where."""

import functools
import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import compare.comparing
import engine.reverse
import explicit.network
from compare import Rational, compare, load_mnist, mistaken
from compare.comparison import two_sides
from compare.comparison.tracing import parameters, trace_network
from compare.numbers.arithmetic import ARITHMETICS
from engine import Value
from engine.nn import MLP, Layer
from engine.ops import TABLE, Op
from explicit import ACTIVATIONS, Activation, Cost, Network

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 5e-324, -5e-324, 1e-310, 1e-160, 0.5]


def numbers(stream, shape, low, high):
    """Uniform numbers, with some special ones among them."""
    array = stream.uniform(low, high, shape)
    special = [v for v in SPECIAL if low <= v <= high]
    return np.where(stream.rand(*shape) < 0.1, stream.choice(special, shape), array)


@st.composite
def nets(draw, activations=tuple(ACTIVATIONS), depth=6, width=16, batch=8, scale=2.0, crossed=True):
    """(network, x, y)"""
    sizes = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    chosen = [draw(st.sampled_from(activations)) for _ in sizes[1:]]
    cost = "cross_entropy" if crossed and chosen[-1] == "sigmoid" and draw(st.booleans()) else "quadratic"
    samples, seed = draw(st.integers(1, batch)), draw(st.integers(0, 2**32 - 1))
    network, stream = Network(sizes, chosen, cost), np.random.RandomState(seed)
    network.weights = [numbers(stream, w.shape, -scale, scale) for w in network.weights]
    network.biases = [numbers(stream, b.shape, -scale, scale) for b in network.biases]
    return network, numbers(stream, (sizes[0], samples), -1, 1), numbers(stream, (sizes[-1], samples), 0, 1)


def trace(network, x, y):
    return trace_network(network, parameters("w", network.weights), parameters("b", network.biases), x, y)


def all_rows(report):
    return [row for quantity in "zabw" for row in report.rows_of(quantity)]


def check_exact(report):
    """report.exact, and what it says of each number, checked here once more and otherwise."""
    assert report.first_divergence is None, report.verdict
    assert report.exact
    for row in all_rows(report):
        a, b = row.delta, row.adjoint
        assert row.equal and type(a) is type(b)
        assert (a.hex() == b.hex()) if isinstance(a, float) else a == b


# -- random networks -------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(nets())
def test_random_networks_are_bit_identical(drawn):
    network, x, y = drawn
    outputs = network.feedforward(x)
    if network.cost.name == "cross_entropy" and ((outputs <= 0) | (outputs >= 1)).any():
        check_refused_by_both(network, x, y)
    else:
        check_exact(compare(network, x, y))


def check_refused_by_both(network, x, y):
    with pytest.raises(ValueError, match="cross_entropy needs 0 < a < 1"):
        compare(network, x, y)
    with pytest.raises(ValueError):
        for s in range(x.shape[1]):
            trace(network, x[:, s : s + 1], y[:, s : s + 1])


@pytest.mark.parametrize("bias", [800.0, -800.0, 40.0])
def test_cross_entropy_at_0_or_1_is_refused_by_both(bias):
    network = Network([1, 2], cost="cross_entropy")
    network.biases = [[[0.5], [bias]]]
    check_refused_by_both(network, np.array([[0.5, 1.0]]), np.array([[0.0, 1.0], [0.5, 0.5]]))


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
def test_cross_entropy_of_an_output_outside_is_refused_by_both(activation):
    network = Network([1, 1], activation, "cross_entropy")
    network.weights, network.biases = [[[-2.0]]], [[[0.0]]]
    check_refused_by_both(network, np.array([[1.0]]), np.array([[1.0]]))


@settings(max_examples=40, deadline=None)
@given(nets(("sigmoid", "tanh", "softsign", "softplus"), depth=4, width=6, scale=1e3, crossed=False))
def test_saturated_networks_are_bit_identical(drawn):
    check_exact(compare(*drawn))


def test_saturation_is_reached_and_still_identical():
    for name, a in (("sigmoid", 1.0), ("tanh", -1.0), ("sigmoid", 0.0)):
        network = Network([1, 1, 1], name)
        network.weights = [[[1e4 if a > 0 else -1e4]], [[1.0]]]
        report = compare(network, [[1.0]], [[0.5]])
        assert report.record.activations[1][0, 0] == a and report.record.deltas[0][0, 0] == 0
        check_exact(report)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize("w", [1e200, 1e308, math.inf, -math.inf, math.nan])
def test_networks_that_are_not_finite_are_identical(name, w):
    network = Network([2, 3, 2, 2], [name, "identity", name], seed=4)
    network.weights[:] = [np.where(W > 0, w, -1e155 * W) for W in network.weights]
    report = compare(network, [[0.5, -1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
    assert report.exact, report.verdict


def test_infinities_and_nans_do_occur_and_are_identical():
    network = Network([1, 2, 1], "identity")
    network.weights = [[[1e300], [-1e300]], [[1e300, 1e300]]]
    report = compare(network, [[1.0]], [[0.0]])
    found = [row.delta for row in all_rows(report)]
    assert any(map(math.isnan, found))
    assert report.exact and all(row.ulps == 0 for row in all_rows(report))
    network.weights = [[[1e300], [1.0]], [[1e300, 1.0]]]
    assert math.inf in [row.delta for row in all_rows(compare(network, [[1.0]], [[0.0]]))]
    assert compare(network, [[1.0]], [[0.0]]).exact


def test_zeros_have_signs():
    network = Network([2, 3, 1], ["relu", "identity"])
    network.weights = [[[-1.0, 0.0], [-0.0, -0.0], [1.0, 1.0]], [[-1.0, 0.0, -0.0]]]
    network.biases = [[[-0.0], [-0.0], [0.0]], [[-0.0]]]
    report = compare(network, [[0.5, -0.0], [0.25, 0.0]], [[1.0, 0.0]])
    signs = {math.copysign(1.0, row.delta) for row in all_rows(report) if row.delta == 0}
    assert signs == {1.0, -1.0}
    check_exact(report)


def test_a_lost_sign_of_zero_is_seen(monkeypatch):
    network = Network([1, 1, 1], ["relu", "identity"])
    network.weights, network.biases = [[[-1.0]], [[1.0]]], [[[0.0]], [[0.0]]]
    change(monkeypatch, "bp2", lambda delta: delta + 0.0)
    report = compare(network, [[1.0]], [[1.0]])
    first = report.first_divergence
    assert (first.name, first.delta.hex(), first.adjoint.hex()) == ("δ²₁", "0x0.0p+0", "-0x0.0p+0")
    assert first.ulps == 0 and not first.equal and not report.exact


def test_three_real_digits(mnist):
    x, y = load_mnist(mnist)
    report = compare(Network([784, 30, 10]), x[:, :3], y[:, :3])
    assert report.exact
    forward = {"forward z": (120, 120), "forward a": (120, 120), "cost": (3, 3)}
    assert report.counts == forward | {"z": (120, 120), "a": (120, 120), "b": (40, 40), "w": (23_820, 23_820)}


# -- the forward pass ------------------------------------------------------------------------------


def on_values(numbers):
    return isinstance(numbers.flat[0], Value)


def linear(a, y):
    return (a - y).sum(axis=0)


def ones(a, y):
    return a * 0 + 1


TOTAL = Cost("total", linear, ones)


@pytest.mark.parametrize("arithmetic", ["float64", "rational", "ball"])
def test_a_function_that_computes_otherwise_on_the_graphs_numbers_is_found_out(arithmetic):
    if arithmetic == "ball":
        pytest.importorskip("flint")
    tripled = Activation("3z", lambda z: z if on_values(z) else 3 * z, lambda z, a: z * 0 + 1)
    report = compare(Network([2, 1], tripled, TOTAL), XS[:2], [[1.0, 2.0, 3.0]], arithmetic=arithmetic)
    # Every δ and every gradient is equal: C is linear, and the graph's σ′ is 1 as well.
    assert all(report.counts[quantity] == (n, n) for quantity, n in {"z": 3, "a": 3, "b": 1, "w": 2}.items())
    assert report.counts["forward z"] == (3, 3)
    assert report.counts["forward a"] == report.counts["cost"] == (0, 3)
    assert not report.exact and report.first_divergence.name == "a²₁"
    assert "DIFFERENT" in report.verdict and "in the forward pass the two differ, first at a²₁" in report.verdict


@pytest.mark.parametrize("arithmetic", list(ARITHMETICS))
def test_a_cost_that_computes_otherwise_on_the_graphs_numbers_is_found_out(arithmetic):
    pytest.importorskip({"ball": "flint", "symbolic": "sympy"}.get(arithmetic, "numpy"))
    cost = Cost("total", lambda a, y: linear(a, y) * (1 if on_values(a) else 2), ones)
    report = compare(Network([2, 1], "identity", cost), [[0.5], [0.25]], [[2.0]], arithmetic=arithmetic)
    assert not report.exact and report.first_divergence.name == "C"
    assert all(equal == every for quantity, (equal, every) in report.counts.items() if quantity != "cost")


def test_a_result_of_another_shape_is_equal_nowhere_and_said_to_be():
    report = compare(mistaken(smooth(), "bias-not-summed-over-batch"), XS, YS)
    assert report.counts["b"] == (0, 9) and not report.exact
    assert {(m.kind, m.cause) for m in report.classified if m.row.layer == 2} == {
        ("wrong", "an array of shape (3, 3), not (3, 1)")
    }
    assert "an array of shape (3, 3), not (3, 1)" in str(report)


# -- exact rationals -------------------------------------------------------------------------------

RATIONAL = ("relu", "leaky_relu", "identity")


@settings(max_examples=40, deadline=None)
@given(nets(RATIONAL, depth=5, width=10, batch=4, crossed=False))
def test_rational_networks_are_equal(drawn):
    check_exact(compare(*drawn, arithmetic="rational"))


@settings(max_examples=25, deadline=None)
@given(nets((*RATIONAL, "softsign"), depth=3, width=4, batch=2, crossed=False))
def test_softsign_over_rationals(drawn):
    report = compare(*drawn, arithmetic="rational")
    check_exact(report)
    assert str(report)


def test_a_rational_network_of_its_own_numbers():
    network = Network([2, 2, 1], "relu")
    third = Rational(1, 3)
    network.weights = [np.array(w, dtype=object) for w in ([[third, 1], [-third, 2]], [[third, third]])]
    network.biases = [np.array(b, dtype=object) for b in ([[0], [Fraction(1, 7)]], [[Rational("0.1")]])]
    report = compare(network, [["1/3"], ["1/2"]], [[0.5]], arithmetic="rational")
    check_exact(report)
    # z² = (1/9 + 1/2, 1/7 − 1/9 + 1), z³ = 1/10 + Σ a/3, δ³ = z³ − 1/2, δ²ⱼ = δ³/3
    z = [Fraction(11, 18), Fraction(1, 7) - Fraction(1, 9) + 1]
    delta = Fraction(1, 10) + sum(z) / 3 - Fraction(1, 2)
    assert [row.delta for row in report.rows] == [delta / 3, delta / 3, delta]
    assert [row.ulps for row in report.rows] == [None] * 3
    with pytest.raises(TypeError, match=r"weights\[0\]: expected floats, got an array of Rational, int"):
        compare(network, [[0.5], [0.5]], [[0.5]])


def test_rationals_tell_apart_what_floats_round_away(monkeypatch):
    off = 1 + Rational(1, 10**40)
    change(monkeypatch, "bp1", lambda delta: delta * off if delta.dtype == object else delta * off.to_float())
    network = Network([2, 2, 1], "identity")
    assert compare(network, [[0.5], [1.0]], [[1.0]]).exact
    report = compare(network, [[0.5], [1.0]], [[1.0]], arithmetic="rational")
    assert not report.exact and report.first_divergence.name == "δ³₁"


# -- an MLP of the engine --------------------------------------------------------------------------


def perceptron(nin=2, nouts=(4, 3, 2), seed=5, **keywords):
    random.seed(seed)
    mlp = MLP(nin, list(nouts), **keywords)
    for p in mlp.parameters():
        p.data += random.uniform(-0.5, 0.5)
    return mlp


X = [[0.5, -1.0, 0.25], [1.0, 0.125, -0.75]]
Y = [[1.0, 0.0, 0.5], [0.0, 1.0, 0.25]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "keywords",
    [{}, {"activation": "tanh"}, {"activation": "sigmoid", "output": "sigmoid"}, {"activation": "softplus"},
     {"activation": "leaky_relu"}, {"activation": "softsign", "output": "tanh"}, {"activation": "identity"}],
    ids=str,
)  # fmt: skip
def test_an_mlp_is_bit_identical(keywords, seed):
    check_exact(compare(perceptron(seed=seed, **keywords), X, Y))


def test_an_mlp_of_mixed_layers_with_cross_entropy():
    mlp = perceptron(activation="tanh", output="sigmoid")
    random.seed(2)
    mlp.layers[1] = Layer(4, 3, activation="relu", layer=3)
    report = compare(mlp, X, Y, cost="cross_entropy")
    check_exact(report)
    assert "tanh/relu/sigmoid, cross_entropy" in report.title


def test_an_mlp_over_rationals():
    mlp = perceptron()
    check_exact(compare(mlp, X, Y, arithmetic="rational"))
    for p in mlp.parameters():
        p.data = Rational(p.data) / 3
    check_exact(compare(mlp, X, Y, arithmetic="rational"))
    with pytest.raises(TypeError, match=r"weights\[0\]: expected floats, got an array of Rational"):
        compare(mlp, X, Y)


def test_an_mlp_on_ints():
    mlp = perceptron()
    for i, p in enumerate(mlp.parameters()):
        p.data = i % 5 - 2
    report = compare(mlp, [[1], [2]], [[0], [1]])
    check_exact(report)
    assert all(type(p.data) is int for p in mlp.parameters())


def test_an_mlp_that_has_diverged():
    mlp = perceptron()
    mlp.parameters()[0].data = math.inf
    mlp.parameters()[1].data = math.nan
    assert compare(mlp, X, Y).exact


def state(mlp):
    modules = [m for layer in mlp.layers for m in (layer, *layer.neurons)]
    return [x for p in mlp.parameters() for x in (p.data, p.grad)] + [m.z for m in (mlp, *modules)]


def untouched(before, after):
    return len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))


def test_an_mlp_is_left_as_it_was(monkeypatch):
    mlp = perceptron()
    before = state(mlp)
    compare(mlp, X, Y)
    assert untouched(before, state(mlp))
    out = mlp([1.0, 2.0])
    (out[0] * out[1]).backward()
    before = state(mlp)
    assert any(p.grad for p in mlp.parameters())
    compare(mlp, X, Y)
    assert untouched(before, state(mlp))

    def second_fails(*arguments, made=[], trace=two_sides.trace_mlp):  # noqa: B006
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return trace(*arguments)

    monkeypatch.setattr(two_sides, "trace_mlp", second_fails)
    with pytest.raises(KeyboardInterrupt):
        compare(mlp, X, Y)
    assert untouched(before, state(mlp))
    mlp.parameters()[0].data = 2.0
    assert not untouched(before, state(mlp))  # the check itself sees a change


def test_gradients_that_are_there_do_not_leak_into_the_comparison():
    mlp = perceptron()
    for p in mlp.parameters():
        p.grad = 100.0
    check_exact(compare(mlp, X, Y))


def test_an_mlp_that_ignores_an_input_is_found_out():
    class Forgetful(type(perceptron().layers[0].neurons[0])):
        def __call__(self, x):
            return super().__call__([0.0 if i == 1 else v for i, v in enumerate(x)])

    class Deaf(Forgetful):
        def __call__(self, x):
            self.z = self.b * 1.0
            return self.z.relu()

    for kind, quantity in ((Forgetful, "forward z"), (Deaf, "forward z")):
        mlp = perceptron()
        mlp.layers[1].neurons[0].__class__ = kind
        report = compare(mlp, X, Y)
        assert not report.exact and report.first_divergence.quantity == quantity
        assert str(report) and report._repr_html_() and report.to_dict()


# -- a wrong rule is caught ------------------------------------------------------------------------


def change(monkeypatch, name, made):
    """Let an equation of the textbook's side give made(its result)."""
    right = getattr(explicit.network, name)
    wrong = functools.wraps(right)(lambda *arguments: made(right(*arguments)))
    monkeypatch.setattr(explicit.network, name, wrong)


def smooth(sizes=(2, 3, 3, 3), activation="tanh"):
    return Network(sizes, activation, seed=8)


XS, YS = np.array(X), np.array([*Y, [0.125, 0.5, 1.0]])


def first(report):
    assert not report.exact
    row = report.first_divergence
    assert row is not None and not row.equal
    word = "ROUNDED OTHERWISE" if {m.kind for m in report.classified} == {"rounding"} else "DIFFERENT"
    assert row.name in report.verdict and report.verdict.startswith(word)
    return row.quantity, row.layer


@pytest.mark.parametrize(
    ("name", "where"), [("bp1", ("z", 4)), ("bp2", ("z", 3)), ("bp3", ("b", 4)), ("bp4", ("w", 4))]
)
def test_an_equation_off_by_a_thousandth(monkeypatch, name, where):
    assert compare(smooth(), XS, YS).exact
    change(monkeypatch, name, lambda result: result * 1.001)
    assert first(compare(smooth(), XS, YS)) == where
    assert first(compare(smooth(activation="softsign"), XS, YS, arithmetic="rational")) == where


def test_a_wrong_bp4_leaves_the_rest_equal(monkeypatch):
    change(monkeypatch, "bp4", lambda result: result * 1.001)
    counts = compare(smooth(), XS, YS).counts
    forward = {"forward z": (27, 27), "forward a": (27, 27), "cost": (3, 3)}
    assert counts == forward | {"z": (27, 27), "a": (27, 27), "b": (9, 9), "w": (0, 24)}


def test_w_not_transposed(monkeypatch):
    right = explicit.network.bp2
    wrong = functools.wraps(right)(lambda W, *rest: right(W.T, *rest))
    monkeypatch.setattr(explicit.network, "bp2", wrong)
    report = compare(smooth(), XS, YS)
    assert first(report) == ("z", 3)
    assert all(row.equal for row in report.rows if row.layer == 4)
    assert not any(row.equal for row in report.rows if row.layer < 4)


def test_bp4_with_z_in_the_place_of_a(monkeypatch):
    z_of, forward, right = {}, Network.forward, explicit.network.bp4

    def remember(self, *arguments):
        zs, activations = forward(self, *arguments)
        z_of.update({id(a): z for z, a in zip(zs, activations[1:], strict=True)})
        return zs, activations

    wrong = functools.wraps(right)(lambda a, *rest: right(z_of.get(id(a), a), *rest))
    monkeypatch.setattr(Network, "forward", remember)
    monkeypatch.setattr(explicit.network, "bp4", wrong)
    report = compare(smooth(), XS, YS)
    assert first(report) == ("w", 4)
    assert {r.layer for r in report.rows_of("w") if r.equal} == {2}  # a¹ = x has no z
    assert report.counts["z"] == (27, 27)


def test_samples_added_in_another_order(monkeypatch):
    change(monkeypatch, "bp3", lambda result: result)
    right = explicit.network.bp3
    wrong = functools.wraps(right)(lambda delta, *rest: right(delta[:, ::-1], *rest))
    monkeypatch.setattr(explicit.network, "bp3", wrong)
    stream = np.random.RandomState(0)
    report = compare(smooth(), stream.randn(2, 8), stream.rand(3, 8))
    assert first(report)[0] == "b" and report.counts["z"] == (72, 72)
    assert max(row.ulps for row in report.different()) < 100


def test_one_bit_of_one_delta(monkeypatch):
    def one_bit(delta):
        delta = delta.copy()
        if delta.shape == (4, 3):
            delta[2, 1] = np.nextafter(delta[2, 1], np.inf)
        return delta

    change(monkeypatch, "bp2", one_bit)
    report = compare(smooth((2, 4, 3, 3)), XS, YS)
    assert first(report) == ("z", 2)
    row = report.first_divergence
    assert (row.unit, row.sample, row.ulps, row.name) == (3, 1, 1, "δ²₃")
    assert report.counts["z"] == (29, 30)
    assert "δ²₃ of sample 1" in report.verdict and "(1 ULP apart)" in report.verdict


@pytest.fixture
def corrupt():
    """corrupt(name, dx=…): compile a row of the engine's table with another partial, until the test ends."""
    changed = []

    def compile_row(name, **partials):
        right = TABLE[name]
        texts = {"dx": right.dx, "dy": right.dy, **partials}
        changed.append(right)
        TABLE._compile(
            Op(name, right.symbol, right.forward, texts["dx"], texts["dy"], c=right.c, samples=right.samples)
        )

    yield compile_row
    for right in changed:
        TABLE._compile(right)


@pytest.mark.parametrize(
    ("activations", "name", "partials", "where"),
    [
        (["tanh", "tanh", "tanh"], "tanh", {"dx": "1.001 * (1 - out * out)"}, ("z", 4)),
        (["tanh", "softplus", "identity"], "tanh", {"dx": "1.001 * (1 - out * out)"}, ("z", 2)),
        (["tanh", "sigmoid", "identity"], "sigmoid", {"dx": "out * (1 - out) * 0.999"}, ("z", 3)),
        (["softplus", "tanh", "tanh"], "softplus", {"dx": "sigmoid(x) * 1.001"}, ("z", 2)),
        (["relu", "identity", "tanh"], "relu", {"dx": "1.001 * step(x)"}, ("z", 2)),
        (["tanh", "tanh", "tanh"], "mul", {"dx": "y * 1.001"}, ("a", 4)),  # C's own d·d
        (["tanh", "tanh", "tanh"], "sub", {"dx": "1.001"}, ("a", 4)),
    ],
)
def test_a_partial_of_the_engine_off_by_a_thousandth(corrupt, activations, name, partials, where):
    network = smooth(activation=activations)
    assert compare(network, XS, YS).exact
    corrupt(name, **partials)
    assert first(compare(network, XS, YS)) == where


def test_the_table_is_right_again_after_a_corrupted_row():
    assert compare(smooth(), XS, YS).exact


def test_a_dropped_edge_of_a_diamond(monkeypatch):
    # Each hidden unit is the top of a diamond: all units of the next layer lead from it to C.
    network = smooth()

    def forgets(root, inner, reached, seed, sweep=engine.reverse.sweep):
        children = [n for n in inner if any(p.label == "a³₂" for p in n.parents)]
        assert len(children) == 3
        dropped = children[0]
        parent, partial = dropped._y, dropped._dy
        assert parent.label == "a³₂"
        dropped._y = None
        try:
            sweep(root, inner, reached, seed)
        finally:
            dropped._y, dropped._dy = parent, partial

    monkeypatch.setattr(engine.reverse, "sweep", forgets)
    report = compare(network, XS, YS)
    assert first(report) == ("a", 3)
    row = report.first_divergence
    assert (row.unit, row.sample, row.name) == (2, 0, "∂C/∂a³₂")
    assert [r.unit for r in report.rows if r.layer == 3 and not r.equal] == [2, 2, 2]


# -- outside the contract --------------------------------------------------------------------------


def test_blas_is_never_exact():
    for sizes in ([1, 1], [2, 30, 20, 1]):
        report = compare(Network(sizes, matmul=np.matmul), np.full((sizes[0], 2), 0.5), [[1.0, 0.0]])
        assert report.exact is False
        assert "by the network's own matmul, outside the order contract." in report.verdict
    report = compare(Network([1, 1], matmul=np.matmul), [[1.0]], [[1.0]])
    assert report.all_equal and report.verdict.startswith("EQUAL HERE")


def test_blas_over_rationals_is_equal_but_outside_the_contract():
    network = Network([3, 4, 1], "relu", matmul=np.matmul)
    report = compare(network, np.ones((3, 2)), [[1.0, 0.0]], arithmetic="rational")
    assert report.all_equal and not report.exact


def test_the_cross_entropy_shortcut_rounds_otherwise():
    stream = np.random.RandomState(1)
    x, y = stream.uniform(-1, 1, (3, 8)), stream.uniform(0, 1, (2, 8))
    assert compare(Network([3, 5, 2], cost="cross_entropy"), x, y).exact
    report = compare(Network([3, 5, 2], cost="cross_entropy", shortcut=True), x, y)
    assert first(report) == ("z", 3)
    assert "δᴸ = a − y is a short cut" in report.verdict
    assert "BP1 (shortcut a − y)" in str(report)
    assert max(row.ulps for row in report.rows if row.layer == 3) < 100  # it is a matter of rounding


# -- arguments -------------------------------------------------------------------------------------

NET = Network([2, 2, 1], "relu")
ONE = ([[0.5], [1.0]], [[1.0]])


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((NET, *ONE), {"arithmetic": "float32"}, ValueError, "arithmetic: unknown name .*; known: float64"),
        ((NET, *ONE), {"cost": "quadratic"}, ValueError, "cost: the network has its own, 'quadratic'"),
        (("net", *ONE), {}, TypeError, "network: expected an explicit Network or an engine MLP, got 'net'"),
        ((Network, *ONE), {}, TypeError, "network: expected an explicit Network"),
        ((NET, [[0.5]], [[1.0]]), {}, ValueError, r"x: expected shape \(2, B\)"),
        ((NET, [0.5, 1.0], [[1.0]]), {}, ValueError, "x: .*write one sample as a column"),
        ((NET, ONE[0], [[1.0], [0.0]]), {}, ValueError, r"y: expected shape \(1, B\)"),
        ((NET, ONE[0], [[1.0, 0.0]]), {}, ValueError, "y: expected 1 samples as in x, got 2"),
        ((NET, np.empty((2, 0)), np.empty((1, 0))), {}, ValueError, "x: .* with at least one sample"),
        ((NET, [[math.inf], [1.0]], [[1.0]]), {}, ValueError, r"x: expected finite .*x\[0, 0\] = inf"),
        ((NET, ONE[0], [[math.nan]]), {}, ValueError, r"y: expected finite numbers, got y\[0, 0\] = nan"),
        ((NET, [[0.5, 1.0], [1.0]], [[1.0]]), {}, ValueError, "x: expected rows of equal length"),
        ((NET, [["a"], ["b"]], [[1.0]]), {}, TypeError, "x: expected real numbers, .* dtype <U1"),
        ((NET, [[1j], [1]], [[1.0]]), {}, TypeError, "x: expected real numbers, .* complex128"),
        ((NET, None, [[1.0]]), {}, TypeError, "x: expected floats, got an array of NoneType"),
        ((NET, np.empty((2, 0), object), [[1.0]]), {}, TypeError, "x: .* an array of objects"),
        ((NET, [[Rational(1)], [1]], [[1.0]]), {}, TypeError, "x: .* Rational, int; name the arith"),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        compare(*arguments, **keywords)


@pytest.mark.parametrize(
    ("network", "x", "error", "message"),
    [
        (Network([2, 1]), ONE[0], ValueError, "activation 'sigmoid' leads out"),
        (Network([2, 3, 1], ["tanh", "relu"]), ONE[0], ValueError, "activation 'tanh' leads out"),
        (Network([2, 1], "softplus"), ONE[0], ValueError, "activation 'softplus' leads out"),
        (Network([2, 1], "relu", "cross_entropy"), ONE[0], ValueError, "cost 'cross_entropy' leads out"),
        (NET, [[math.inf], [1.0]], ValueError, "x: inf is not a rational number"),
        (NET, [["a"], ["b"]], ValueError, "x: Invalid literal for Fraction: 'a'"),
        (NET, [["1/0"], ["1"]], ZeroDivisionError, "x: "),
        (NET, [[None], [1]], TypeError, "x: .*expected a number, got NoneType"),
        (NET, np.empty((2, 0)), ValueError, "x: .* with at least one sample"),
    ],
)
def test_wrong_arguments_over_rationals(network, x, error, message):
    with pytest.raises(error, match=message):
        compare(network, x, ONE[1], arithmetic="rational")


def test_wrong_arguments_for_an_mlp():
    with pytest.raises(ValueError, match="cost: unknown name 'cubic'"):
        compare(perceptron(), X, Y, cost="cubic")
    with pytest.raises(ValueError, match="cost: unknown name ''"):
        compare(perceptron(), X, Y, cost="")
    with pytest.raises(ValueError, match="activation 'tanh' leads out"):
        compare(perceptron(activation="tanh"), X, Y, arithmetic="rational")


def test_compare_leaves_a_network_as_it_was():
    network = smooth()
    before = [w.tobytes() for w in (*network.weights, *network.biases)]
    x = XS.copy()
    compare(network, x, YS)
    compare(smooth(activation="relu"), x, YS, arithmetic="rational")
    assert [w.tobytes() for w in (*network.weights, *network.biases)] == before
    assert x.tobytes() == XS.tobytes() and network.weights[0].dtype == np.float64


def test_numbers_may_be_ints_lists_or_narrow_floats():
    check_exact(compare(NET, [[1], [0]], [[True]]))
    check_exact(compare(NET, np.array([[0.1], [1]], dtype=np.float32), np.array([[1]], dtype=np.int8)))


def test_a_progress_bar_on_request(capsys):
    compare(NET, *ONE, progress=True)
    assert "graphs" in capsys.readouterr().err
    compare(NET, *ONE)
    assert capsys.readouterr() == ("", "")
