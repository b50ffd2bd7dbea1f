"""Points: every mistake costs some, a right solution gets all, and both out of the same total."""

import json
import re
from pathlib import Path

import pytest

from compare.commands.main import main
from compare.solutions.points import asked, judged, marks, reasons, scheme

BACKPROP = """
import numpy as np

def one(weights, biases, x, y):
    a = [x]
    for w, b in zip(weights, biases):
        a.append(1 / (1 + np.exp(-(np.dot(w, a[-1]) + b))))
    delta = (a[-1] - y) * a[-1] * (1 - a[-1])
    nabla_b, nabla_w = [delta], [np.dot(delta, a[-2].T)]
    for l in range(2, len(a)):
        delta = np.dot(weights[-l + 1].T, delta) * a[-l] * (1 - a[-l])
        nabla_b.insert(0, delta)
        nabla_w.insert(0, np.dot(delta, a[-l - 1].T))
    return [b.sum(axis=1, keepdims=True) for b in nabla_b], nabla_w

def backprop(weights, biases, x, y):
    nabla_b, nabla_w = one(weights, biases, x, y)
    m = x.shape[1]
    return [b / m for b in nabla_b], [w / m for w in nabla_w]
"""
LAST = BACKPROP.replace("one(weights, biases, x, y)\n    m", "one(weights, biases, x[:, -1:], y[:, -1:])\n    m")
TWICE = BACKPROP.replace("m = x.shape[1]", "m = x.shape[1] ** 2")
SUM = BACKPROP.replace("m = x.shape[1]", "m = 1")
DECAY = BACKPROP.replace("w / m for w in nabla_w", "w / m + 0.25 * v for w, v in zip(nabla_w, weights)")
NOISE = BACKPROP.replace("    m =", "    nabla_b[0] = nabla_b[0] + np.random.rand()\n    m =")
SINGLE = BACKPROP.replace("a = [x]", "a = [x.astype(np.float32)]")
STEP = """
def step(weights, biases, x, y, eta):
    nabla_b, nabla_w = one(weights, biases, x, y)
    return [w - eta * g for w, g in zip(weights, nabla_w)], [b - eta * g for b, g in zip(biases, nabla_b)]
"""
ONE = BACKPROP[: BACKPROP.index("def backprop")]


@pytest.fixture
def check(tmp_path, capsys, monkeypatch):
    """Run the command on a source; its exit code, the rows of its points, and their sum."""
    monkeypatch.chdir(tmp_path)

    def run(source, *options):
        Path("solution.py").write_text(source, encoding="utf-8")
        code = main(["check", "solution.py", "--points", *options])
        out = capsys.readouterr().out
        rows = re.findall(r"^(\d?)\s+(BP\d|batch|C|update|code)\s+(\w.*?)\s+\S+ of \S+$", out, re.MULTILINE)
        return code, [row for row in rows if row[2] != "holds"], out.rstrip().splitlines()[-1]

    return run


@pytest.mark.parametrize(
    ("source", "place"),
    [(BACKPROP, ""), (LAST, "batch"), (TWICE, "batch"), (SUM, "batch"), (SINGLE, "code")],
)
def test_what_is_beside_the_equations_costs_a_point(check, source, place):
    code, rows, points = check(source, "--reduction", "mean", "--dtype", "float64")
    assert code == (1 if place else 0)
    assert rows == ([("", place, "does not hold")] if place else [])
    assert points == f"{7 if place else 8} of 8 points"


def test_regularisation_has_a_row_where_it_is_declared(check):
    declared = ("--regularisation", "0.25", "--reduction", "mean")
    assert check(DECAY, *declared) == (0, [], "9 of 9 points")
    assert check(BACKPROP, *declared) == (1, [("", "C", "does not hold")], "8 of 9 points")


