import math

import numpy as np
import pytest

from explicit import Network, train
from explicit.training import settings

X = np.array([[0.0, 0.0, 1.0, 1.0, 0.5], [0.0, 1.0, 0.0, 1.0, 0.25]])
Y = np.array([[0.0, 1.0, 1.0, 0.0, 1.0]])


def bits(network):
    return [array.view(np.int64).tolist() for array in network.weights + network.biases]


def test_one_epoch_is_the_book_s_loop_to_the_bit():
    network, plain = Network([2, 3, 1]), Network([2, 3, 1])
    costs = train(network, (X, Y), epochs=2, batch_size=2, eta=0.5, seed=9, progress=False)
    random = np.random.RandomState(9)
    for epoch in range(2):
        order, total = random.permutation(5), 0.0
        for batch in (order[:2], order[2:4], order[4:]):
            record, n = plain.backprop(X[:, batch], Y[:, batch]), len(batch)
            plain.weights = [w - (0.5 / n) * g for w, g in zip(plain.weights, record.nabla_w, strict=True)]
            plain.biases = [b - (0.5 / n) * g for b, g in zip(plain.biases, record.nabla_b, strict=True)]
            total += record.cost
        assert costs[epoch].hex() == (total / 5).hex()
    assert bits(network) == bits(plain)


def test_training_is_reproducible_and_depends_on_the_seed():
    def trained(seed):
        network = Network([2, 3, 1], "tanh")
        costs = train(network, (X, Y), 5, 2, 0.1, seed=seed, progress=False)
        return bits(network), [cost.hex() for cost in costs]

    assert trained(1) == trained(1) != trained(2)


def test_it_learns_xor():
    network = Network([2, 8, 1], "tanh", seed=1)
    costs = train(network, (X[:, :4], Y[:, :4]), epochs=400, batch_size=4, eta=0.5, progress=False)
    assert costs[-1] < 0.01 < costs[0]
    assert network.accuracy(X[:, :4], Y[:, :4]) == 1.0


def test_on_epoch_and_the_progress_bar(capsys):
    seen = []
    costs = train(
        Network([2, 1]), (X, Y), 2, 10, 0.1, on_epoch=lambda epoch, cost: seen.append((epoch, cost))
    )
    assert seen == [(1, costs[0]), (2, costs[1])]
    shown = capsys.readouterr()
    assert "10/10" in shown.err and shown.out == ""
    train(Network([2, 1]), (X, Y), 2, 10, 0.1, progress=False)
    assert capsys.readouterr().err == ""


def test_the_checked_arguments_of_a_training():
    run = settings("lockstep", Network([2, 1]), (X, Y.astype(int)), np.int64(3), 2, 1, 7)
    assert (run.epochs, run.batch_size, run.eta, run.seed) == (3, 2, 1.0, 7) and type(run.eta) is float
    assert run.x is X and run.y.dtype == np.float64
    with pytest.raises(TypeError, match="lockstep: expected float64"):
        settings("lockstep", Network([2, 1]), (X.astype(object), Y), 3, 2, 1, 7)


def test_data_are_left_alone():
    x, y = X.copy(), Y.copy()
    train(Network([2, 1]), (x, y), 2, 2, 0.1, progress=False)
    assert (x == X).all() and (y == Y).all()


def test_divergence_is_shown_not_hidden():
    network = Network([2, 1], "identity")
    costs = train(network, (X, Y), 400, 1, 1e3, progress=False)
    assert not math.isfinite(costs[-1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"network": 7}, TypeError, "network: expected an explicit.Network, got 7"),
        ({"data": X}, TypeError, r"data: expected a pair \(x, y\)"),
        ({"data": (X.T, Y)}, ValueError, r"x: expected shape \(2, B\), samples in columns, got \(5, 2\)"),
        ({"data": (X, Y[:, :4])}, ValueError, "y: expected 5 samples as in x, got 4"),
        ({"data": (X.astype(object), Y)}, TypeError, "train: expected float64"),
        ({"epochs": 0}, ValueError, "epochs: expected an int ≥ 1, got 0"),
        ({"epochs": 1.5}, TypeError, "epochs: expected an int ≥ 1, got 1.5"),
        ({"batch_size": 0}, ValueError, "batch_size: expected an int ≥ 1, got 0"),
        ({"eta": 0}, ValueError, "eta: expected a finite number > 0, got 0.0"),
        ({"eta": math.nan}, ValueError, "eta: expected a finite number > 0, got nan"),
        ({"eta": "fast"}, TypeError, "eta: expected a number > 0, got 'fast'"),
        ({"seed": -1}, ValueError, "seed: expected an int from 0"),
        ({"on_epoch": 7}, TypeError, "on_epoch: expected a function"),
    ],
)
def test_bad_arguments(arguments, error, message):
    good = {
        "network": Network([2, 1]),
        "data": (X, Y),
        "epochs": 1,
        "batch_size": 2,
        "eta": 0.1,
        "progress": False,
    }
    with pytest.raises(error, match=message):
        train(**{**good, **arguments})
