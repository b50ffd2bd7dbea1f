from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explicit.sums import add_up, affine, pull_back, sum_of_products, sum_over_samples

cases = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(0, 2**32 - 1))


def draw(case):
    n, m, samples, seed = case
    random = np.random.RandomState(seed)

    def array(*shape):
        """Magnitudes far apart, so that most changes of order change bits; zeros of both signs among them."""
        scale = random.choice([1.0, 1.0, 1.0, 0.0, -0.0], shape) * 2.0 ** random.randint(-30, 30, shape)
        return scale * random.randn(*shape)

    return array(n, m), array(m, samples), array(n, 1), array(n, samples)


def same_bits(got, expected):
    return got.view(np.int64).tolist() == np.array(expected).view(np.int64).tolist()


def plain_affine(W, a, b):
    z = []
    for j in range(len(W)):
        z.append([])
        for s in range(len(a[0])):
            total = b[j][0]
            for k in range(len(a)):
                total = total + W[j][k] * a[k][s]
            z[j].append(total)
    return z


def plain_pull_back(W, delta):
    rows = []
    for k in range(len(W[0])):
        rows.append([])
        for s in range(len(delta[0])):
            total = None
            for j in range(len(W) - 1, -1, -1):
                term = delta[j][s] * W[j][k]
                total = term if total is None else total + term
            rows[k].append(total)
    return rows


def plain_sum_of_products(delta, a):
    rows = []
    for j in range(len(delta)):
        rows.append([])
        for k in range(len(a)):
            total = None
            for s in range(len(a[0])):
                term = delta[j][s] * a[k][s]
                total = term if total is None else total + term
            rows[j].append(total)
    return rows


@given(cases)
def test_every_sum_has_the_bits_of_plain_loops(case):
    W, a, b, delta = draw(case)
    lists = [array.tolist() for array in (W, a, b, delta)]
    assert same_bits(affine(W, a, b), plain_affine(*lists[:3]))
    assert same_bits(pull_back(W, delta), plain_pull_back(lists[0], lists[3]))
    assert same_bits(sum_of_products(delta, a), plain_sum_of_products(lists[3], lists[1]))
    assert same_bits(sum_over_samples(delta), [[add_up(row)] for row in lists[3]])


@given(cases)
def test_memory_layout_does_not_matter(case):
    W, a, b, delta = draw(case)
    F = np.asfortranarray
    assert same_bits(affine(F(W), F(a), b), affine(W, a, b))
    assert same_bits(pull_back(F(W), F(delta)), pull_back(W, delta))
    assert same_bits(sum_of_products(F(delta), F(a)), sum_of_products(delta, a))


@given(cases)
def test_object_arrays_are_exact_and_inputs_are_left_alone(case):
    exact = [np.vectorize(Fraction, otypes=[object])(array) for array in draw(case)]
    W, a, b, delta = exact
    before = [array.tolist() for array in exact]
    assert (affine(W, a, b) == W @ a + b).all()
    assert (pull_back(W, delta) == W.T @ delta).all()
    assert (sum_of_products(delta, a) == delta @ a.T).all()
    assert (sum_over_samples(delta) == delta.sum(axis=1, keepdims=True)).all()
    assert before == [array.tolist() for array in exact]
    assert (affine(W, a, b, np.matmul) == W @ a + b).all()


def test_order_of_the_operands():
    class Text(str):
        def __mul__(self, other):
            return Text(f"{self}{other}")

        def __add__(self, other):
            return Text(f"({self} + {other})")

    def text(rows):
        return np.array([[Text(word) for word in row.split()] for row in rows], dtype=object)

    assert affine(text(["u v"]), text(["x", "y"]), text(["b"]))[0, 0] == "((b + ux) + vy)"
    assert pull_back(text(["u", "v", "w"]), text(["d", "e", "f"]))[0, 0] == "((fw + ev) + du)"
    assert sum_of_products(text(["d e f"]), text(["x y z"]))[0, 0] == "((dx + ey) + fz)"
    assert sum_over_samples(text(["d e f"]))[0, 0] == "((d + e) + f)"


def test_minus_zero_is_kept():
    zero = np.array([[-0.0]])
    one = np.array([[1.0]])
    for result in (affine(one, zero, zero), pull_back(one, zero), sum_of_products(zero, one)):
        assert np.signbit(result).all()
    assert np.signbit(sum_over_samples(np.array([[-0.0, -0.0]]))).all()


def test_the_sum_of_one_sample_is_not_a_view():
    delta = np.array([[1.0]])
    sum_over_samples(delta)[0, 0] = 7.0
    assert delta[0, 0] == 1.0


def test_matmul_takes_over():
    calls = []

    def matmul(p, q):
        calls.append((p.shape, q.shape))
        return np.matmul(p, q)

    W, a, b, delta = np.ones((2, 3)), np.ones((3, 4)), np.ones((2, 1)), np.ones((2, 4))
    assert affine(W, a, b, matmul).tolist() == [[4.0] * 4] * 2
    assert pull_back(W, delta, matmul).tolist() == [[2.0] * 4] * 3
    assert sum_of_products(delta, a, matmul).tolist() == [[4.0] * 3] * 2
    assert sum_over_samples(delta, matmul).tolist() == [[4.0]] * 2
    assert calls == [((2, 3), (3, 4)), ((3, 2), (2, 4)), ((2, 4), (4, 3))]


def test_nothing_to_add():
    with pytest.raises(ValueError, match="at least one term"):
        add_up([])