@pytest.mark.parametrize(
    ("wrong", "becomes"), [("", ""), ("w - eta", "w + eta"), ("eta * g", "g")], ids=["right", "ascends", "no eta"]
)
def test_a_mistake_of_the_update_is_none_of_bp1(check, wrong, becomes):
    source = ONE + (STEP.replace(wrong, becomes).replace("b - eta", "b + eta" if "+" in becomes else "b - eta"))
    code, rows, points = check(source)
    if not wrong:
        assert (code, rows, points) == (0, [], "9 of 9 points")
    else:
        assert (code, rows, points) == (1, [("", "update", "does not hold")], "8 of 9 points")


def test_a_mistake_in_bp1_beside_one_of_the_update(check):
    source = ONE.replace("(a[-1] - y) * a[-1] * (1 - a[-1])", "(a[-1] - y)") + STEP.replace("eta * g", "g")
    code, rows, points = check(source)
    assert (code, points) == (1, "7 of 9 points")
    assert rows == [("3", "BP1", "does not hold"), ("", "update", "does not hold")]


def test_what_differs_from_call_to_call(check):
    code, rows, _ = check(NOISE)
    assert code == 1 and ("", "code", "does not hold") in rows


def test_the_scheme_knows_what_is_beside_the_equations(check):
    code, _, points = check(LAST, "--scheme", "batch=2,code=0")
    assert (code, points) == (1, "6 of 8 points")
    with pytest.raises(ValueError, match="known: BP1, BP2, BP3, BP4, batch, C, update, code"):
        scheme("samples=1")


def test_which_rows_there_are_depends_on_the_task_alone():
    assert asked(1, {}, step=False) == ["code"]
    assert asked(1, {"reduction": "sum"}, step=False) == ["batch", "code"]
    assert asked(3, {"regularisation": 0.0}, step=True) == ["batch", "C", "update", "code"]


def test_a_finding_always_costs_points():
    finding = {"names": ["averaged-twice"], "equation": "batch", "layers": []}
    found = marks(judged({"equations": [], "findings": [finding]}, ["code"]), {})
    assert [(r.equation, r.holds) for r in found.rows] == [("batch", False), ("code", True)]
    assert found.to_dict()["rows"][0]["layer"] is None


def test_what_cannot_be_said_has_a_reason(check, capsys):
    nearly = ONE.replace("return [b.sum(axis=1, keepdims=True) for b in nabla_b], nabla_w",
                         "return [b.sum(axis=1, keepdims=True) * (1 + 3e-8 * np.cos(b)) for b in nabla_b],"
                         " [w * (1 + 3e-8 * np.sin(w)) for w in nabla_w]")  # fmt: skip
    code, rows, points = check(nearly.replace("def one", "def backprop"), "--html", "r.html", "--json", "r.json")
    assert code == 1 and len(rows) == 6 and points == "2 of 8 points; 6 of 8 rows could not be judged"
    why = json.loads(Path("r.json").read_text(encoding="utf-8"))["points"]["why"]
    assert why[0].startswith("layer 3, BP1, BP3, BP4: cannot be said, since no mistake of the catalogue fits")
    assert re.fullmatch("the gradients of the first sample are right to about [1-9]e-0[89] only, .*", why[-1])
    assert "are right to about" in Path("r.html").read_text(encoding="utf-8")
    assert main(["check", "solution.py", "--points"]) == 1
    assert why[-1] in capsys.readouterr().out


def test_the_reasons_of_what_is_noise_and_of_what_is_skipped():
    unsaid = [{"layer": 2, "equation": "BP2", "holds": None}, {"layer": 3, "equation": "BP3", "holds": None}]
    skipped = {"names": ["layer-skipped"], "equation": "code", "layers": [2]}
    assert reasons({"equations": unsaid, "findings": [skipped], "unexplained": []}, None) == [
        "layer 2, BP2: cannot be said, since nothing but zeros came back",
        "layer 3, BP3: cannot be said, since what differs from call to call is not judged",
    ]


def test_the_help_says_which_rows_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"{place} (" in said for place in ("batch", "C", "update", "code"))
