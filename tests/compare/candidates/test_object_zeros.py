"""np.zeros that makes objects: for the candidate's own code, and for nothing that numpy calls."""

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from compare.candidates.forward_trace import trace
from compare.candidates.object_zeros import ObjectZeros
from compare.checking.check import check
from compare.diagnosing.diagnose import diagnose

ROOT = Path(__file__).resolve().parents[3]
X, Y = np.array([[0.5], [-1.0]]), np.array([[1.0]])

CODE = '''
import numpy as np
from compare import check, diagnose, trace

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def right(weights, biases, x, y):
    {draw}
    nabla_b, nabla_w = [np.zeros(b.shape) for b in biases], [np.zeros(w.shape) for w in weights]
    a = [x]
    for w, b in zip(weights, biases):
        a.append(sigmoid(w @ a[-1] + b))
    delta = (a[-1] - y) * a[-1] * (1 - a[-1])
    for i in reversed(range(len(weights))):
        nabla_b[i] += delta.sum(axis=1, keepdims=True)
        nabla_w[i] += delta @ a[i].T
        delta = (weights[i].T @ delta) * a[i] * (1 - a[i])
    return nabla_b, nabla_w

class Network:
    def __init__(self, sizes):
        draw = np.random.RandomState(0).randn
        self.weights = [draw(n, m) for m, n in zip(sizes, sizes[1:])]
        self.biases = [draw(n, 1) for n in sizes[1:]]

    def backprop(self, x, y):
        return right(self.weights, self.biases, x, y)

def forward(params, x, y):
    {draw}
    z = np.zeros((1, 1))
    z += params @ x
    return ((z - y) ** 2).sum()

x, y = np.array([[0.5], [-1.0]]), np.array([[1.0]])
for candidate, options in ((right, dict(sizes=[2, 3, 1])), (Network([2, 3, 1]), dict())):
    report = check(candidate, x, y, **options)
    assert report.proved is True and report.right is True, str(report)
    found = diagnose(candidate, x, y, **options)
    assert found.right, str(found)
graph = trace(forward, np.array([[0.3, 0.2]]), x, y)
assert graph.notes and np.allclose(graph.grads(), -2 * 1.05 * x.T)
assert np.zeros(1).dtype == float
'''

DRAWS = [
    "np.random.rand(3)", "np.random.randn(3, 2)", "np.random.normal(size=4)", "np.random.uniform(size=(2, 2))",
    "np.random.default_rng(0).normal(size=3)", "np.random.default_rng(0).random(3)", "np.random.permutation(5)",
    "np.random.choice(5, 3, p=[0.2] * 5)", "np.random.multivariate_normal([1, 1], [[1, 0], [0, 1]])",
    "import numpy as np; np.random.rand(3)",
]  # fmt: skip


@pytest.mark.parametrize("draw", DRAWS)
def test_right_code_that_draws_random_numbers_is_right(draw):
    child = subprocess.run(
        [sys.executable, "-c", CODE.format(draw=draw)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, f"{child.returncode}: {child.stderr[-2000:]}"


def zeros_of(code):
    namespace = {"__name__": "student"}
    exec(code, namespace)
    return namespace


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\ndef f(): return np.zeros(1)",
        "import numpy\ndef f(): return numpy.ones_like([0.5])",
        "from numpy import full\ndef f(): return full(1, 0.5)",
        "def f():\n import numpy as np\n return np.zeros(1)",
        "def f():\n from numpy import empty as e\n return e(1)",
        "def make():\n import numpy as np\n def f(): return np.zeros(1)\n return f\nf = make()",
        "import numpy as np\ndef g(): return np.zeros(1)\nf = np.vectorize(lambda: 0)\nf = lambda h=g: h()",
        "import numpy as np\nclass C:\n __call__ = lambda s: s.p\n p = property(lambda s: np.zeros(1))\nf = C()",
    ],
)
def test_the_candidate_s_own_names_make_objects_and_are_numpy_s_again_afterwards(code):
    function = zeros_of(code)["f"]
    before = np.zeros, np.empty, __import__
    with ObjectZeros(function).made():
        assert function().dtype == object and np.zeros(1).dtype == float
        assert np.random.rand(2).dtype == float
    assert function().dtype == float and (np.zeros, np.empty, __import__) == before


def test_helpers_are_reached():
    helper = zeros_of("import numpy as np\ndef zeros(): return np.zeros(2)")["zeros"]
    space = zeros_of("def f(): return helper()")
    space["helper"] = helper
    for of in (space["f"], partial(space["f"])):
        with ObjectZeros(of).made():
            assert of().tolist() == [0, 0] and of().dtype == object


def test_numbers_of_other_kinds_stay():
    made = zeros_of("import numpy as np\ndef f(): return np.zeros(2, dtype=int), np.ones((1, 2)), np.full(1, 0.5)")["f"]
    with ObjectZeros(made).made():
        whole, ones, half = made()
    assert whole.dtype == int and ones.tolist() == [[1, 1]] and half.dtype == object and half[0] == 0.5


def test_after_an_error_and_within_itself():
    function = zeros_of("import numpy as np\ndef f(): return np.zeros(1)")["f"]
    zeros = ObjectZeros(function)
    with pytest.raises(RuntimeError), zeros.made():
        with ObjectZeros(function).made():
            assert function().dtype == object
        assert function().dtype == object
        raise RuntimeError
    assert function().dtype == float


def test_a_name_that_stays_behind_is_numpy_s():
    space = zeros_of("def f():\n global np\n import numpy as np\n return np.zeros(1)")
    with ObjectZeros(space["f"]).made():
        assert space["f"]().dtype == object
    assert space["np"].zeros(1).dtype == float


def test_other_threads_keep_their_zeros():
    function = zeros_of("import numpy as np\ndef f(): return np.zeros(1)")["f"]
    found = []
    with ObjectZeros(function).made():
        thread = threading.Thread(target=lambda: found.append(function().dtype))
        thread.start()
        thread.join()
    assert found == [np.dtype(float)]


def test_the_three_that_use_it_leave_a_module_as_it_was():
    space = zeros_of("import numpy as np\n" + CODE.split("x, y =")[0].split("trace\n")[1].format(draw="pass"))
    before = dict(space)
    check(space["right"], X, Y, sizes=[2, 3, 1])
    diagnose(space["right"], X, Y, sizes=[2, 3, 1])
    trace(space["forward"], np.array([[0.3, 0.2]]), X, Y)
    assert all(space[name] is value for name, value in before.items())
