"""Every row of the op table: its partials against sympy and the complex step, its conventions.

Bounds: against sympy both sides are evaluated to 40 digits and agree to 1e-25, relative to
max(1, |∂|).  In floats a partial has a few roundings of 2⁻⁵³, amplified at most 15 times at the
samples (1 − out² at tanh(−2) = −0.96): 1e-14.  The complex step h = 1e-200 has no truncation error
that a float can show, so its bound is the same.
"""

import cmath
import inspect
import linecache
import math
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import sympy

from engine import Value, grad
from engine.ops import OPERATORS, TABLE, Op, compile_function, method_source
from engine.scalars import same_bits

ROOT = Path(__file__).resolve().parents[2]
X, Y, C = sympy.symbols("x y c", real=True)
SYMPY = vars(sympy) | {
    "one": lambda x: sympy.Integer(1),
    "pow": lambda x, y: x**y,
    "abs": sympy.Abs,
    "base_log": sympy.log,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "softsign": lambda x: x / (1 + sympy.Abs(x)),
    "relu": lambda x: sympy.Max(x, 0),
    "leaky_relu": lambda x, c: sympy.Piecewise((x, x > 0), (c * x, True)),
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "step": lambda x: sympy.Heaviside(x, 0),
    "ge": lambda x, y: sympy.Heaviside(x - y, 1),
}
CMATH = vars(cmath) | {
    "pow": pow,
    "base_log": cmath.log,
    "sigmoid": lambda x: 1 / (1 + cmath.exp(-x)),
    "softplus": lambda x: cmath.log(1 + cmath.exp(x)),
}
CONSTANTS = {"power": (2, 3, -1, 0), "leaky_relu": (0.01, 0.25)}
CASES = [(name, c) for name, op in TABLE.items() for c in CONSTANTS.get(name, (op.c,))]
rows = pytest.mark.parametrize("name, c", CASES, ids=[f"{n}-{c}" if c is not None else n for n, c in CASES])


def pairs(points):
    return [p if isinstance(p, tuple) else (p, None) for p in points]


def texts(op):
    return [op.dx] if op.dy is None else [op.dx, op.dy]


def symbolic(op, c):
    return eval(op.forward, SYMPY, {"x": X, "y": Y, "c": None if c is None else sympy.Rational(c)})


def true_partials(op, c, point, digits=40):
    at = {s: sympy.Rational(p) for s, p in zip((X, Y), point, strict=True) if p is not None}
    return [sympy.diff(symbolic(op, c), s).subs(at).evalf(digits) for s in at]


def wrong_partials(op, c, claimed):
    """The samples at which a partial's text differs from sympy's derivative of the forward text."""
    wrong = []
    for point in pairs(op.samples):
        x, y = (None if p is None else sympy.Rational(p) for p in point)
        names = {"x": x, "y": y, "c": None if c is None else sympy.Rational(c)}
        names["out"] = eval(op.forward, SYMPY, names)
        for text, true in zip(claimed, true_partials(op, c, point), strict=True):
            error = abs(sympy.sympify(eval(text, SYMPY, names)).evalf(40) - true)
            if not error <= sympy.Rational(1, 10**25) * max(1, abs(true)):
                wrong.append((point, text))
    return wrong


@rows
def test_partials_are_sympys_derivatives(name, c):
    assert TABLE[name].samples
    assert wrong_partials(TABLE[name], c, texts(TABLE[name])) == []


@rows
def test_a_partial_wrong_by_a_thousandth_is_caught(name, c):
    op = TABLE[name]
    for i, text in enumerate(texts(op)):
        zero = text == "0" or (name, c) == ("power", 0)
        claimed = texts(op)
        claimed[i] = f"({text}) + one(x) / 1000" if zero else f"({text}) * 1001 / 1000"
        assert wrong_partials(op, c, claimed)


@rows
def test_float_partials_are_near_the_true_ones(name, c):
    op = TABLE[name]
    for point in pairs(op.samples):
        parents, out = apply(name, c, point)
        for got, true in zip(grad(out, parents), true_partials(op, c, point), strict=True):
            assert abs(got - float(true)) <= 1e-14 * max(1.0, abs(float(true)))


def apply(name, c, point):
    parents = [Value(p) for p in point if p is not None]
    return parents, getattr(Value, name)(*parents, *(() if c is None else (c,)))


