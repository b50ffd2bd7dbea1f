import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explicit.equations import bp1, bp2, bp3, bp4


def array(random, *shape):
    return random.randn(*shape) * 2.0 ** random.randint(-20, 20, shape)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_equations_have_the_bits_of_plain_loops(n, m, samples, seed):
    random = np.random.RandomState(seed)
    W, a, sigma_prime, delta = (array(random, *s) for s in ((n, m), (m, samples), (m, samples), (n, samples)))
    w, f, d, p = W.tolist(), sigma_prime.tolist(), delta.tolist(), a.tolist()
    got2, got3, got4 = bp2(W, delta, sigma_prime), bp3(delta), bp4(a, delta)
    assert got2.shape == (m, samples) and got3.shape == (n, 1) and got4.shape == (n, m)
    for k in range(m):
        for s in range(samples):
            total = d[n - 1][s] * w[n - 1][k]
            for j in range(n - 2, -1, -1):
                total = total + d[j][s] * w[j][k]
            assert float(got2[k, s]).hex() == (total * f[k][s]).hex()
    for j in range(n):
        total = d[j][0]
        for s in range(1, samples):
            total = total + d[j][s]
        assert float(got3[j, 0]).hex() == total.hex()
        for k in range(m):
            total = d[j][0] * p[k][0]
            for s in range(1, samples):
                total = total + d[j][s] * p[k][s]
            assert float(got4[j, k]).hex() == total.hex()
    assert bp1(a, sigma_prime).tolist() == [
        [x * y for x, y in zip(*r, strict=True)] for r in zip(p, f, strict=True)
    ]


def test_relu_multiplies_by_zero_and_keeps_minus_zero():
    assert np.signbit(bp1(np.array([[-3.0]]), np.array([[0.0]]))).all()


@pytest.mark.parametrize(
    ("function", "tag", "formula"),
    [
        (bp1, "BP1", "δᴸ = ∇ₐC ⊙ σ′(zᴸ)"),
        (bp2, "BP2", "δˡ = ((Wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ′(zˡ)"),
        (bp3, "BP3", "∂C/∂bˡⱼ = δˡⱼ"),
        (bp4, "BP4", "∂C/∂wˡⱼₖ = aˡ⁻¹ₖ δˡⱼ"),
    ],
)
def test_an_equation_says_which_it_is(function, tag, formula):
    assert (function.tag, function.formula) == (tag, formula)
    assert function.__doc__.startswith(formula) and f"({tag})" in function.__doc__
    assert pickle.loads(pickle.dumps(function)) is function


def test_matmul_gives_the_same_up_to_rounding_here_none():
    W, delta, a = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 5.0]]), np.ones((2, 2))
    assert (
        bp2(W, delta, a, np.matmul).tolist() == bp2(W, delta, a).tolist()
    )  # small ints: every order is exact
    assert bp3(delta, np.matmul).tolist() == bp3(delta).tolist()
    assert bp4(a, delta, np.matmul).tolist() == bp4(a, delta).tolist()
