"""What a new activation and a new cost take: a row each in explicit's tables, and one in the op table.

Whoever meets them serves them with right numbers, or refuses them by name.
"""

import ast
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare import check, compare, cost, diagnose, prove, train_in_lockstep
from compare.diagnosing.trials import backward
from compare.mistakes.lab import mistaken
from compare.numbers.counted import Tally
from compare.referees.opinion import REFEREES, opinion
from compare.rounding.bounds import rounding_bounds
from engine import Value
from engine.nn import MLP
from engine.ops import TABLE, Op
from explicit import ACTIVATIONS, COSTS, Activation, Cost, Network, train
from explicit.elementwise import apply, method_or
from explicit.fast.stepper import Stepper
from explicit.sums import add_up

OP = Op("swish", "swish", "x * sigmoid(x)", "sigmoid(x) + out * (1 - sigmoid(x))", samples=(0.5, -2.0))


def slope(z, a):
    s = apply("sigmoid", z)
    return s + a * (1 - s)


SWISH = Activation(
    "swish", method_or("swish", lambda z: z * apply("sigmoid", z)), slope,
    formula="z * sigmoid(z)", kink=0, range=(-0.28, math.inf), torch="SiLU",
)  # fmt: skip


def quartic_cost(a, y):
    d = a - y
    total = add_up(d * d * (d * d))
    return total / 4


def quartic_gradient(a, y):
    """(a − y)³, as a graph of (d·d)·(d·d) adds it."""
    d = a - y
    quarter = d * d / 4
    half = (quarter + quarter) * d
    return half + half


QUARTIC = Cost("quartic", quartic_cost, quartic_gradient, formula="(a - y) ** 4 / 4", domain=(-math.inf, math.inf))
RANDOM = np.random.RandomState(0)
X, Y = RANDOM.randn(2, 3), RANDOM.uniform(0.1, 0.9, (2, 3))

