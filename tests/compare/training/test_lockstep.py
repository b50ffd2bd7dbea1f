"""Training twice in lock-step: identical bits, and a difference found where it is made."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from compare.commands.main import main
from compare.data import moons
from compare.training import lockstep
from compare.training.lockstep import train_in_lockstep, verify
from compare.training.run import FORMAT, Run, name_of_parameter
from compare.training.sides import GraphSide
from engine.ops import TABLE
from explicit import Activation, Network, train
from explicit.fast.stepper import Stepper, flatten
from explicit.storage import read_arrays

try:
    import numba

    from engine.replay.kernel_store import kernels
except ImportError:
    numba = None
both = pytest.mark.parametrize(
    "compiled",
    [False, pytest.param(True, marks=pytest.mark.skipif(numba is None, reason="numba (extra fast) is absent"))],
)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DELTA_ADJOINT_CACHE", str(tmp_path_factory.mktemp("kernels")))
        if numba is not None:  # once for all rows of the table, not once per network
            kernels(list(TABLE.values()))
        yield


def same(a, b):
    return a.view(np.int64).tolist() == b.view(np.int64).tolist()


def scaled(*arguments, **options):
    network = Network(*arguments, **options)
    network.weights = [w / math.sqrt(w.shape[1]) for w in network.weights]
    return network


def run(network=None, epochs=2, batch_size=7, samples=30, compiled=False, **options):
    return train_in_lockstep(
        network or Network([2, 5, 1]), moons(samples), epochs, batch_size, 0.5, 3,
        progress=False, compiled=compiled, **options,
    )  # fmt: skip


def hashes(result):
    return [epoch.parameters for epoch in result.history]


@both
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
@pytest.mark.parametrize("sizes", [[2, 5, 1], [2, 4, 3, 1]])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_both_sides_stay_identical_and_make_the_updates_of_train(compiled, cost, sizes, activation):
    last = "sigmoid" if cost == "cross_entropy" else activation
    activations = [activation] * (len(sizes) - 2) + [last]
    trained, plain = (scaled(sizes, activations, cost=cost) for _ in range(2))
    result = run(trained, compiled=compiled, test=moons(20, 1))
    costs = train(plain, moons(30), 2, 7, 0.5, seed=3, progress=False)
    assert result.identical
    assert "IDENTICAL: 10 updates" in str(result)
    assert result.compared == 10
    assert same(flatten(trained), flatten(plain))
    history = result.history
    assert [float(epoch.cost) for epoch in history] == costs
    assert history[-1].accuracy == plain.accuracy(*moons(20, 1))


@both
def test_the_first_differing_bit_is_found(compiled, monkeypatch):
    step = GraphSide.step

    def off(self, batch, eta):
        cost = step(self, batch, eta)
        self.count = getattr(self, "count", 0) + 1
        if self.count == 7:
            self.parameters[11] = np.nextafter(self.parameters[11], np.inf)
        return cost

    monkeypatch.setattr(GraphSide, "step", off)
    result = run(compiled=compiled)
    assert not result.identical
    difference = result.difference
    assert (difference.parameter, difference.update, difference.epoch) == ("b²₂", 7, 2)
    assert (difference.ulps, difference.differing) == ("1", 1)
    assert "first to differ is b²₂ after update 7 (epoch 2)" in result.verdict
    assert len(result.history) == 1


def test_a_short_cut_is_found_out():
    network = scaled([2, 5, 1], cost="cross_entropy", shortcut=True)
    result = run(network)
    assert not result.identical


@pytest.mark.parametrize("every", [2, 3, 100])
def test_comparing_every_few_updates(every):
    one, some = run(), run(every=every)
    assert some.identical
    assert hashes(one) == hashes(some)
    assert some.compared < one.compared


def test_many_stretches_of_updates(monkeypatch):
    whole = run()
    monkeypatch.setattr(lockstep, "MEMORY", 1)
    assert hashes(whole) == hashes(run())


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "state.npz"
    through = Network([2, 5, 1])
    whole = run(through, epochs=4)
    run(epochs=2, checkpoint=path)
    network = Network([2, 5, 1])
    rest = run(network, epochs=4, checkpoint=path)
    assert same(flatten(network), flatten(through))
    assert rest.updates == whole.updates
    again = run(epochs=4, checkpoint=path)  # nothing is left to do
    assert hashes(again) == hashes(whole)
    with pytest.raises(ValueError, match="epochs: expected at least the 4 of .*, got 3"):
        run(epochs=3, checkpoint=path)
    for other in (dict(batch_size=8), dict(samples=31), dict(network=Network([2, 5, 1], "tanh"))):
        with pytest.raises(ValueError, match="checkpoint of another run"):
            run(checkpoint=path, **other)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError):
        run(checkpoint=path)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    """The process is killed in the middle of an epoch, as no clean-up code of ours would see."""
    path = tmp_path / "state.npz"
    code = (
        "from compare.data import moons; from compare.training.lockstep import train_in_lockstep as t\n"
        "from explicit import Network\n"
        "t(Network([2, 5, 1]), moons(400), 100000, 7, 0.5, 3, progress=False, compiled=False, "
        f"checkpoint={str(path)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    done = len(json.loads(str(read_arrays(path)["about"]))["history"])
    network = Network([2, 5, 1])
    run(network, samples=400, epochs=done + 1, checkpoint=path)
    through = Network([2, 5, 1])
    run(through, samples=400, epochs=done + 1)
    assert same(flatten(network), flatten(through))


def test_a_record_is_verified(tmp_path):
    result = run()
    path = tmp_path / "record.json"
    result.to_json(path)
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["format"] == FORMAT
    assert verify(record, Network([2, 5, 1]), moons(30), progress=False, compiled=False)
    record["history"][1]["parameters"] = "0" * 64
    assert not verify(record, Network([2, 5, 1]), moons(30), progress=False, compiled=False)
    with pytest.raises(ValueError, match="other initial"):
        verify(record, Network([2, 5, 1], seed=1), moons(30))
    with pytest.raises(ValueError, match="other data"):
        verify(record, Network([2, 5, 1]), moons(31))
    record["fingerprint"] = "0"
    with pytest.raises(ValueError, match="round otherwise"):
        verify(record, Network([2, 5, 1]), moons(30))
    with pytest.raises(ValueError, match="not the record"):
        verify({}, Network([2, 5, 1]), moons(30))


def test_a_file_written_before_is_read():
    told = json.loads((Path(__file__).parent / "golden" / "run.json").read_text(encoding="utf-8"))
    result = Run.from_dict(told)
    assert result.to_dict() | {"scaled": True} == told
    assert "IDENTICAL: 4 updates, 13 parameters compared after each" in str(result)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "delta-adjoint lock-step 9"}, "expected format 'delta-adjoint lock-step 1', got '.* 9'"),
        ({"history": [{"epoch": 1}]}, "not the record of a lock-step run"),
        ({"difference": {"where": 1}}, "not the record of a lock-step run"),
        ({"difference": 1}, "not the record of a lock-step run"),
    ],
)
def test_what_is_no_run_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Run.from_dict(run().to_dict() | change)


def test_names_of_parameters():
    assert [name_of_parameter([2, 3, 1], i) for i in (1, 5, 8, 9, 12)] == ["w²₁₂", "w²₃₂", "b²₃", "w³₁₁", "b³₁"]


CUTS = Activation("own", lambda z: np.exp(z.astype(float)), lambda z, a: a)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (dict(network="net"), TypeError),
        (dict(epochs=0), ValueError),
        (dict(batch_size=0), ValueError),
        (dict(every=0), ValueError),
        (dict(network=Network([3, 1])), ValueError),
        (dict(network=Network([2, 1], CUTS)), TypeError),
    ],
)
def test_bad_arguments(options, error):
    with pytest.raises(error):
        run(**options)


@both
def test_a_run_that_diverges_goes_on_and_has_no_accuracy(compiled):
    network = Network([2, 3, 1], "identity")
    result = train_in_lockstep(
        network, moons(30), 3, 7, 1e200, progress=False, compiled=compiled, test=moons(20, 1)
    )  # fmt: skip
    assert result.identical and result.history[-1].cost == "nan" and result.history[-1].accuracy is None


def test_saturated_outputs_of_cross_entropy_are_refused():
    network = Network([2, 1], cost="cross_entropy")
    network.biases = [np.array([[1000.0]])]
    with pytest.raises(ValueError):
        run(network)


def test_the_command(tmp_path, capsys):
    path = str(tmp_path / "run.json")
    train_small = ["train", "--epochs", "2", "--samples", "20", "--sizes", "2,3,1", "--seed", "5"]
    for options in ([], ["--scaled"]):
        assert main([*train_small, *options, "--json", path]) == 0
        out, err = capsys.readouterr()
        assert "IDENTICAL: 4 updates, 13 parameters" in out and err.startswith("epoch 1: cost ")
        assert main(["train", "--verify", path]) == 0
        assert "VERIFIED" in capsys.readouterr().out
    assert main(["train", "--samples", "0"]) == 2
    assert "--samples: expected 1 to 1000, got 0" in capsys.readouterr().err
    (tmp_path / "run.json").write_text("[]")
    assert main(["train", "--verify", path]) == 2
    assert "not the record of a lock-step run" in capsys.readouterr().err


def test_a_stepper_and_a_graph_see_the_same_batch():
    x, y = moons(5)
    network = Network([2, 3, 1])
    rows = np.ascontiguousarray(np.vstack([x, y]).T)
    graphs = [GraphSide(network, rows, compiled=False, blocks=blocks) for blocks in (True, False)]
    stepper = Stepper(network, compiled=False)
    cost = stepper.step(x, y, 0.5)
    for graph in graphs:
        assert graph.step(np.arange(5), 0.5) == cost
        assert same(graph.parameters, stepper.parameters)
    assert [bool(graph.tape.blocks) for graph in graphs] == [True, False]