@pytest.mark.parametrize("name", [name for name, op in TABLE.items() if op.analytic])
@pytest.mark.parametrize("factor", [1, 1.001], ids=["right", "wrong by 0.1 %"])
def test_the_complex_step_agrees(name, factor):
    op, h, seen = TABLE[name], 1e-200, []
    for point in pairs(op.samples):
        parents, out = apply(name, op.c, point)
        for i, got in enumerate(grad(out, parents)):
            x, y = (None if p is None else p + 1j * h * (i == j) for j, p in enumerate(point))
            step = eval(op.forward, CMATH, {"x": x, "y": y, "c": op.c}).imag / h
            seen.append(abs(got * factor - step) <= 1e-14 * max(1.0, abs(step)))
    assert all(seen) == (factor == 1)


@rows
def test_the_method_stores_what_the_rule_gives(name, c):
    op = TABLE[name] if c is None else TABLE[name].bind(c)
    for point in pairs(TABLE[name].samples):
        _, out = apply(name, c, point)
        stored = [1 if p is None else p for p in (out._dx, out._dy)][: len(out.parents)]
        assert all(map(same_bits, stored, op.partials(*point, out.data)))


CONVENTIONS = {
    "abs": [(0.0,)],
    "softsign": [(1.0,)],
    "relu": [(0.0,)],
    "leaky_relu": [(0.01,)],
    "maximum": [(1.0, 0.0)],
    "minimum": [(1.0, 0.0)],
    "step": [(0.0,)],
    "sign": [(0.0,)],
    "ge": [(0.0, 0.0)],
}


def test_every_kink_has_a_note_and_a_test():
    assert {name for name, op in TABLE.items() if op.kinks} == set(CONVENTIONS)
    assert all(op.note for op in TABLE.values() if op.kinks)
    assert all(op.analytic or op.kinks for op in TABLE.values())


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_at_kinks(name):
    for point, expected in zip(pairs(TABLE[name].kinks), CONVENTIONS[name], strict=True):
        parents, out = apply(name, TABLE[name].c, point)
        assert tuple(grad(out, parents)) == expected


def test_conventions_of_powers():
    zero = Value(0.0)
    assert grad(zero**0, zero) == 0 and grad(zero**1, zero) == 1 and grad(zero**2, zero) == 0
    for exponent in (1, 2, 3):
        y, derivatives = zero**exponent, []
        for _ in range(4):
            y = grad(y, zero, create_graph=True)
            derivatives.append(y.data)
        assert derivatives == [math.factorial(exponent) if k == exponent else 0 for k in range(1, 5)]
    exponent = Value(2.0)
    assert grad(Value(0.0) ** exponent, exponent) == 0
    assert str(grad(Value(-3.0) ** exponent, exponent)) == "nan"


@pytest.fixture
def added():
    names = []

    def add(op):
        names.append(op.name)
        return TABLE.add(op)

    yield add
    for name in names:
        TABLE.remove(name)


def test_one_row_is_all_that_a_new_op_needs(added):
    row = added(Op("cube", "x³", "x * x * x", "3 * x * x", samples=(0.5, -2.0), note="a dummy"))
    x = Value(2.0)
    y = x.cube()
    first = grad(y, x, create_graph=True)
    assert (y.data, first.data, grad(first, x)) == (8.0, 12.0, 12.0)
    assert y._op == "x³" and y._row.symbol == "x³" and "3 * x * x" in Value.cube.__doc__
    assert "| cube | x³ | x * x * x | 3 * x * x |  | a dummy |" in TABLE.markdown().splitlines()
    assert pickle.loads(pickle.dumps(row)) is row
    assert pickle.loads(pickle.dumps(y))._row is row
    assert wrong_partials(row, None, texts(row)) == []


def test_a_row_may_use_a_function_of_math(added):
    row = added(Op("erf", "erf", "erf(x)", "1.1283791670955126 * exp(-(x * x))", samples=(0.5, -2.0)))
    x = Value(0.5)
    y = x.erf()
    slope = grad(y, x, create_graph=True)
    assert y.data == 0.5204998778130465  # math.erf(0.5)
    assert grad(slope, x) == -slope.data  # erf″ = −2x erf′
    for point, true in [(p, true_partials(row, None, (p, None))[0]) for p in row.samples]:
        v = Value(point)
        assert abs(grad(v.erf(), v) - float(true)) <= 1e-14


