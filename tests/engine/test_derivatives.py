"""grad with and without a graph, and what is built on it.

Third derivatives in floats against sympy's at 40 digits: a derivative is a sum of products of some
tens of factors with one rounding of 2⁻⁵³ each, which cancel by less than a factor of hundred at
the samples: 1e-12, relative to max(1, |∂³|).
"""

import itertools

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from engine import Value, grad, hessian, hvp, jacobian
from engine.ops import TABLE
from engine.scalars import SYMPY, same_bits

X, Y = sympy.symbols("x y", real=True)


def forward(op):
    texts = {name: eval(f"lambda x, y=None: {text}", vars(sympy)) for name, text in SYMPY.items()}
    names = vars(sympy) | {"abs": sympy.Abs} | texts
    c = None if op.c is None else sympy.Rational(op.c)
    return eval(op.forward, names, {"x": X, "y": Y, "c": c})


@pytest.mark.parametrize("name", TABLE)
def test_third_derivatives_are_sympys(name):
    op, formula = TABLE[name], forward(TABLE[name])
    for point in (p if isinstance(p, tuple) else (p,) for p in op.samples):
        at = dict(zip((X, Y), map(sympy.Rational, point), strict=False))
        for along in itertools.product(range(len(point)), repeat=3):
            xs = [Value(p) for p in point]
            y = getattr(Value, name)(*xs)
            for i in along:
                y = grad(y, xs[i], create_graph=True)
            true = float(sympy.diff(formula, *((X, Y)[i] for i in along)).subs(at).evalf(40))
            assert abs(y.data - true) <= 1e-12 * max(1.0, abs(true)), (point, along)


def test_a_third_derivative_off_by_a_thousandth_would_be_seen():
    x = Value(0.5)
    y = x.tanh() * 1.001
    for _ in range(3):
        y = grad(y, x, create_graph=True)
    true = float(sympy.diff(sympy.tanh(X), X, 3).subs(X, sympy.Rational(1, 2)).evalf(40))
    assert abs(y.data - true) > 1e-12


def test_grad_touches_no_grad():
    a, b = Value(2.0), Value(3.0)
    y = a * b
    assert grad(y, [a, b]) == [3.0, 2.0] and grad(y, (a,)) == [3.0] and grad(y, []) == []
    assert (a.grad, b.grad, y.grad) == (0, 0, 0)


def test_grad_has_the_bits_of_backward():
    xs = [Value(0.1 * i) for i in range(1, 6)]
    y = sum((x * x).sin() / (x + 0.3) for x in xs) * xs[0].tanh()
    pure, graph = grad(y, xs), grad(y, xs, create_graph=True)
    y.backward()
    assert [g.hex() for g in pure] == [x.grad.hex() for x in xs] == [g.data.hex() for g in graph]


def test_inner_nodes_and_the_root_as_xs():
    a = Value(2.0)
    z = a * 3
    y = z * z
    assert grad(y, [z, y, a]) == [12.0, 1.0, 36.0]
    slopes = grad(y, [z, y, a], create_graph=True)
    assert [s.data for s in slopes] == [12.0, 1.0, 36.0] and grad(slopes[0], z) == 2.0


def test_an_x_that_y_does_not_depend_on_has_derivative_0():
    a, b = Value(2.0), Value(3.0)
    assert same_bits(grad(a * a, b), 0.0)
    slope = grad(a * a, b, create_graph=True)
    assert isinstance(slope, Value) and same_bits(slope.data, 0.0) and grad(slope, a) == 0.0


def test_stale_data_is_refused_and_names_the_node():
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    x.data = 4.0
    with pytest.raises(RuntimeError, match=r"data was assigned .* at 'y', op × of \(x = 4.0, x = 4.0\)"):
        grad(y, x, create_graph=True)
    assert grad(y, x) == 6.0


@pytest.mark.parametrize("y, xs", [(1.0, Value(1.0)), (Value(1.0), [1.0]), (Value(1.0), ["x"])])
def test_what_is_no_value_is_refused(y, xs):
    with pytest.raises(TypeError, match=r"grad\((y|xs)\): expected a Value, got (float|str)"):
        grad(y, xs)


def polynomial(xs):
    a, b, c = xs
    return a * a * b + b * c * c * c - 3 * a * c + (a - b) ** 4


def test_jacobian():
    a, b = Value(2.0), Value(3.0)
    assert jacobian([a * b, a - b, b * 1], [a, b]) == [[3.0, 2.0], [1.0, -1.0], [0.0, 1.0]]


whole = st.integers(-8, 8).map(float)


@given(st.tuples(whole, whole, whole), st.tuples(whole, whole, whole))
def test_hessian_is_sympys_and_hvp_is_hessian_times_vector(point, vector):
    """Small whole numbers: no operation rounds, so == is right for every order of sums."""
    xs = [Value(p) for p in point]
    y = polynomial(xs)
    h = hessian(y, xs)
    symbols = sympy.symbols("a b c")
    at = dict(zip(symbols, point, strict=True))
    assert h == [[float(e.subs(at)) for e in row] for row in sympy.hessian(polynomial(symbols), symbols).tolist()]
    assert all(h[i][j] == h[j][i] for i in range(3) for j in range(3))
    assert hvp(y, xs, vector) == [sum(e * v for e, v in zip(row, vector, strict=True)) for row in h]


@pytest.mark.parametrize("vector", [[], [1.0], [1.0, 2.0, 3.0]])
def test_hvp_needs_one_number_per_x(vector):
    a, b = Value(2.0), Value(3.0)
    with pytest.raises(ValueError, match=r"hvp\(vector\): expected one number per x \(2, at least 1\)"):
        hvp(a * b, [a, b], vector)
