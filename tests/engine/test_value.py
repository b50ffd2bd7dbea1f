import math
import random
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy

from engine import Value, grad
from engine.ops import TABLE
from engine.scalars import same_bits


def objects(*values):
    return np.array(values, dtype=object)


BINARY = {
    "+": (lambda x, y: x + y, "add"),
    "-": (lambda x, y: x - y, "sub"),
    "*": (lambda x, y: x * y, "mul"),
    "/": (lambda x, y: x / y, "div"),
    "**": (lambda x, y: x**y, "pow"),
}


@pytest.mark.parametrize("sign", BINARY)
@pytest.mark.parametrize("other", [2, 0.3, -3, np.float64(0.3), np.int64(2), np.float32(0.1)], ids=repr)
def test_numbers_on_either_side(sign, other):
    apply, _ = BINARY[sign]
    v, number = Value(1.7), other.item() if isinstance(other, np.generic) else other
    left, right = apply(v, other), apply(other, v) if other > 0 or sign != "**" else None
    assert isinstance(left, Value) and same_bits(left.data, apply(1.7, number))
    if right is not None:
        assert isinstance(right, Value) and same_bits(right.data, apply(number, 1.7))
        assert grad(right, v) == grad(apply(Value(number), v), v)


@pytest.mark.parametrize("sign", BINARY)
def test_in_place_operators_make_a_new_node(sign):
    a = b = Value(1.5)
    names = {"a": a, "v": Value(2.0)}
    exec(f"a {sign}= v", names)
    assert names["a"] is not b and b.data == 1.5 and names["a"].parents == (b, names["v"])


def test_unary_operators():
    v = Value(-1.5)
    assert (-v).data == 1.5 and abs(v).data == 1.5 and grad(abs(v), v) == -1.0 and grad(-v, v) == -1


@pytest.mark.parametrize("exponent", [3, 3.0, -2, 0, 1])
def test_a_negative_base_with_a_whole_exponent(exponent):
    x, y = Value(-2.0), Value(exponent)
    expected = exponent * (-2.0) ** (exponent - 1)
    assert (x**exponent).data == (x**y).data == (-2.0) ** exponent
    assert grad(x**exponent, x) == expected == grad(x**y, x)
    x.grad = 0
    (x**y).backward()
    assert x.grad == expected and math.isnan(y.grad)  # xʸ exists at whole y only


def test_powers_at_zero():
    zero = Value(0.0)
    assert (zero**0).data == 1.0 == (0 ** Value(0.0)).data
    assert grad(zero**0, zero) == 0 and grad(zero**3, zero) == 0
    with pytest.raises(ZeroDivisionError):
        zero**-1


def test_a_number_to_the_power_of_a_value():
    v = Value(3.0)
    y = 2**v
    assert y.data == 8.0 and grad(y, v) == 8.0 * math.log(2.0)


def test_order_compares_data_and_equality_is_identity():
    a, b = Value(1.0), Value(1.0)
    assert a <= b and a >= b and not a < b and not a > b and a < 2 and a > 0.5 and a >= 1
    assert a != b and a == a and a != 1.0 and len({a, b, a}) == 2
    assert sorted([Value(3.0), a, Value(2.0)], key=lambda v: v.data)[0] is a and max(a, Value(2.0)).data == 2.0


def test_repr():
    assert repr(Value(0.5)) == "Value(data=0.5, grad=0)"
    assert repr(Value(0.5, label="w²₁₁")) == "Value(data=0.5, grad=0, label='w²₁₁')"


def test_parents_in_order_with_repeats():
    a, b = Value(1.0), Value(2.0)
    assert (a - b).parents == (a, b) and (a + a).parents == (a, a) and a.exp().parents == (a,) and a.parents == ()


def test_detach():
    a = Value(2.0, label="a")
    d = (a * 1).detach()
    assert d.data == 2.0 and d.parents == () and a.detach().label == "a"


@pytest.mark.parametrize("label", [3, None, Value(1.0)])
def test_a_label_is_text(label):
    with pytest.raises(TypeError, match=r"Value\(label\): expected a str"):
        Value(1.0, label)


def test_a_value_of_a_value_is_refused():
    with pytest.raises(TypeError, match="got a Value; for higher derivatives use grad"):
        Value(Value(1.0))


@pytest.mark.parametrize("number", [Fraction(1, 3), Decimal("0.5")])
@pytest.mark.parametrize("sign", BINARY)
def test_a_number_that_loses_exactness_is_refused_on_either_side(number, sign):
    apply, _ = BINARY[sign]
    with pytest.raises(TypeError, match=f"got {type(number).__name__}"):
        apply(Value(2.0), number)
    if (type(number), sign) == (Fraction, "**"):
        return  # Fraction makes a float of itself before it asks; the graph is not cut
    with pytest.raises(TypeError):
        apply(number, Value(2.0))


@pytest.mark.parametrize("thing", ["a", None, 1j, [1.0]], ids=repr)
@pytest.mark.parametrize("sign", BINARY)
def test_what_is_no_number_is_refused_on_either_side(thing, sign):
    apply, _ = BINARY[sign]
    with pytest.raises(TypeError):
        apply(Value(2.0), thing)
    with pytest.raises(TypeError):
        apply(thing, Value(2.0))


@pytest.mark.parametrize("name", ["maximum", "minimum", "pow", "ge"])
@pytest.mark.parametrize("thing", ["a", None, [1.0], objects(1.0)], ids=["str", "None", "list", "array"])
def test_a_named_method_refuses_and_never_returns_notimplemented(name, thing):
    with pytest.raises(TypeError, match=re.escape(f"{name}() of a Value and {type(thing).__name__}")):
        getattr(Value(2.0), name)(thing)


