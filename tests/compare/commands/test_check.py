"""``python -m compare check``: what it prints, its points, its files and its exit codes."""

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from compare.commands.check import exit_code
from compare.commands.main import main
from compare.solutions.points import marks, scheme, unmarked
from compare.solutions.request import Outcome

ROOT = Path(__file__).resolve().parents[3]
RIGHT = (Path(__file__).parents[1] / "right_solution.py").read_text(encoding="utf-8")  # one sample at a time
WRONG = RIGHT.replace("delta = (a[-1] - y) * a[-1] * (1 - a[-1])", "delta = a[-1] - y")
UNNAMED = RIGHT.replace("nabla_w.insert(0, ", "nabla_w.insert(0, 1.37 + ")
RAISES = "def backprop(weights, biases, x, y):\n    raise ValueError('<b>no</b>')\n"


@pytest.fixture
def check(tmp_path, capsys, monkeypatch):
    """Run the command on a source; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(source, *options):
        Path("solution.py").write_text(source, encoding="utf-8")
        code = main(["check", "solution.py", *options])
        return (code, *capsys.readouterr())

    return run


def test_a_right_solution(check):
    code, out, err = check(RIGHT, "--points")
    assert (code, err) == (0, "")
    assert out.startswith("solution.py: function backprop, 3-4-2, sigmoid, quadratic cost, 3 samples\n")
    assert "RIGHT: all equations hold, of one sample at a time;" in out and out.endswith("\n8 of 8 points\n")
    rows = re.findall(r"^(\d)\s+(BP\d)\s+(\w.*?)\s+(\d of \d)$", out, re.MULTILINE)
    assert rows == [
        (layer, equation, "holds", "1 of 1")
        for layer, equation in zip("333222", ["BP1", "BP3", "BP4", "BP2", "BP3", "BP4"], strict=True)
    ]
    assert "points" not in check(RIGHT)[1]


def test_a_mistake(check):
    code, out, err = check(WRONG, "--points")
    assert (code, err) == (1, "")
    assert "no-sigma-prime-bp1" in out and re.search(r"3 +BP1 +does not hold +0 of 1", out)
    assert out.endswith("\n7 of 8 points\n")


def test_a_mistake_without_a_name(check):
    code, out, _ = check(UNNAMED, "--points")
    assert code == 1 and out.endswith("\n7 of 8 points\n")


def test_a_scheme_implies_points(check):
    code, out, _ = check(WRONG, "--scheme", "BP1=2,BP2=3,BP4=0.5")
    assert code == 1 and out.endswith("\n8 of 10 points\n") and re.search(r"3 +BP1 +does not hold +0 of 2", out)


def test_an_exception(check):
    code, out, err = check(RAISES, "--points")
    assert (code, err) == (3, "")
    assert "RAISED: ValueError: <b>no</b>\n\nTraceback (most recent call last):\n  File \"solution.py\", line 2" in out
    assert out.endswith("\n0 of 8 points; 8 of 8 rows could not be judged\n")
    assert "compare/" not in out


@pytest.mark.parametrize(
    ("source", "head"),
    [
        ("while True: pass\n", "HUNG: not done after 0.5 s"),
        ("import os; os._exit(7)\n", "CRASHED: the process died with exit code 7"),
        ("import sys; sys.exit()\n", "ENDED THE PROCESS"),
        ("def backprop(:\n", "DID NOT RUN: the file is no Python"),
        ("x = 1\n", "NOTHING TO COMPARE: expected a function backprop("),
    ],
)
def test_what_does_not_run_is_exit_code_3(check, source, head):
    code, out, _ = check(source, "--timeout", "0.5")
    assert code == 3 and head in out


def test_options_reach_the_diagnosis(check):
    relu = RIGHT.replace("sigmoid(np.dot(w, a[-1]) + b)", "np.maximum(np.dot(w, a[-1]) + b, 0)")
    relu = relu.replace("a[-1] * (1 - a[-1])", "(a[-1] > 0)").replace("a[-k] * (1 - a[-k])", "(a[-k] > 0)")
    relu = relu.replace("backprop", "mine")
    given = ["--function", "mine", "--activation", "relu", "--sizes", "2,3,3,2", "--samples", "2", "--seed", "3"]
    code, out, _ = check(relu, *given, "--points")
    assert code == 0 and "function mine, 2-3-3-2, relu, quadratic cost, 2 samples" in out and "11 of 11 points" in out
    assert check(RIGHT, "--activation", "tanh")[0] == 1
    cross = RIGHT.replace("(a[-1] - y) * a[-1] * (1 - a[-1])", "a[-1] - y")
    assert check(cross, "--cost", "cross_entropy", "--activation", "sigmoid,sigmoid")[0] == 0
    assert check(RIGHT, "--regularisation", "0.1")[0] == 1
    declared = ["--reduction", "sum", "--layout", "columns", "--dtype", "float64"]
    sums = "nabla_b = [n.sum(axis=1, keepdims=True) for n in nabla_b]\n    "
    summed = RIGHT.replace("return nabla_b", sums + "return nabla_b")
    assert check(summed, *declared)[0] == 0


def test_json_to_stdout_is_json_alone_whatever_the_solution_prints(check):
    code, out, err = check("import sys\nprint('hello')\n" + WRONG, "--json", "-", "--scheme", "BP1=0.5")
    data = json.loads(out)
    assert code == data["exit_code"] == 1 and data["verdict"] == "not right" and data["finding"] is None
    assert (data["format"], data["file"], data["checked"]) == ("compare.check 1", "solution.py", "function backprop")
    assert (data["points"]["points"], data["points"]["of"]) == (7, 7.5)
    first = {"layer": 3, "equation": "BP1", "holds": False, "points": 0, "of": 0.5}
    assert data["points"]["rows"][0] == first
    assert "no-sigma-prime-bp1" in data["diagnosis"]["mistakes"]
    assert data["output"].startswith("hello") and "hello" in err
    assert data["network"]["sizes"] == [3, 4, 2] and data["network"]["samples"] == 3


def test_json_and_html_files(check):
    source = "print('<i>printed</i>')\n" + RAISES
    code, out, err = check(source, "--points", "--json", "r.json", "--html", "r.html")
    assert code == 3 and "RAISED" in out and "<i>printed</i>" in err
    data = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert data["finding"]["kind"] == "exception" and data["finding"]["text"] == "ValueError: <b>no</b>"
    assert 'File "solution.py", line 3' in data["finding"]["traceback"]
    assert data["diagnosis"] is None and data["points"]["points"] == 0 and data["points"]["of"] == 8
    page = Path("r.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    assert "&lt;b&gt;no&lt;/b&gt;" in page and "&lt;i&gt;printed&lt;/i&gt;" in page and "0 of 8 points" in page
    assert "<b>no" not in page and "<i>printed" not in page
    assert sorted(p.name for p in Path().iterdir()) == ["r.html", "r.json", "solution.py"]


def test_html_of_a_diagnosis(check):
    assert check(WRONG, "--html", "r.html")[0] == 1
    page = Path("r.html").read_text(encoding="utf-8")
    assert "no-sigma-prime-bp1" in page and "<table>" in page and " of 8 points" not in page


def test_nothing_is_half_written(check):
    Path("r.json").write_text("old")
    Path("there").mkdir()
    code, out, err = check(RIGHT, "--json", "no/such/folder/r.json")
    assert code == 2 and out == "" and "No such file" in err
    code, out, err = check(RIGHT, "--json", "r.json", "--html", "there")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert Path("r.json").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["r.json", "solution.py", "there"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sizes", "3"], "expected at least two positive sizes"),
        (["--activation", "step"], "unknown 'step'; known: sigmoid"),
        (["--cost", "cubic"], "invalid choice: 'cubic'"),
        (["--samples", "0"], "expected at least 1, got 0"),
        (["--seed", "-1"], "expected at least 0, got -1"),
        (["--seed", "x"], "expected a whole number, got 'x'"),
        (["--reduction", "max"], "invalid choice: 'max'"),
        (["--layout", "spiral"], "invalid choice: 'spiral'"),
        (["--dtype", "float8"], "invalid choice: 'float8'"),
        (["--regularisation", "nan"], "expected a number from 0 on, got nan"),
        (["--timeout", "0"], "expected a number from 0.001 on, got 0"),
        (["--timeout", "soon"], "expected a number, got 'soon'"),
        (["--timeout", "1e9"], "expected at most 1e+06, got 1e9"),
        (["--memory", "0"], "expected at least 1, got 0"),
        (["--memory", "9999999999"], "expected at most 1048576, got 9999999999"),
        (["--scheme", "BP5=1"], "expected points such as BP1=2,batch=3, got 'BP5=1'"),
        (["--scheme", "BP1=-1"], "BP1: expected no less than 0 points"),
        (["--scheme", "BP1=1,BP1=2"], "BP1 is named twice"),
        (["--scheme", "BP1=1/0"], "BP1: expected a number of points, got '1/0'"),
    ],
)
def test_bad_usage(capsys, options, message):
    with pytest.raises(SystemExit) as caught:
        main(["check", "solution.py", *options])
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.startswith("usage: python -m compare check")


def test_bad_input(check, capsys, tmp_path):
    assert main(["check", "missing.py"]) == 2
    assert "missing.py: no such file; expected a Python file" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 2
    capsys.readouterr()
    code, out, err = check(RIGHT, "--activation", "relu", "--cost", "cross_entropy")
    assert (code, out) == (2, "") and "cross_entropy needs 0 < a < 1" in err
    code, _, err = check(RIGHT, "--sizes", "3,999999999999999")
    assert code == 2 and "--sizes, --samples: more than fits into memory" in err
    assert check(RIGHT, "--timeout", "1e6", "--memory", "1048576")[0] == 0
    code, _, err = check(RIGHT, "--activation", "relu,relu,relu")
    assert code == 2 and "expected one per layer of weights" in err


def test_the_help_has_the_exit_codes_and_says_that_it_is_no_sandbox(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    codes = ("0 right", "1 not right", "2 bad usage", "3 the solution did not run", "4 the diagnosis")
    assert [said for said in ("no sandbox", *codes) if said not in out] == []


def test_as_a_program(tmp_path):
    (tmp_path / "solution.py").write_text("print('hello')\n" + RIGHT)
    command = [sys.executable, "-m", "compare", "check", str(tmp_path / "solution.py"), "--json", "-"]
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0 and json.loads(done.stdout)["verdict"] == "right" and "hello" in done.stderr


def test_an_error_of_ours_has_an_exit_code_of_its_own(check):
    assert exit_code(Outcome("internal")) == 4
    code, out, _ = check("import compare.diagnosing.diagnosis as d\nd.Diagnosis.to_dict = None\n" + RIGHT)
    assert code == 4 and "SAYS NOTHING ABOUT THE SOLUTION" in out


def test_marks():
    equations = [{"layer": 2, "equation": "BP2", "holds": None}, {"layer": 3, "equation": "BP1", "holds": True}]
    found = marks(equations, scheme("BP1=1/3"))
    assert [row.layer for row in found.rows] == [3, 2]
    assert (found.points, found.most) == (Fraction(1, 3), Fraction(4, 3))
    assert found.in_words == "0.333333 of 1.33333 points; 1 of 2 rows could not be judged"
    assert marks(equations[1:], {}).in_words == "1 of 1 point"
    named = [(e["layer"], e["equation"]) for e in unmarked([2, 3, 4, 1], [])]
    assert named == [(4, "BP1"), *((n, q) for n, q in [(4, "BP3"), (4, "BP4"), (3, "BP2"), (3, "BP3"), (3, "BP4")]),
                     (2, "BP2"), (2, "BP3"), (2, "BP4")]  # fmt: skip
