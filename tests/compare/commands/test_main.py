import functools
import gzip
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import explicit.network
from compare import compare, moons
from compare.commands.main import main
from explicit import Network

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def digits(tmp_path):
    """A folder of 5 pictures of 2 × 3 pixels."""
    stream = np.random.RandomState(0)
    for name, array, pack in (
        ("t10k-images-idx3-ubyte.gz", stream.randint(0, 256, (5, 2, 3)), gzip.compress),
        ("t10k-labels-idx1-ubyte", np.arange(5), bytes),
    ):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (tmp_path / name).write_bytes(pack(head + array.astype(np.uint8).tobytes()))
    return tmp_path


def test_with_no_arguments_a_small_network_is_exact(capsys):
    assert main([]) == 0
    out, err = capsys.readouterr()
    x, y = moons(4)
    assert out == f"{compare(Network([2, 3, 1]), x, y)}\n" and err == ""
    assert "δ in hex" in out and "EXACT: δ equals the adjoint at 16 of 16 z nodes" in out


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (["--sizes", "2,4,3,1"], "2-4-3-1, sigmoid, quadratic, 4 samples; float64"),
        (["--activation", "tanh", "--samples", "1"], "2-3-1, tanh, quadratic, 1 sample; float64"),
        (["--activation", "tanh,sigmoid", "--cost", "cross_entropy"], "2-3-1, tanh/sigmoid, cross_entropy"),
        (["--arithmetic", "rational", "--activation", "relu"], "2-3-1, relu, quadratic, 4 samples; rational"),
        (["--seed", "9"], "2-3-1, sigmoid"),
    ],
)
def test_options(capsys, arguments, title):
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith(title)


def test_the_seed_counts_and_repeats(capsys):
    texts = []
    for seed in ("1", "2", "1"):
        main(["--seed", seed])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[2] != texts[1]


def test_exit_code_1_when_something_differs(capsys, monkeypatch, tmp_path):
    right = explicit.network.bp2
    wrong = functools.wraps(right)(lambda *arguments: right(*arguments) * 1.001)
    monkeypatch.setattr(explicit.network, "bp2", wrong)
    assert main(["--json", str(tmp_path / "r.json")]) == 1
    assert "the first to differ is δ²₁ of sample 0" in capsys.readouterr().out
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["exact"] is False


def test_mnist(capsys, digits):
    assert main(["--mnist", str(digits), "--sizes", "6,4,10", "--samples", "3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("6-4-10, sigmoid, quadratic, 3 samples") and "42 of 42 z nodes" in out


def test_json(capsys, tmp_path):
    path = tmp_path / "report.json"
    assert main(["--json", str(path)]) == 0
    assert json.loads(path.read_text("utf-8"))["exact"] is True
    assert "EXACT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "2"], "expected at least two positive sizes, got '2'"),
        (["--sizes", "2,0,1"], "expected at least two positive sizes, got '2,0,1'"),
        (["--sizes", "2,x"], "expected sizes such as 2,3,1, got '2,x'"),
        (["--activation", "step"], "unknown 'step'; known: sigmoid, tanh, relu"),
        (["--cost", "cubic"], "invalid choice: 'cubic'"),
        (["--samples", "many"], "invalid int value"),
        (["--arithmetic", "float32"], "invalid choice: 'float32'"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_bad_usage_exits_with_2(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.startswith("usage: python -m compare")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--samples", "0"], "samples: expected at least 1, got 0"),
        (["--sizes", "3,1"], r"--sizes: the data need 2 inputs and 1 outputs, got \[3, 1\]"),
        (["--seed", "-1"], "[Ss]eed"),
        (["--activation", "relu,relu,relu"], "activation: expected one per layer of weights, 2, got 3"),
        (["--arithmetic", "rational"], "activation 'sigmoid' leads out"),
        (["--activation", "relu", "--cost", "cross_entropy"], "cross_entropy needs 0 < a < 1"),
        (["--mnist", "nowhere"], "nowhere: no t10k-images-idx3-ubyte and no t10k-images-idx3-ubyte.gz"),
        (["--json", "no/such/folder/r.json"], "No such file or directory"),
    ],
)
def test_bad_input_is_exit_code_2(capsys, arguments, message):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("python -m compare: error: ") and err.count("\n") == 1
    assert re.search(message, err)


def test_bad_digits_are_exit_code_2(capsys, digits):
    at = ["--mnist", str(digits)]
    assert main([*at, "--sizes", "6,10"]) == 2
    assert "--samples: expected 1 to 5, got 100" in capsys.readouterr().err
    assert main([*at, "--samples", "2"]) == 2
    assert "--sizes: the data need 6 inputs and 10 outputs, got [784, 30, 10]" in capsys.readouterr().err
    (digits / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0")
    assert main([*at, "--sizes", "6,10", "--samples", "2"]) == 2
    assert "cut short in its header" in capsys.readouterr().err


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "compare", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error"}, timeout=60,
    )  # fmt: skip


def test_python_m_compare():
    done = run()
    assert (done.returncode, done.stderr) == (0, "") and "EXACT" in done.stdout
    assert run().stdout == done.stdout
    done = run("--sizes", "2")
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("usage: python -m compare")
    done = run("--samples", "-1")
    assert (done.returncode, done.stdout) == (2, "") and "Traceback" not in done.stderr


def test_help():
    done = run("--help")
    assert done.returncode == 0
    for option in ("--sizes", "--activation", "--cost", "--seed", "--samples", "--mnist", "--json"):
        assert option in done.stdout
