"""The cost meter: every method computes the same gradients, and counts are what running it shows."""

import numpy as np
import pytest

from compare import Rational, cost
from compare.counting import DIFFERENCES, FORWARD, PATHS, PER_WEIGHT, REUSE, _Downstream, cost_curve
from compare.numbers.counted import Counted, Dual, Tally
from explicit import Network


def rational_network(sizes):
    random = np.random.RandomState(0)

    def draw(*shape):
        return np.array([[Rational(int(v), 7) for v in row] for row in random.randint(-9, 9, shape)], dtype=object)

    network = Network(sizes, activation="softsign")
    network.weights = [draw(*w.shape) for w in network.weights]
    network.biases = [draw(*b.shape) for b in network.biases]
    return network, draw(sizes[0], 1), draw(sizes[-1], 1)


@pytest.mark.parametrize("sizes", [[2, 1], [2, 3, 1], [2, 3, 2, 2]])
def test_with_and_without_reuse_the_gradients_are_the_same_rational_numbers(sizes):
    network, x, y = rational_network(sizes)
    record = network.backprop(x, y)
    ways = _Downstream(network, record.zs, record.activations, y)
    for way in (ways.reuse, ways.per_weight, ways.paths):
        nabla_w, nabla_b = way()
        assert all((a == b).all() for a, b in zip(nabla_w, record.nabla_w, strict=True))
        assert all((a == b).all() for a, b in zip(nabla_b, record.nabla_b, strict=True))


def test_forward_modes_tangent_is_the_gradient():
    network, x, y = rational_network([2, 3, 1])
    network.activation_functions = Network([2, 3, 1], activation="identity").activation_functions
    record = network.backprop(x, y)

    def duals(array, place=None):
        made = np.empty(array.shape, dtype=object)
        for at in np.ndindex(array.shape):
            made[at] = Dual(array[at], Rational(int(at == place)))
        return made

    weights = [duals(network.weights[0], (1, 0)), duals(network.weights[1])]
    biases = [duals(b) for b in network.biases]
    output = network.forward(duals(x), weights, biases)[1][-1]
    assert network.cost_per_sample(output, duals(y))[0].dx == record.nabla_w[0][1, 0]


def test_one_pass_times_the_passes_is_all_passes_run():
    sizes = [2, 3, 2]
    tally = Tally()
    network = Network(sizes)
    from compare.numbers.arithmetic import Arithmetic, any_sigma

    counted = Arithmetic("counted", "", lambda v: Counted(v, tally), activations=any_sigma).network(network)

    def lift(array, place=None):
        made = np.empty(array.shape, dtype=object)
        for at in np.ndindex(array.shape):
            made[at] = Dual(Counted(0.5, tally), Counted(float(at == place), tally))
        return made

    x, y = np.zeros((2, 1)), np.zeros((2, 1))
    arrays = {"w": network.weights, "b": network.biases}
    places = [(kind, i, at) for kind in "wb" for i, w in enumerate(arrays[kind]) for at in np.ndindex(w.shape)]
    for kind, i, at in places:
        weights = [lift(w, at if (kind, i) == ("w", n) else None) for n, w in enumerate(network.weights)]
        biases = [lift(b, at if (kind, i) == ("b", n) else None) for n, b in enumerate(network.biases)]
        output = counted.forward(lift(x), weights, biases)[1][-1]
        counted.cost_per_sample(output, lift(y))
    method = cost(sizes)[FORWARD]
    assert method.passes == len(places)
    assert method.tally == tally


def test_counts_of_a_net_small_enough_to_count_by_hand():
    # 1-1: a = σ(wx + b), C = (a − y)²/2.
    costs = cost([1, 1])
    # BP1: (a − y), /2, half + half, · σ′; BP3: δ itself; BP4: a·δ.
    assert costs[REUSE].tally == Tally(multiplications=3, additions=2, evaluations=1)
    # Each of w and b asks for its δ anew.
    assert costs[PER_WEIGHT].tally == Tally(multiplications=5, additions=4, evaluations=2)
    assert costs[PATHS].tally == costs[PER_WEIGHT].tally
    # A forward pass: w·x, + b; a − y, d·d, /2. Twice for each of two parameters.
    assert costs[DIFFERENCES].tally == Tally(multiplications=4 * 3, additions=4 * 2, evaluations=4)


def test_reuse_is_linear_in_depth_recomputing_is_quadratic_and_paths_are_exponential():
    depths = range(1, 7)
    work = {name: [cost([3] * (d + 1))[name].work for d in depths] for name in (REUSE, PER_WEIGHT, PATHS)}
    first = np.diff(work[REUSE])
    assert len(set(first[1:])) == 1
    assert len(set(np.diff(work[PER_WEIGHT], 2)[1:])) == 1
    ratios = [b / a for a, b in zip(work[PATHS][2:], work[PATHS][3:], strict=False)]
    assert all(2.5 < ratio < 4 for ratio in ratios)


def test_too_many_paths_are_left_out():
    assert PATHS not in [m.name for m in cost([8] * 8).methods]
    with pytest.raises(KeyError, match="known"):
        cost([8] * 8)[PATHS]


def test_the_table_and_the_curve():
    assert "δ, stored and reused" in str(cost([2, 3, 1]))
    assert "<table>" in cost([2, 3, 1])._repr_html_()
    pytest.importorskip("pygal", reason="pygal (the extra `plot`) is not installed")
    svg = cost_curve(depths=(1, 2), width=2)
    assert svg.startswith("<svg")
    assert "<script" not in svg or "http" not in svg.split("<script", 1)[1].split(">", 1)[0]
    with pytest.raises(ValueError, match="depths"):
        cost_curve(depths=())


def test_bad_input():
    with pytest.raises(ValueError, match="cost: 'cross_entropy' does not run on numbers that count"):
        cost(Network([1, 1], cost="cross_entropy"))
    with pytest.raises(ValueError, match="sizes"):
        cost([1])