# -- numpy -----------------------------------------------------------------------------------------


def test_arrays_of_values_work_element_by_element():
    v, array = Value(3.0), objects(Value(1.0), Value(2.0))
    for product in (v * array, array * v, np.float64(3) * array, array * np.float64(3)):
        assert product.dtype == object and [p.data for p in product] == [3.0, 6.0]
    floats = np.array([1.0, 2.0])
    assert [p.data for p in v * floats] == [3.0, 6.0] == [p.data for p in floats * v]
    assert [p.data for p in v**floats] == [3.0, 9.0] and [p.data for p in floats - v] == [-2.0, -1.0]
    assert (v < np.array([1.0, 5.0])).tolist() == [False, True]


@pytest.mark.parametrize("name", ["exp", "tanh", "sin", "cos", "log", "sqrt"])
def test_numpys_functions_on_arrays_of_values(name):
    function, v = getattr(np, name), Value(0.3)
    array = function(objects(v, Value(0.7)))
    assert [a.data for a in array] == [getattr(math, name)(x) for x in (0.3, 0.7)]
    assert isinstance(function(v), Value) and function(v).data == array[0].data
    assert array[0].parents == (v,)


def test_matrix_product_on_object_arrays():
    weights = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    a = objects(Value(5.0), Value(6.0))
    z = weights @ a
    assert [n.data for n in z] == [17.0, 39.0]
    assert grad(z[1], [*weights[1], *a]) == [5.0, 6.0, 3.0, 4.0]
    assert [n.data for n in np.array([[1.0, 2.0], [3.0, 4.0]]) @ a] == [17.0, 39.0]


def test_a_numpy_scalar_on_the_left_keeps_the_graph():
    v = Value(3.0)
    for node in (np.float64(2) * v, np.float64(2) + v, np.float64(2) - v, np.float64(2) / v, np.float64(2) ** v):
        assert isinstance(node, Value) and node.parents[1] is v


# -- sympy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", BINARY)
@pytest.mark.parametrize("left", [sympy.Symbol("s", positive=True), sympy.Rational(1, 3), sympy.Integer(2)])
def test_a_symbol_on_the_left_keeps_the_graph(sign, left):
    apply, name = BINARY[sign]
    v = Value(3.0)
    node = apply(left, v)
    assert isinstance(node, Value) and node.parents[1] is v and node._row is TABLE[name]


def test_a_function_of_sympy_does_not_cut_the_graph():
    with pytest.raises(sympy.SympifyError, match="cut the graph silently"):
        sympy.exp(Value(1.0))


# -- lanes -----------------------------------------------------------------------------------------

PAIRS = [(0.1, 0.7), (0.3, 2.5), (1.7, 0.1), (2.25, 2.25), (0.9, 1e-3)]


def run(name, *numbers):
    parents = [Value(n) for n in numbers]
    out = getattr(Value, name)(*parents)
    out.backward()
    return [out.data, *(p.grad for p in parents)]


@pytest.mark.parametrize("name", TABLE)
def test_lanes_have_the_bits_of_their_samples(name):
    points = PAIRS if TABLE[name].dy else [(x,) for x, _ in PAIRS]
    if name not in ("log", "base_log", "sqrt", "pow"):
        points = points + [tuple(-x for x in p) for p in points]
    lanes = run(name, *map(np.array, zip(*points, strict=True)))
    for i, point in enumerate(points):
        for lane, number in zip(lanes, run(name, *point), strict=True):
            lane = np.broadcast_to(lane, len(points))  # a constant partial may stay one number
            assert same_bits(float(lane[i]), float(number))


def test_a_net_over_lanes_has_the_bits_of_its_samples():
    rng = random.Random(3)
    w = [rng.uniform(-1, 1) for _ in range(4)]
    xs = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(7)]

    def run(x1, x2):
        ws = [Value(n) for n in w]
        y = ((ws[0] * x1 + ws[1] * x2).tanh() * ws[2] + (2 - ws[3] * x1).sigmoid()) ** 2
        y.backward()
        return [y.data, *(n.grad for n in ws)]

    lanes = run(*map(Value, map(np.array, zip(*xs, strict=True))))
    for i, (x1, x2) in enumerate(xs):
        assert [n[i].hex() for n in lanes] == [n.hex() for n in run(Value(x1), Value(x2))]


def test_lanes_beside_arrays_of_floats_are_lanes():
    v = Value(np.array([1.0, 2.0]))
    for node in (v * np.array([3.0, 4.0]), np.array([3.0, 4.0]) * v, np.exp(v).log() * np.array([3.0, 4.0])):
        assert isinstance(node, Value) and node.data.tolist() == [3.0, 8.0]
    assert (1 - v).data.tolist() == [0.0, -1.0] and (v**2).data.tolist() == [1.0, 4.0]


def test_results_of_lanes_do_not_alias_the_callers_array():
    array = np.array([1.0, 2.0])
    v = Value(array)
    y = v * v
    array += 5
    y.backward()
    assert v.grad.tolist() == [2.0, 4.0]
    with pytest.raises(ValueError, match="read-only"):
        v.data += 1


def test_whole_numbers_stay_whole():
    v = Value(3)
    y = v * v + 1
    y.backward()
    assert (type(y.data), y.data, type(v.grad), v.grad) == (int, 10, int, 6)
