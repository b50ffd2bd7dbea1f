"""How a batch is put together: means in every spelling, and no batch that was not asked in floats is right."""

import numpy as np
import pytest

from compare import diagnose

X, Y = np.array([[0.5, -0.3], [-1.0, 0.8]]), np.array([[1.0, 0.0]])
SUM_W, SUM_B = "d @ A[i].T", "d.sum(axis=1, keepdims=True)"
RELU = {"sigma": "np.maximum(z, 0)", "slope": "(Z > 0)", "activation": "relu"}


def code(dw=SUM_W, db=SUM_B, top="", sigma="1 / (1 + np.exp(-z))", slope="A * (1 - A)", more="0"):
    """Right code, but for what is put in its places."""
    source = f"""
def backprop(W, b, x, y):
    m, A, Z = x.shape[1], [x], []
    slope = lambda Z, A: {slope}
    for w, c in zip(W, b):
        z = w @ A[-1] + c
        Z.append(z); A.append({sigma})
    {more}
    d, nb, nw = {top}(A[-1] - y) * slope(Z[-1], A[-1]), [], []
    for i in range(len(W) - 1, -1, -1):
        nw.insert(0, {dw}); nb.insert(0, {db})
        if i: d = (W[i].T @ d) * slope(Z[i - 1], A[i])
    return nb, nw
"""
    names = {"np": np}
    exec(source, names)
    return names["backprop"]


def diagnosed(activation="sigmoid", x=X, y=Y, reduction=None, **places):
    return diagnose(code(**places), x, y, activation, sizes=[2, 3, 3, 1], reduction=reduction)


MEANS = [
    {"dw": f"(1/m) * ({SUM_W})", "db": f"(1/m) * {SUM_B}"},
    {"dw": f"{SUM_W} * (1./m)", "db": f"{SUM_B} / m"},
    {"top": "(1/m) * "},
    {"dw": f"(1/m) * ({SUM_W})", "db": "np.mean(d, axis=1).reshape(-1, 1)"},
    {"dw": f"(0.1/m) * ({SUM_W}) * 10", "db": f"{SUM_B} / m"},
]


@pytest.mark.parametrize("reduction", [None, "mean"])
@pytest.mark.parametrize("of", [{}, RELU], ids=["field", "rational"])
@pytest.mark.parametrize("mean", MEANS)
def test_a_mean_may_be_a_product_with_a_float(mean, of, reduction):
    found = diagnosed(reduction=reduction, **mean, **of)
    assert found.right and not found.singly, found.verdict
    assert reduction or "equal under this convention: the samples of a batch are averaged" in found.notes


def test_a_mean_of_a_step_at_any_eta():
    def step(weights, biases, x, y, eta):
        nabla_b, nabla_w = code()(weights, biases, x, y)
        return tuple(
            [p - (eta / x.shape[1]) * g for p, g in zip(some, of, strict=True)]
            for some, of in ((weights, nabla_w), (biases, nabla_b))
        )

    for eta in (None, 0.1, 1e-6):
        assert diagnose(step, X, Y, sizes=[2, 3, 3, 1], eta=eta).right


def test_a_division_by_another_number_is_no_mean():
    x, y = np.arange(8.0).reshape(2, 4) / 8, np.full((1, 4), 0.5)
    for n in (2, 3, 4):
        by = f" / ({n} if m > 1 else 1)"
        assert diagnosed(x=x, y=y, dw=SUM_W + by, db=SUM_B + by).right is False


@pytest.mark.parametrize("places", [
    {"db": "d.max(axis=1, keepdims=True)"},
    {"db": "d if m == 1 else np.median(d, axis=1, keepdims=True) * m"},
    {"dw": f"{SUM_W} if m == 1 else 2 * ({SUM_W}).astype(float)"},
    {"dw": f"{SUM_W} if m == 1 else np.clip({SUM_W}, -1e-3, 1e-3)"},
    {"dw": f"({SUM_W} + (1e20 if m > 1 else 0)) - (1e20 if m > 1 else 0)"},
    {"dw": f"{SUM_W} * (2 if m > 1 and d.dtype != object else 1)"},
    {"dw": f"{SUM_W} * (2 if m == 5 else 1)"},
])  # fmt: skip
def test_a_wrong_batch_is_seen_in_floats_and_as_given(places):
    random = np.random.RandomState(0)
    found = diagnosed(x=random.randn(2, 5), y=random.rand(1, 5), **places)
    assert found.right is False and not found.singly, found.verdict


def test_a_batch_that_runs_on_floats_alone_is_judged_there():
    forced = {"dw": f"{SUM_W} / m", "more": "_ = m > 1 and float(((A[-1] - y) ** 2).sum())"}
    assert [m.name for m in diagnosed(**forced).mistakes] == ["reductions-differ"]
    found = diagnosed(**forced, db=f"{SUM_B} / m")
    assert found.right and not found.singly and "averaged" in found.notes[0]


def test_other_shapes_of_a_batch_mean_one_sample_at_a_time():
    places = {"dw": "np.outer(d, A[i])", "db": "d"}
    found = diagnosed(**places)
    assert found.right and found.singly and "it takes one sample at a time (of a batch of 4" in found.notes[0]
    assert [m.name for m in diagnosed(**places, top="2 * ").mistakes] == ["factor-two"]
    assert diagnosed(**places, reduction="sum").right is False


def test_a_given_batch_of_large_numbers_is_right_too():
    x = np.array([[9000.0, -40.0, 3.0], [4000.0, 700.0, 1e-3]])
    for x_ in (x, x / 1e300, np.repeat(x[:, 2:], 100, axis=1)):
        y = np.ones((1, x_.shape[1]))
        assert diagnosed(x=x_, y=y).right is not False
        assert diagnosed("relu", x=x_, y=y, sigma=RELU["sigma"], slope=RELU["slope"]).right is not False


def test_what_does_not_depend_on_the_samples_is_not_the_last_sample():
    found = diagnose(lambda W, b, x, y: ([c + 1 for c in b], [w + 1 for w in W]), X, Y, sizes=[2, 3, 3, 1])
    assert found.right is False and found.mistakes == []
