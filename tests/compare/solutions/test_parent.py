"""The child process: whatever a solution does is a finding, with the frames of its own code."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from compare.solutions.file import outcome_of
from compare.solutions.parent import diagnose_file
from compare.solutions.request import Request, problem
from compare.solutions.tracebacks import KEPT, clean, cut, own_frames

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits are Linux's")
RIGHT = (Path(__file__).parents[1] / "right_solution.py").read_text(encoding="utf-8")  # one sample at a time
NETWORK = '''
import numpy as np
import neighbour

class Network:
    def __init__(self, sizes):
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
        self.weights = [np.random.randn(n, m) for m, n in zip(sizes, sizes[1:])]

    def backprop(self, x, y):
        return neighbour.backprop(self.weights, self.biases, x, y)
'''
STEP = RIGHT + '''
def step(weights, biases, x, y, eta):
    nabla_b, nabla_w = backprop(weights, biases, x, y)
    nabla_b = [n.sum(axis=1, keepdims=True) for n in nabla_b]
    return ([w - eta * n for w, n in zip(weights, nabla_w)], [b - eta * n for b, n in zip(biases, nabla_b)])
'''
ROWS = '''
import numpy as np

def backprop(weights, biases, x, y):
    a = [x]
    for w, b in zip(weights, biases):
        a.append(1 / (1 + np.exp(-(a[-1] @ w + b))))
    delta = (a[-1] - y) * a[-1] * (1 - a[-1])
    nabla_b, nabla_w = [delta.sum(axis=0)], [a[-2].T @ delta]
    for l in range(2, len(a)):
        delta = delta @ weights[-l + 1].T * a[-l] * (1 - a[-l])
        nabla_b.insert(0, delta.sum(axis=0))
        nabla_w.insert(0, a[-l - 1].T @ delta)
    return nabla_b, nabla_w
'''


@pytest.fixture
def outcome(tmp_path):
    """The outcome of a solution with this source."""

    def of(source, **options):
        path = tmp_path / "solution.py"
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return diagnose_file(Request(str(path), **options))

    return of


def body(*lines):
    return "import os, sys, ctypes\ndef backprop(weights, biases, x, y):\n" + "".join(f"    {li}\n" for li in lines)


def test_a_right_function(outcome):
    found = outcome(RIGHT)
    assert (found.kind, found.text, found.traceback, found.notes, found.output) == ("ran", "", "", [], "")
    assert found.checked == "function backprop" and found.ran and found.diagnosis["right"]
    assert [(e["layer"], e["equation"], e["holds"]) for e in found.diagnosis["equations"]] == [
        (3, "BP1", True), (3, "BP3", True), (3, "BP4", True), (2, "BP2", True), (2, "BP3", True), (2, "BP4", True),
    ]  # fmt: skip


def test_a_class_beside_a_neighbouring_module_and_a_seed_for_its_random_numbers(outcome, tmp_path):
    (tmp_path / "neighbour.py").write_text(RIGHT)
    found = outcome(NETWORK + "print(np.random.randn())\n")
    assert found.checked == "class Network" and found.diagnosis["right"]
    assert found.output == outcome(NETWORK + "print(np.random.randn())\n").output != ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["neighbour.py", "solution.py"]


def test_a_step_by_name_and_the_others_in_a_note(outcome):
    found = outcome(STEP)
    assert found.checked == "function backprop" and "--function step" in found.notes[0]
    found = outcome(STEP, function="step")
    assert found.checked == "function step" and found.diagnosis["right"] and found.notes == []


def test_other_names(outcome):
    assert outcome(RIGHT.replace("backprop", "mine"), function="mine").checked == "function mine"
    kept = RIGHT + "class Net:\n    pass\nnet = Net()\n"
    found = outcome(kept, function="net")
    assert found.kind == "interface" and found.text.startswith("`net` is a Net: expected a function backprop(")
    found = outcome(kept, function="Net")
    assert found.text.startswith("`Net` is a class without backprop")
    found = outcome(kept, function="nets")
    assert found.text == "there is no `nets` in the file, which defines sigmoid, backprop, Net"


def test_rows_are_recognised_and_a_declared_layout_is_held_to(outcome):
    assert outcome(ROWS).diagnosis["right"] and outcome(ROWS, conventions={"layout": "rows"}).diagnosis["right"]
    assert outcome(ROWS, conventions={"layout": "columns"}).kind == "exception"


def test_no_known_name(outcome):
    found = outcome("import numpy\nfrom os.path import join\ndef gradient(net): pass\n")
    assert found.kind == "interface" and found.diagnosis is None
    for part in ("backprop(weights, biases, x, y)", "class Network(sizes)", "step(", "defines gradient (--function"):
        assert part in found.text
    assert "no function and no class" in outcome("").text


def test_arguments_that_do_not_fit(outcome):
    found = outcome("def backprop(net, x): pass")
    assert found.text == "backprop(net, x) cannot be called as backprop(weights, biases, x, y)"
    found = outcome("class Network:\n    def backprop(self, x, y): pass\n")
    assert found.kind == "interface" and "takes no arguments" in found.text


def test_what_is_returned_is_no_gradients(outcome):
    found = outcome(body("return None"))
    assert found.kind == "interface" and "expected the pair (nabla_b, nabla_w)" in found.text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def backprop(weights biases):\n    pass\n", "SyntaxError"),
        ("def f():\nreturn\n", "IndentationError"),
        ("print 'python 2'\n", "SyntaxError"),
        (b"\x00", "null bytes"),
        (b"s = '\xff'\n", "SyntaxError"),
    ],
)
def test_no_python(outcome, source, said):
    found = outcome(source)
    assert found.kind == "syntax" and said in found.text and "compare" not in found.traceback


def test_an_exception_has_the_frames_of_the_solution_alone(outcome):
    found = outcome("def helper(z):\n    return 1 / 0\n" + body("return helper(x)"))
    assert (found.kind, found.text) == ("exception", "ZeroDivisionError: division by zero")
    assert "line 5, in backprop\n    return helper(x)" in found.traceback
    assert "line 2, in helper\n    return 1 / 0" in found.traceback
    assert found.traceback.count("File ") == 2 and found.diagnosis is None


def test_an_exception_at_import_and_one_that_led_to_it(outcome):
    source = "import numpy as np\ntry:\n    np.zeros(-1)\nexcept ValueError as e:\n    raise KeyError('no') from e\n"
    found = outcome(source)
    assert (found.kind, found.text) == ("exception", "KeyError: 'no'")
    assert "line 3, in <module>" in found.traceback and "direct cause" in found.traceback
    assert found.traceback.count("File ") == 2


def test_other_exceptions(outcome):
    found = outcome(body("return backprop(weights, biases, x, y)"))
    assert found.text.startswith("RecursionError") and "more times]" in found.traceback
    assert outcome("raise KeyboardInterrupt").kind == "exception"
    assert outcome(body("return input('?')")).text.startswith("EOFError")
    unspeakable = "class E(Exception):\n    def __str__(self): raise self\nraise E\n"
    assert outcome(unspeakable).text == "E: <exception str() failed>".replace("E:", "__solution__.E:")


def test_products_that_run_on_square_layers_only_are_diagnosed_there(outcome):
    found = outcome(RIGHT.replace("weights[-k + 1].T", "weights[-k + 1]"))
    assert found.kind == "exception" and "weights[-k + 1]" in found.traceback
    assert "w-not-transposed" in found.diagnosis["data"]["mistakes"]


def test_the_end_of_the_process(outcome):
    found = outcome("import sys\nsys.exit('bye')\n")
    assert (found.kind, found.text) == ("exit", "it ends the process: sys.exit('bye')")
    assert "line 2, in <module>" in found.traceback
    assert outcome(body("sys.exit()")).kind == "exit"
    found = outcome(body("os._exit(3)"))
    assert found.kind == "crash" and "exit code 3" in found.text and "os._exit" in found.text
    assert outcome(body("os._exit(0)")).kind == "crash"


@linux
def test_a_crash_has_its_line(outcome):
    found = outcome(body("pass", "ctypes.string_at(0)"))
    assert found.kind == "crash" and "SIGSEGV" in found.text
    assert "line 4, in backprop\n    ctypes.string_at(0)" in found.traceback and "string_at(ptr" not in found.traceback
    assert "SIGKILL" in outcome(body("os.kill(os.getpid(), 9)")).text


def test_a_hang_has_its_line_and_is_ended(outcome):
    began = time.monotonic()
    found = outcome(body("while True:", "    pass"), timeout=0.5)
    assert found.kind == "hang" and "not done after 0.5 s" in found.text
    assert "in backprop" in found.traceback and found.traceback.count("File ") == 1
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "source",
    ["import time\ntime.sleep(60)\n", "import threading\nthreading.Event().wait()\n", "10 ** 10 ** 9\n"],
    ids=["sleep", "lock", "one long operation"],
)
def test_hangs_in_which_no_bytecode_runs(outcome, source):
    found = outcome(source.replace("10 ** 10", "n = 10\nn ** n"), timeout=0.5)
    assert found.kind == "hang" and "in <module>" in found.traceback


@pytest.mark.long
def test_a_hang_that_switched_the_alarm_off_is_ended_too(outcome, monkeypatch):
    monkeypatch.setattr("compare.solutions.parent.START", 2.0)
    source = "import faulthandler\nfaulthandler.cancel_dump_traceback_later()\nwhile True: pass\n"
    found = outcome(source, timeout=0.5)
    assert found.kind == "hang" and "not done after" in found.text


@linux
def test_what_a_solution_started_does_not_outlive_it(outcome, tmp_path):
    source = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "print(child.pid)\n"
    )
    found = outcome(source + RIGHT)
    assert found.diagnosis["right"]
    for _ in range(100):
        try:
            with open(f"/proc/{int(found.output)}/stat") as file:
                ended = file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            ended = True
        if ended:
            break
        time.sleep(0.05)
    assert ended


def test_threads_and_exit_handlers_do_not_hold_the_result_up(outcome):
    source = (
        "import atexit, threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
        "atexit.register(time.sleep, 60)\n"
    )
    assert outcome(source + RIGHT, timeout=10.0).diagnosis["right"]


@linux
@pytest.mark.parametrize(
    ("source", "line"),
    [
        (body("big = []", "while True:", "    big.append(bytearray(10**6))"), "bytearray"),
        ("import numpy as np\n" + body("return np.ones((10**5, 10**5))"), "np.ones"),
        ("kept = []\nwhile True:\n    kept.append([0])\n", ""),
    ],
    ids=["many", "one array", "small objects that stay"],
)
def test_too_much_memory(outcome, source, line):
    found = outcome(source, memory=200)
    assert found.kind == "memory" and "more memory than it may have" in found.text
    assert line in found.traceback and "compare" not in found.traceback


@linux
def test_numpy_works_within_the_limit(outcome):
    found = outcome("import numpy as np\na = np.random.randn(700, 700)\nnp.linalg.svd(a @ a)\n" + RIGHT, memory=200)
    assert found.diagnosis["right"], found


def test_what_is_printed_is_kept_apart(outcome):
    prints = "import os, sys\nprint('δ\\x1b[31m')\nprint('err', file=sys.stderr)\nos.write(1, b'\\xff')\n"
    found = outcome(prints + RIGHT)
    assert found.diagnosis["right"] and found.output == "δ�[31m\nerr\n�"
    found = outcome("print('a' * 10**6)\n" + RIGHT)
    assert found.diagnosis["right"] and len(found.output) < KEPT + 100 and "left out" in found.output
    assert outcome("import sys\nsys.stdout.close()\nsys.stderr.close()\n" + RIGHT).diagnosis["right"]
    found = outcome("while True:\n    print('y' * 1000)\n", timeout=0.5)
    assert found.kind == "hang" and len(found.output) < KEPT + 100


def test_an_error_of_ours_is_no_finding_about_the_solution(outcome):
    spoilt = "import compare.diagnosing.diagnosis as d\nd.Diagnosis.to_dict = None\n"
    found = outcome(spoilt + RIGHT)
    assert found.kind == "internal" and "cannot be written down" in found.traceback
    spoilt = "import sys\nsys.modules['compare.diagnosing.diagnose'].findings = len\n"  # a TypeError
    found = outcome(spoilt + RIGHT)
    assert found.kind == "internal" and "the diagnosis itself failed: TypeError" in found.text
    assert outcome_of(KeyError("x"), "solution.py").kind == "internal"


def test_the_name_that_was_given_is_the_one_in_the_traceback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lösung.py").write_text("import os\nos.chdir('/')\nwhile True:\n    pass\n", encoding="utf-8")
    found = diagnose_file(Request("lösung.py", timeout=0.5))
    assert found.traceback.startswith('Traceback (most recent call last):\n  File "lösung.py", line ')
    assert str(tmp_path) not in found.traceback


def test_data_of_the_problem():
    network, x, y = problem(Request("", sizes=[3, 4, 2], samples=5, seed=1))
    assert (x.shape, y.shape, network.sizes) == ((3, 5), (2, 5), [3, 4, 2])
    assert (np.abs(y - 0.5) <= 0.5).all() and np.array_equal(x, problem(Request("", samples=5, seed=1))[1])


def test_texts():
    assert clean("a\x1b[0m\r\nb\tc\x9b") == "a�[0m\nb\tc�"
    assert cut("x" * KEPT) == "x" * KEPT and "[… 5 characters left out …]" in cut("x" * (KEPT + 5))
    assert own_frames("", "s.py") == ""
    assert own_frames(f'(most recent call first):\n  File "{os.__file__}", line 1 in f', "s.py") == ""