def test_a_two_parent_row(added):
    added(Op("hypot2", "r²", "x * x + y * y", "2 * x", "2 * y", samples=((0.5, -2.0),)))
    a, b = Value(3.0), Value(4.0)
    assert a.hypot2(b).data == 25.0 and grad(a.hypot2(4), a) == 6.0
    assert grad(a.hypot2(b), [a, b]) == [6.0, 8.0] and grad(a.hypot2(a), a) == 12.0


def test_a_removed_row_is_gone(added):
    TABLE.add(Op("gone", "gone", "x", "1", samples=(0.5,)))
    TABLE.remove("gone")
    assert not hasattr(Value, "gone") and "gone" not in TABLE


@pytest.mark.parametrize("name", ["add", "backward", "data", "label"])
def test_a_name_that_is_taken_is_refused(name):
    with pytest.raises(ValueError, match=f"Value has '{name}' already"):
        TABLE.add(Op(name, name, "x", "1", samples=(0.5,)))


def test_a_name_that_is_none_is_refused():
    with pytest.raises(ValueError, match="expected an identifier"):
        Op("no name", "?", "x", "1", samples=(0.5,))


def test_every_row_has_a_method_a_symbol_and_a_line_in_the_docs():
    lines = TABLE.markdown().splitlines()
    assert len(lines) == len(TABLE) + 2
    for name, op in TABLE.items():
        assert op.symbol and callable(getattr(Value, name)) and any(f"| {name} |" in line for line in lines)
    for name, dunders in OPERATORS.items():
        assert name in TABLE and all(hasattr(Value, dunder) for dunder in dunders)


def test_a_bound_constant_is_shared_shown_and_pickled():
    row = TABLE["power"].bind(3)
    assert row is TABLE["power"].bind(3) is pickle.loads(pickle.dumps(row))
    assert (Value(2.0) ** 3)._op == "**3" and (Value(2.0) ** 0.5)._op == "**0.5"
    assert TABLE["power"].bind(2.0) is not TABLE["power"].bind(2)


def test_a_traceback_shows_the_generated_line():
    try:
        Value(1.0) / Value(0.0)
    except ZeroDivisionError:
        assert "out = x / y" in traceback.format_exc()
    else:
        pytest.fail("1 / 0 did not raise")


@pytest.mark.parametrize("op", TABLE.values(), ids=list(TABLE))
def test_each_generated_function_has_a_source_of_its_own(op):
    linecache.checkcache()
    assert inspect.getsource(getattr(Value, op.name)) == method_source(op)
    op.partials(1.5, 0.5, 0.25), op.result(1.5, 0.5)
    assert f"return ({op.dx}," in inspect.getsource(op._rule) and op.forward in inspect.getsource(op._result)


def test_two_functions_of_one_title_show_each_its_own_lines():
    one, other, again = (compile_function(f"def f(x):\n    return {text}", "twin", {}) for text in ("x", "-x", "x"))
    assert [inspect.getsource(f).split()[-1] for f in (one, other, again)] == ["x", "-x", "x"]
    assert one.__code__.co_filename == again.__code__.co_filename != other.__code__.co_filename


def test_pdb_steps_through_a_method_also_where_linecache_came_later():
    script = "from engine import Value; x = Value(2.0); breakpoint(); x.tanh()"
    done = subprocess.run(
        [sys.executable, "-c", script], input="s\ns\nn\nn\nc\n", cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-> out = tanh(x)" in done.stdout


@pytest.mark.parametrize(
    "name, make",
    [
        ("sqrt", lambda x: x.sqrt()),
        ("pow", lambda x: x.pow(0.5)),
        ("power", lambda x: x**0.5),
    ],
)
def test_a_partial_that_does_not_exist_stops_backward_and_names_the_op(name, make):
    x = Value(0.0)
    y = make(x)
    assert y.data == 0.0
    with pytest.raises(ZeroDivisionError, match=rf"{name} has no finite derivative at \(0\.0"):
        (y * 2).backward()
    with pytest.raises(ZeroDivisionError, match=name):
        grad(y, x)