ROOT = Path(__file__).parent.parent
TABLES = {"activations.py", "costs.py"}  # of explicit
GRAPHS = "diagnosing_graphs"  # is about the op table's rows
WRITTEN = [
    path
    for room in ("explicit", "compare")
    for path in sorted((ROOT / room).rglob("*.py"))
    if path.name not in TABLES and path.parent.name != GRAPHS
]
NAMES = {"relu", "leaky_relu", "softsign", "identity", "quadratic", "cross_entropy"}  # and no elementary functions


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_keeps_a_table_of_names_of_his_own(path):
    """No dictionary or set has these names, and nothing is compared with them: rows are, and tell facts."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts = {ast.Dict: "keys", ast.Set: "elts", ast.Compare: "comparators"}.get(type(node))
        for part in getattr(node, parts) if parts else []:
            within = part.elts if isinstance(part, (ast.Tuple, ast.List, ast.Set)) else [part]
            found += [c.value for c in within if isinstance(c, ast.Constant) and c.value in NAMES]
    assert found == []


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "swish", SWISH)
    monkeypatch.setitem(COSTS, "quartic", QUARTIC)
    TABLE.add(OP)
    yield
    TABLE.remove("swish")


def networks():
    return [
        Network([2, 3, 2], "swish"),
        Network([2, 3, 2], "tanh", "quartic"),
        Network([2, 3, 2], ["swish", "softplus"], "quartic"),
    ]


each = pytest.mark.parametrize("network", [0, 1, 2], indirect=True)


@pytest.fixture
def network(request):
    return networks()[request.param]


def bits(arrays):
    return [np.asarray(array).view(np.int64).tolist() for array in arrays]


@each
def test_delta_is_the_adjoint_in_bits_in_a_field_and_in_balls(network):
    assert compare(network, X, Y).exact
    assert compare(network, X, Y, arithmetic="finite field").exact
    report = compare(network, X[:, :1], Y[:, :1], arithmetic="symbolic")
    assert report.exact
    pytest.importorskip("flint", reason="balls need python-flint")
    balls = compare(network, X, Y, arithmetic="ball")
    assert balls.all_equal and not any(row.lost for row in balls.accuracy)


def test_a_module_of_the_engine_has_it():
    assert compare(MLP(2, [3, 2], activation="swish", output="swish"), X, Y, cost="quartic").exact
    with pytest.raises(ValueError, match="activation 'cube' has no textbook side"):
        try:
            TABLE.add(Op("cube", "x³", "x * x * x", "3 * x * x", samples=(0.5,)))
            compare(MLP(2, [2], activation="cube", output="cube"), X, Y)
        finally:
            TABLE.remove("cube")


def test_rational_numbers_serve_what_stays_among_them():
    assert compare(Network([2, 3, 2], "softsign", "quartic"), X, Y, arithmetic="rational").exact
    with pytest.raises(ValueError, match="activation 'swish' leads out of the rational numbers"):
        compare(Network([2, 2], "swish"), X, Y, arithmetic="rational")


def test_prove_serves_every_activation_and_the_cost_or_refuses_it():
    assert prove(Network([2, 3, 2], "swish")).proved
    try:
        certificate = prove([2, 3, 2], "quartic")
    except ValueError as error:
        assert "no degree bound is known for 'quartic'" in str(error)
    else:
        assert certificate.proved and certificate.degree > prove([2, 3, 2]).degree


@each
def test_check_and_diagnose(network):
    told = {"activation": network.activation_functions, "cost": network.cost, "sizes": network.sizes}
    wrong = backward(mistaken(network, "no-sigma-prime-bp1"))
    right = backward(network)
    assert check(right, X, Y, **told).proved
    assert check(wrong, X, Y, **told).proved is False
    assert diagnose(right, X, Y, **told).right
    assert "no-sigma-prime-bp1" in [m.name for m in diagnose(wrong, X, Y, **told).mistakes]


def test_what_is_of_another_cost_is_no_mistake_here():
    """(a − y)σ′ is the δᴸ of the quadratic cost: the mistake is named of cross-entropy alone."""
    network = Network([2, 3, 2], "sigmoid", "quartic")
    with pytest.raises(ValueError, match="cross-entropy-shortcut: cannot be made"):
        mistaken(network, "cross-entropy-shortcut")
    of_quadratic = backward(Network([2, 3, 2]))
    said = diagnose(of_quadratic, X, Y, cost="quartic", sizes=[2, 3, 2])
    assert not said.right and "cost='quadratic'" in str(said)


@each
@pytest.mark.parametrize("name", list(REFEREES))
def test_referees_judge_by_the_formulas(network, name):
    if name in ("torch", "jax", "autograd"):
        pytest.importorskip(name, reason=f"the referee {name!r} needs {name}")
    right = opinion(name, network, X, Y, network.backprop(X, Y).deltas)
    assert right.normwise < 1e-8
    wrong = network.backprop(X, Y).deltas
    wrong[0][0, 0] *= 1.5
    assert opinion(name, network, X, Y, wrong).normwise > 1e-3
    if name == "finite differences":
        assert right.order == pytest.approx(2, abs=0.1)


def test_referees_refuse_what_the_rows_do_not_say():
    silent = replace(SWISH, formula="", function=lambda z: SWISH.function(z))
    cases = [
        (Network([2, 2], silent), "it has no function 'swish' of its own"),
        (Network([2, 2], cost=replace(QUARTIC, formula="", cost=lambda a, y: quartic_cost(a, y))), "no cost 'quartic'"),
        (Network([2, 2], replace(silent, formula="z * tanh(z)")), "the formula of 'swish' is not its function"),
        (Network([2, 2], replace(silent, formula=SWISH.formula, kink=None)), "'swish' does not say whether"),
    ]
    for network, words in cases:
        with pytest.raises(ValueError, match=words):
            opinion("finite differences", network, X, Y, network.backprop(X, Y).deltas)


@each
def test_bounds_are_refused_by_name(network):
    unknown = "activation 'swish'" if network.activation_functions[0].name == "swish" else "cost 'quartic'"
    with pytest.raises(ValueError, match=f"no rounding bound is known for the {unknown}"):
        rounding_bounds(network, network.backprop(X, Y), Y)
    network.matmul = lambda a, b: np.matmul(a[:, ::-1], b[::-1])
    differ = [m for m in compare(network, X, Y).classified if m.row.ulps]
    assert differ and {m.kind for m in differ} == {"undecided"} and unknown in differ[0].cause


@each
def test_steps_and_training_have_the_bits_of_the_equations(network):
    stepper, plain = Stepper(network.with_parameters(network.weights, network.biases)), network.backprop(X, Y)
    assert not stepper.compiled
    assert bits([stepper.gradients(X, Y)]) == bits([plain.costs])
    run = train_in_lockstep(network.with_parameters(network.weights, network.biases), (X, Y), 3, 2, 0.1, progress=False)
    assert run.identical and run.record["compared"] == 6
    train(network, (X, Y), 3, 2, 0.1, progress=False)
    assert bits(network.weights + network.biases) == bits(run.network.weights + run.network.biases)


def test_operations_are_counted():
    # d, d·d, (d·d)·(d·d), /4 of the forward pass; BP1: d, d·d, /4, sum, ·d, sum, ·σ′; BP4: a·δ.
    costs = cost(Network([1, 1], cost="quartic"))
    assert costs.methods[0].tally == Tally(multiplications=5, additions=3, evaluations=1)
    whole = replace(QUARTIC, formula="", cost=lambda a, y: quartic_cost(a, y))
    with pytest.raises(ValueError, match="row of 'quartic' has no formula"):
        cost(Network([1, 1], cost=whole))


@each
def test_pictures_pages_and_files(network, tmp_path):
    report = compare(network, X, Y)
    drawn = report.graph(level="value").svg()
    assert ("swish" in drawn) == (network.activation_functions[0].name == "swish")
    report.page(tmp_path / "page.html")
    assert network.cost.name in (tmp_path / "page.html").read_text()
    network.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert repr(again) == repr(network)
    assert bits(again.backprop(X, Y).deltas) == bits(network.backprop(X, Y).deltas)


def test_a_file_with_a_name_that_is_gone_is_refused(tmp_path, monkeypatch):
    Network([2, 2], "swish").save(tmp_path / "net.npz")
    monkeypatch.delitem(ACTIVATIONS, "swish")
    with pytest.raises(ValueError, match="unknown name 'swish'"):
        Network.load(tmp_path / "net.npz")


def test_derivatives_of_the_graph():
    x = Value(0.75)
    a = x.swish()
    a.backward()
    assert x.grad == slope(np.array([0.75]), np.array([a.data]))[0]
