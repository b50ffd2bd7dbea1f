"""Backward steps run on exact numbers: every record planted, several mistakes at once, other people's styles."""

import json
import math
import operator
import random

import numpy as np
import pytest
from micrograd.engine import Value as Micrograd

from compare import diagnose_graph
from compare.diagnosing_graphs.reading import formula
from compare.diagnosing_graphs.records import GRAPH_MISTAKES, right_rule, wrong_rules
from engine import Value
from engine.ops import TABLE

NO_STEP = ("step", "sign", "ge", "base_log")  # their partials are 0, or they are in no student's class


def names(diagnosis):
    return [m.name for m in diagnosis.mistakes]


def arithmetic(diagnosis, op):
    return {j.arithmetic for j in diagnosis.judged if j.op == op}


def down(root):
    """The nodes in a topological order, the root first."""
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack += [(node, True), *((p, False) for p in node._prev)]
    return order[::-1]


class Student:
    """What the styles share: Python's operators, and a pass that calls each node's step."""

    def __sub__(self, other):
        return self + (-other)

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def backward(self):
        self.grad = 1.0
        for node in down(self):
            node._backward()


class Lambdas(Student):
    """Lambdas that read live data, a list of parents, numpy's functions."""

    def __init__(self, data, prev=(), op="", label=""):
        self.data, self.grad, self._prev, self._op, self.label = data, 0, list(prev), op, label
        self._backward = lambda: None

    def get(self, amount):
        self.grad += amount

    def _binary(self, other, op, out):
        other = other if isinstance(other, Lambdas) else Lambdas(other)
        return other, type(self)(out(self.data, other.data), [self, other], op)

    def __add__(self, other):
        other, out = self._binary(other, "+", lambda a, b: a + b)
        out._backward = lambda: (self.get(out.grad), other.get(out.grad))
        return out

    def __mul__(self, other):
        other, out = self._binary(other, "*", lambda a, b: a * b)
        out._backward = lambda: (self.get(other.data * out.grad), other.get(self.data * out.grad))
        return out

    def __sub__(self, other):
        other, out = self._binary(other, "-", lambda a, b: a - b)
        out._backward = lambda: (self.get(out.grad), other.get(-out.grad))
        return out

    def __truediv__(self, other):
        other, out = self._binary(other, "/", lambda a, b: a / b)
        out._backward = lambda: (
            self.get(out.grad / other.data),
            other.get(-self.data * out.grad * other.data**-2),
        )
        return out

    def max(self, other):
        other, out = self._binary(other, "max", lambda a, b: max(a, b))
        out._backward = lambda: self.get(out.grad) if self.data >= other.data else other.get(out.grad)
        return out

    def _unary(self, op, data, partial):
        out = type(self)(data, [self], op)
        out._backward = lambda: self.get(partial(out) * out.grad)
        return out

    def __pow__(self, n):
        return self._unary(f"**{n}", self.data**n, lambda out: n * self.data ** (n - 1))

    def __neg__(self):
        return self._unary("neg", -self.data, lambda out: -1)

    def tanh(self):
        return self._unary("tanh", math.tanh(self.data), lambda out: 1 - out.data**2)

    def exp(self):
        return self._unary("exp", math.exp(self.data), lambda out: np.exp(self.data))

    def sigmoid(self):
        return self._unary("sigmoid", 1 / (1 + math.exp(-self.data)), lambda out: out.data * (1 - out.data))

    def log(self):
        return self._unary("log", math.log(self.data), lambda out: 1 / self.data)

    def relu(self):
        return self._unary("relu", max(self.data, 0.0), lambda out: self.data > 0)


class Captured(Student):
    """Closures over floats of the forward pass, as in the lecture's tanh; numpy's float64 as data; a set."""

    def __init__(self, data, prev=(), op=""):
        self.data, self.grad, self._prev, self._op = np.float64(data), 0.0, set(prev), op
        self._backward = lambda: None

    def _made(self, data, op, *parents_partials):
        out = type(self)(data, [p for p, _ in parents_partials], op)

        def _backward():
            for parent, partial in parents_partials:
                parent.grad += partial * out.grad

        out._backward = _backward
        return out

    def __add__(self, other):
        other = other if isinstance(other, Captured) else Captured(other)
        return self._made(self.data + other.data, "+", (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Captured) else Captured(other)
        return self._made(self.data * other.data, "*", (self, other.data), (other, self.data))

    def __pow__(self, n):
        return self._made(self.data**n, f"**{n}", (self, n * self.data ** (n - 1)))

    def tanh(self):
        t = (math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)
        return self._made(t, "tanh", (self, 1 - t**2))

    def relu(self):
        return self._made(max(self.data, 0.0), "ReLU", (self, float(self.data > 0)))

    def exp(self):
        return self._made(math.exp(self.data), "exp", (self, math.exp(self.data)))

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        return self._made(s, "sigmoid", (self, s * (1 - s)))


class Slots(Student):
    """Numbers forced to float by a property; steps as methods of a class per op."""

    __slots__ = ("_data", "grad", "_prev")
    _op = ""

    def __init__(self, data, prev=()):
        self.data, self.grad, self._prev = data, 0.0, tuple(prev)

    @property
    def data(self):
        return self._data

    @data.setter
    def data(self, x):
        self._data = float(x)

    def _backward(self):
        pass

    def __add__(self, other):
        other = other if isinstance(other, Slots) else Slots(other)
        return Sum(self.data + other.data, (self, other))

    def __mul__(self, other):
        other = other if isinstance(other, Slots) else Slots(other)
        return Product(self.data * other.data, (self, other))

    def relu(self):
        return Relu(max(self.data, 0.0), (self,))


class Sum(Slots):
    __slots__ = ()
    _op = "+"

    def _backward(self):
        for p in self._prev:
            p.grad += self.grad


class Product(Slots):
    __slots__ = ()
    _op = "*"

    def _backward(self):
        a, b = self._prev
        a.grad += b.data * self.grad
        b.grad += a.data * self.grad


class Relu(Slots):
    __slots__ = ()
    _op = "ReLU"

    def _backward(self):
        self._prev[0].grad += (self.data > 0) * self.grad


class Dispatch(Student):
    """No step on the nodes: one function looks at `_op`.  Ints as data.  `wrong` goes into that function."""

    wrong = ()

    def __init__(self, data, prev=(), op=""):
        self.data, self.grad, self._prev, self._op = data, 0, prev, op

    def __add__(self, other):
        other = other if isinstance(other, Dispatch) else type(self)(other)
        return type(self)(self.data + other.data, (self, other), "+")

    def __mul__(self, other):
        other = other if isinstance(other, Dispatch) else type(self)(other)
        return type(self)(self.data * other.data, (self, other), "*")

    def __pow__(self, n):
        return type(self)(self.data**n, (self,), f"**{n}")

    def tanh(self):
        return type(self)(math.tanh(self.data), (self,), "tanh")

    def relu(self):
        return type(self)(max(self.data, 0), (self,), "relu")

    def backward(self):
        self.grad = 1
        for node in down(self):
            for p, share in zip(node._prev, self.shares(node), strict=True):
                p.grad = share if "overwritten" in self.wrong else p.grad + share

    def shares(self, node):
        data, g = [p.data for p in node._prev], node.grad
        if node._op == "+":
            return [g, g]
        if node._op == "*":
            return [data[0] * g, data[1] * g] if "mul-own-factor" in self.wrong else [data[1] * g, data[0] * g]
        if node._op == "tanh":
            return [(1 - node.data) * g if "tanh-no-square" in self.wrong else (1 - node.data**2) * g]
        if node._op == "relu":
            return [g if node.data > 0 else 0]
        if node._op.startswith("**"):
            n = int(node._op[2:])
            return [data[0] ** (n - 1) * g if "power-no-exponent" in self.wrong else n * data[0] ** (n - 1) * g]
        return []


class Ruled(Student):
    """Any op of the table, with any rule: `rules` by name of the op, `=` for the ops in `assigning`."""

    rules, assigning, kept, run = {}, (), None, True

    def __init__(self, data, prev=(), op=""):
        self.data, self.grad, self._prev, self._op = data, 0.0, tuple(prev), op
        self._backward = lambda: None

    @classmethod
    def apply(cls, op, *parents):
        rule = cls.rules.get(op.name, right_rule(op))
        x, y = parents[0], parents[-1]
        out = cls(formula(op.forward)(x.data, y.data, None, op.c)[0], parents, op.ascii)

        def _backward():
            if not cls.run:
                return
            partials = formula(rule.dx, rule.dy or "0")(x.data, y.data, out.data, op.c)
            for parent, partial in zip(parents, partials, strict=False):
                share = partial * out.grad if rule.chain else partial
                parent.grad = share if op.name in cls.assigning or rule.assigns else parent.grad + share

        out._backward = _backward
        return out

    def __add__(self, other):
        return self.apply(TABLE["add"], self, other)

    def __mul__(self, other):
        return self.apply(TABLE["mul"], self, other)

    def tanh(self):
        return self.apply(TABLE["tanh"], self)


def ruled(*rules, **more):
    """A class of `Ruled` with rules given as (op, record)."""
    chosen = {op: next(r for r in wrong_rules(row(op)) if r.mistakes[0].name == name) for op, name in rules}
    return type("Ruled", (Ruled,), {"rules": chosen, **more})


def row(name):
    return TABLE["power"].bind(3) if name == "power" else TABLE[name]


PLANTED = [
    (op, number)
    for op in TABLE
    if op not in NO_STEP
    for number, rule in enumerate(wrong_rules(row(op)))
    if not (op == "relu" and rule.mistakes[0].name == "relu-side")  # it shows at 0 only
]


@pytest.mark.parametrize("op, number", PLANTED)
def test_every_record_is_named_wherever_it_is_planted(op, number):
    rule = list(wrong_rules(row(op)))[number]
    kind = type("Ruled", (Ruled,), {"rules": {op: rule}})
    a, b, c = kind(0.7), kind(1.9), kind(-1.3)
    positive = op in ("log", "sqrt", "pow")
    operands = (a, b * a, *(() if positive else (c, c * b)))
    used = [kind.apply(row(op), *((x, b) if row(op).dy else (x,))) for x in operands]
    root = sum(used, start=a) * used[0] + b
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert rule.mistakes[0].name in names(found), (names(found), str(found))
    assert len(found.findings) == 1
    # What else is named computes the same: its formulas are equal at the graph's own data.
    point = [(n._prev[0].data, n._prev[-1].data, n.data) for n in used]
    for other in wrong_rules(row(op)):
        if other.mistakes[0] in found.mistakes and rule.chain and not rule.assigns:
            for x, y, out in point:
                made, meant = (formula(r.dx, r.dy or "0")(x, y, out, row(op).c) for r in (other, rule))
                if other.mistakes[0].name != rule.mistakes[0].name:
                    assert made == pytest.approx(meant, rel=1e-12)


def test_all_records_are_planted_somewhere():
    named = {r.mistakes[0].name for op in TABLE for r in wrong_rules(row(op))}
    by_pass = {"second-backward", "left-over", "not-topological", "not-reversed", "no-seed", "wrong-seed"}
    by_pass |= {"other-root", "visited-again", "changed-later", "unreached-leaf", "not-visited", "not-recognised"}
    assert named | by_pass == set(GRAPH_MISTAKES)


@pytest.mark.parametrize(
    "op, expected",
    [("*", "rational"), ("**3", "rational"), ("relu", "rational"), ("max", "rational"), ("tanh", "finite field"),
     ("sigmoid", "finite field"), ("exp", "finite field"), ("log", "finite field")],
)  # fmt: skip
def test_ops_on_live_data_are_proved(op, expected):
    a, b = Lambdas(0.5), Lambdas(1.5)
    root = ((a * b).tanh() + a.sigmoid() - b.exp() / a.log()).max(a) ** 3 + (-a).relu() * b.relu()
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and not found.notes
    assert arithmetic(found, op) == {expected} and f"exact, {expected}" in str(found)


def test_floats_that_a_step_has_kept_are_not_held_against_it():
    a, b = Captured(0.5), Captured(-1.5)
    root = (a * b).tanh() * a.relu() + b.relu() * a + a.exp() * b.sigmoid() + a**3
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and arithmetic(found, "tanh") == {"float64"}
    assert arithmetic(found, "+") == {"rational"}


@pytest.mark.parametrize(
    "kept, mistakes",
    [("relu", ["relu-passes-all"]), (None, ["relu-passes-all"]), (math.tanh, ["relu-passes-all"]),
     (["a", "b"], ["relu-passes-all"]), (lambda: "a", ["relu-passes-all"]),
     (1.0, []), (True, []), (np.float32(1), []), (np.ones(1), []), ([{"slope": 1}], []), (object(), [])],
)  # fmt: skip
def test_only_numbers_are_kept_floats(kept, mistakes):
    class Keeps(Lambdas):
        def relu(self):
            out = Keeps(max(self.data, 0.0), [self], "relu")
            out._backward = lambda: kept is not out and self.get(out.grad)
            return out

    a, b = Keeps(2.0), Keeps(3.0)
    root = a.relu() * b + b.relu()  # all data are positive: these gradients are right
    root.backward()
    assert names(diagnose_graph(root, [a, b])) == mistakes


def graph_of(kind, generator, unary, limit=20.0):
    nodes = [kind(generator.choice([generator.uniform(-2, 2), generator.randint(-2, 2)])) for _ in range(4)]
    leaves = nodes[:]
    for _ in range(30):
        a, b = generator.choice(nodes), generator.choice(nodes)
        op = generator.choice(["add", "mul", "sub", "neg", "pow", "right", "div", *unary])
        if (op == "log" and a.data <= 0.1) or (op == "div" and abs(b.data) < 0.1) or (op == "exp" and a.data > 3):
            continue
        binary = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
        if op in binary:
            made = binary[op](a, b)
        elif op == "max":
            made = a.max(b)
        else:
            made = {"neg": -a, "pow": a**2, "right": 2 * a + 1}.get(op) or getattr(a, op)()
        if abs(made.data) < limit:
            nodes.append(made)
    return nodes[-1], leaves


STYLES = [
    (Micrograd, ["relu"]),
    (Value, ["relu", "tanh", "exp", "sigmoid"]),
    (Lambdas, ["relu", "tanh", "exp", "sigmoid", "log", "max"]),
    (Captured, ["relu", "tanh", "exp", "sigmoid"]),
    (Dispatch, ["relu", "tanh"]),
]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("kind, unary", STYLES, ids=lambda x: getattr(x, "__name__", ""))
def test_right_graphs_are_never_accused(kind, unary, seed):
    root, leaves = graph_of(kind, random.Random(seed), unary)
    root.backward()
    reached = {id(n) for n in down(root)}
    found = diagnose_graph(root, [leaf for leaf in leaves if id(leaf) in reached])
    assert found.right, str(found)


@pytest.mark.parametrize("seed", range(20))
def test_short_floats_round_more(seed):
    class Short(Captured):
        def __init__(self, data, prev=(), op=""):
            super().__init__(data, prev, op)
            self.data = np.float32(data)

    root, _ = graph_of(Short, random.Random(seed), ["relu", "tanh", "sigmoid"])
    root.backward()
    found = diagnose_graph(root)
    assert found.right and any("shorter than float64" in note for note in found.notes)


@pytest.mark.parametrize("seed", range(10))
def test_steps_that_are_methods_and_data_that_are_forced_to_float(seed):
    generator = random.Random(seed)
    a, b = Slots(generator.uniform(-1, 1)), Slots(generator.uniform(-1, 1))
    root = (a * b + a).relu() * 3.0 + b * a * a
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and {j.arithmetic for j in found.judged} == {"float64"}


# -- several mistakes at once ----------------------------------------------------------------------------------


def net(kind):
    a, b, c = kind(0.7), kind(1.9), kind(-0.4)
    d = a * b
    e = d.tanh() + c
    return (e * d + e.tanh() * a).tanh() * c + d, [a, b, c]


def test_a_wrong_partial_and_a_second_backward():
    root, _ = net(ruled(("tanh", "tanh-no-square")))
    root.backward()
    root.backward()
    assert names(diagnose_graph(root)) == ["tanh-no-square", "second-backward"]


def test_a_second_backward_after_the_leaves_were_cleared():
    root, leaves = net(Lambdas)
    root.backward()
    for leaf in leaves:
        leaf.grad = 0
    root.backward()
    found = diagnose_graph(root)
    assert names(found) == ["second-backward"] and "leaves set to 0" in str(found)


def test_two_wrong_ops():
    root, _ = net(ruled(("tanh", "tanh-of-data"), ("mul", "mul-own-factor")))
    root.backward()
    assert names(diagnose_graph(root)) == ["mul-own-factor", "tanh-of-data"]  # walking backward from the root


@pytest.mark.parametrize("both", [("add", "mul", "tanh"), ("tanh",), ("mul",)])
def test_overwriting_and_a_wrong_partial(both):
    root, _ = net(ruled(("tanh", "tanh-no-square"), assigning=both))
    root.backward()
    found = diagnose_graph(root)
    assert "tanh-no-square" in names(found)
    assert set(names(found)) <= {"tanh-no-square", "overwritten"}
    assert ("overwritten" in names(found)) != any("`=`" in note for note in found.notes)


def test_overwriting_a_wrong_partial_and_the_chain_rule_in_one_op():
    kind = ruled(("mul", "mul-own-factor"), assigning=("mul",))
    kind.rules["tanh"] = next(r for r in wrong_rules(TABLE["tanh"]) if not r.chain)
    root, _ = net(kind)
    root.backward()
    assert set(names(diagnose_graph(root))) == {"overwritten", "mul-own-factor", "chain-forgotten"}


@pytest.mark.parametrize("order, name", [("up", "not-reversed"), ("pre", "not-topological")])
def test_a_wrong_order_and_a_wrong_partial(order, name):
    root, _ = net(ruled(("mul", "mul-own-factor")))
    root.grad = 1.0
    nodes, seen = down(root)[::-1], []
    if order == "pre":
        stack, nodes = [root], []
        while stack:
            node = stack.pop()
            if id(node) not in seen:
                seen.append(id(node))
                nodes.append(node)
                stack += list(node._prev)[::-1]
    for node in nodes:
        node._backward()
    assert names(diagnose_graph(root)) == ["mul-own-factor", name]


def recursive(node):
    node._backward()
    for p in node._prev:
        recursive(p)


def queued(node):
    waiting = [node]
    while waiting:
        node = waiting.pop(0)
        node._backward()
        waiting += node._prev


@pytest.mark.parametrize("walk", [recursive, queued])
@pytest.mark.parametrize("kind", [Lambdas, Captured, Ruled])
def test_a_pass_that_visits_a_node_on_every_path(walk, kind):
    root, _ = net(kind)
    root.grad = 1.0
    walk(root)
    assert names(diagnose_graph(root)) == ["visited-again"]


def test_only_leaves_show_that_a_node_was_visited_again():
    a, b = Lambdas(0.5), Lambdas(-1.5)
    h = a * b
    root = h * a + h
    root.grad = 1.0
    recursive(root)
    assert names(diagnose_graph(root)) == ["visited-again"]


def test_a_wrong_partial_and_a_recursive_pass():
    root, _ = net(ruled(("mul", "mul-own-factor")))
    root.grad = 1.0
    recursive(root)
    assert names(diagnose_graph(root)) == ["mul-own-factor", "visited-again"]


def test_paths_without_end_are_not_followed():
    a = root = Lambdas(0.5)
    for _ in range(200):
        root = root * 0.5 + root * 0.5
    root.backward()
    a.grad += 0.1
    assert names(diagnose_graph(root)) == ["not-recognised"]


def test_a_wrong_partial_and_leaves_that_were_not_cleared():
    root, leaves = net(ruled(("mul", "sign-reversed")))
    root.backward()
    for leaf in leaves:
        leaf.grad *= 2
    assert names(diagnose_graph(root)) == ["sign-reversed", "left-over"]


@pytest.mark.parametrize(
    "wrong",
    [("mul-own-factor",), ("tanh-no-square",), ("overwritten",), ("mul-own-factor", "tanh-no-square"),
     ("overwritten", "tanh-no-square"), ("overwritten", "mul-own-factor")],
)  # fmt: skip
def test_one_function_for_all_ops(wrong):
    root, leaves = net(type("Dispatch", (Dispatch,), {"wrong": wrong}))
    root.backward()
    found = diagnose_graph(root, leaves)
    assert sorted(names(found)) == sorted(wrong) and arithmetic(found, "*") == {"float64"}


def test_one_function_for_all_ops_called_twice():
    root, _ = net(type("Dispatch", (Dispatch,), {"wrong": ("tanh-no-square",)}))
    root.backward()
    root.backward()
    assert names(diagnose_graph(root)) == ["tanh-no-square", "second-backward"]


# -- what is said, and what is not -------------------------------------------------------------------------------


def test_a_rule_that_gives_the_right_number_here_is_named():
    a, b = Lambdas(1.0), Lambdas(1.0)
    out = Lambdas(1.0, [a, b], "*")
    out._backward = lambda: (a.get(a.data * out.grad), b.get(b.data * out.grad))
    out.backward()
    found = diagnose_graph(out)
    assert a.grad == b.grad == 1 and names(found) == ["mul-own-factor"] and "do not show it" in str(found)


@pytest.mark.parametrize("x, mistakes", [(1.0, []), (0.0, ["relu-side"])])
def test_the_wrong_side_of_relu_is_a_mistake_where_it_is_used(x, mistakes):
    kind = ruled(("relu", "relu-side"))
    a = kind(x)
    root = kind.apply(TABLE["relu"], a) + a
    root.backward()
    found = diagnose_graph(root)
    assert names(found) == mistakes and any("relu-side" in note for note in found.notes) == (not mistakes)


def test_the_wrong_side_of_relu_is_a_note_where_nothing_comes_to_it():
    kind = ruled(("relu", "relu-side"))
    a = kind(0.0)
    root = kind.apply(TABLE["relu"], a) * a
    root.backward()
    found = diagnose_graph(root)
    assert found.right and any("relu-side" in note for note in found.notes)


def test_a_convention_of_its_own_on_a_tie_is_no_mistake():
    class Halves(Lambdas):
        def max(self, other):
            out = Halves(max(self.data, other.data), [self, other], "max")
            half = 0.5
            out._backward = lambda: (
                self.get(out.grad * (half if self.data == other.data else self.data > other.data)),
                other.get(out.grad * (half if self.data == other.data else self.data < other.data)),
            )
            return out

    a, b = Halves(1.5), Halves(1.5)
    root = a.max(b) * a
    root.backward()
    found = diagnose_graph(root)
    assert found.right and any("convention" in note for note in found.notes)


def test_an_equals_sign_that_loses_nothing_is_a_note():
    a, b = ruled(assigning=("mul",))(2.0), Ruled(3.0)
    root = a * b
    root.backward()
    found = diagnose_graph(root)
    assert found.right and any("[overwritten]" in note for note in found.notes)


def test_a_partial_off_by_a_tenth_of_a_percent_is_seen_and_not_named():
    class Off(Lambdas):
        def tanh(self):
            return self._unary("tanh", math.tanh(self.data), lambda out: 1.001 * (1 - out.data**2))

    root, _ = net(Off)
    root.backward()
    found = diagnose_graph(root)
    assert names(found) == ["not-recognised"] and "tanh" in found.findings[0].numbers


def test_data_that_an_update_changed_are_not_held_against_the_pass():
    root, leaves = net(Lambdas)
    root.backward()
    for leaf in leaves:
        leaf.data -= 0.1 * leaf.grad
    found = diagnose_graph(root)
    assert found.right and "not what the op gives" in str(found)


def test_steps_that_the_pass_does_not_call_are_not_accused():
    class Elsewhere(Dispatch):
        _backward = staticmethod(lambda: None)

    for wrong in ((), ("mul-own-factor",)):
        root, _ = net(type("Elsewhere", (Elsewhere,), {"wrong": wrong}))
        root.backward()
        assert names(diagnose_graph(root)) == list(wrong)


@pytest.mark.parametrize("wrong", [(), (("mul", "mul-own-factor"),)])
def test_a_pass_that_began_below_the_root(wrong):
    out, leaves = net(ruled(*wrong))
    root = (out * out + leaves[0]).tanh()
    out.backward()
    found = diagnose_graph(root, leaves)
    first, *others = names(found)
    assert first == "other-root" and others == [name for _, name in wrong]
    assert found.findings[0].nodes == (f"+({out.data:.4g})",) and "wrong-seed" not in names(found)


def test_a_step_without_out_grad_under_a_root_that_was_not_set_is_no_other_root():
    kind = ruled(("relu", "chain-forgotten"))
    a = kind(1.5)
    root = kind.apply(TABLE["relu"], a * a)
    for node in down(root):
        node._backward()
    assert root._prev[0].grad == 1 and names(diagnose_graph(root)) == ["wrong-seed", "chain-forgotten"]


@pytest.mark.parametrize("changed", ["above", "below", "itself"])
def test_no_other_root_where_other_grads_contradict(changed):
    out, leaves = net(Lambdas)
    extra = Lambdas(3.0)
    root = out * extra
    out.backward()
    {"above": extra, "below": leaves[0], "itself": out}[changed].grad += 0.25
    found = diagnose_graph(root)
    assert "other-root" not in names(found) and "inf" not in str(found)


def test_a_step_that_was_never_attached():
    root, _ = net(ruled(("tanh", "nothing-passed")))
    root.backward()
    assert names(diagnose_graph(root)) == ["nothing-passed"]


def test_what_is_assigned_is_not_taken_for_cleared():
    a, b = Dispatch(0.7), Dispatch(-0.2)
    root = a * b**-1 * -1 * -1
    root.backward()
    a.grad = 0
    assert "second-backward" not in names(diagnose_graph(root))


@pytest.mark.parametrize("seed, which", [(69, 2), (173, 3)])
def test_overwriting_is_not_named_where_other_nodes_kept_all_their_shares(seed, which):
    root, leaves = graph_of(Dispatch, random.Random(seed), ["relu", "tanh"])
    root.backward()
    leaves[which].grad = 0
    assert "overwritten" not in names(diagnose_graph(root))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_op_is_not_accused_of_what_one_of_its_nodes_does(which):
    a, b, c = leaves = [Dispatch(0.7), Dispatch(1.9), Dispatch(-0.4)]
    d = a * b + c
    root = d * d.tanh() + d.tanh() ** 2 * (c * c)
    root.backward()
    leaves[which].grad = 0
    assert names(diagnose_graph(root)) == ["not-recognised"]


def test_parents_under_the_name_of_children_and_grads_of_none():
    class Children:
        def __init__(self, data, children=(), op=""):
            self.data, self.grad, self._children, self._op, self._backward = data, None, set(children), op, None

        def __mul__(self, other):
            out = Children(self.data * other.data, (self, other), "*")

            def _backward():
                for p, share in ((self, other.data * out.grad), (other, self.data * out.grad)):
                    p.grad = share if p.grad is None else p.grad + share

            out._backward = _backward
            return out

    a, b = Children(2.0), Children(3.0)
    inner = a * b
    root = inner * a
    root.grad = 1.0
    root._backward()
    inner._backward()
    found = diagnose_graph(root, [a, b])
    assert found.right and arithmetic(found, "*") == {"rational"}
    a.grad = None
    assert names(diagnose_graph(root)) == ["not-recognised"]


@pytest.mark.parametrize(
    "label, known", [("power", False), ("**", False), ("^3", True), ("**3.0", True), ("x3", False)]
)
def test_a_power_is_known_by_its_exponent(label, known):
    class Power(Lambdas):
        def __pow__(self, n):
            return self._unary(label, self.data**n, lambda out: n * self.data ** (n - 1))

    a = Power(1.0)  # here all powers are the same
    root = a**3 + a
    root.backward()
    found = diagnose_graph(root)
    assert found.right and found.undecided == ([] if known else [repr(label)])


def test_grads_that_are_not_finite_are_not_judged():
    a, b = Lambdas(2.0), Lambdas(3.0)
    root = a * b + a
    root.backward()
    a.grad = float("inf")
    found = diagnose_graph(root)
    assert found.right and any("not finite" in note for note in found.notes)


def test_a_constant_that_is_no_node():
    class Plain(Lambdas):
        def __mul__(self, other):
            if isinstance(other, Lambdas):
                return Lambdas.__mul__(self, other)
            out = Plain(self.data * other, [self], "*")
            out._backward = lambda: self.get(other * out.grad)
            return out

    a = Plain(3.0)
    for root in (a * 3.0 + a, a * 2.0 + a):
        a.grad = 0
        root.backward()
        found = diagnose_graph(root)
        assert found.right and found.undecided == ["'*'"]


# -- nothing is changed ------------------------------------------------------------------------------------------


def bits(nodes):
    return [(id(n.data), id(n.grad), repr(n.data), repr(n.grad)) for n in nodes]


@pytest.mark.parametrize("kind", [Micrograd, Lambdas, Captured, Ruled, Dispatch])
def test_the_graph_is_afterwards_what_it_was(kind):
    a, b = kind(0.5), kind(-1.5)
    root = (a * b + a) * b + a
    root.backward()
    before = bits(down(root))
    diagnose_graph(root)
    assert bits(down(root)) == before


def test_the_graph_is_what_it_was_also_when_a_step_raises_or_goes_astray():
    a, b = Lambdas(0.5), Lambdas(-1.5)
    inner = a * b
    raising, straying = inner + a, inner * b
    root = raising * straying
    root.backward()
    calls = []

    def fail():
        calls.append(1)
        inner.grad = a.grad = inner.data = 7.0
        raise RuntimeError("not on such numbers")

    def stray():
        calls.append(2)
        inner.grad += b.data * straying.grad
        b.grad += inner.data * straying.grad
        a.grad += 1  # no parent of this node
        a.data = 3.0

    raising._backward, straying._backward = fail, stray
    before = bits(down(root))
    diagnose_graph(root)
    assert set(calls) == {1, 2} and bits(down(root)) == before


def test_a_class_that_refuses_assignment_is_judged_by_its_grads():
    class Frozen(Dispatch):
        frozen = False

        def __setattr__(self, name, value):
            if self.frozen:
                raise AttributeError(f"{name} is frozen")
            object.__setattr__(self, name, value)

        def _backward(self):
            raise AssertionError

    root, _ = net(Frozen)
    root.backward()
    Frozen.frozen = True
    found = diagnose_graph(root)
    assert found.right and {j.arithmetic for j in found.judged} == {"float64"}


def test_a_long_chain_with_steps():
    node = first = Lambdas(0.5)
    for _ in range(2_500):
        node = node * 0.999 + 0.001
    node.backward()
    found = diagnose_graph(node, [first])
    assert found.right and sum(j.run for j in found.judged) <= 6


def test_the_report_says_in_which_arithmetic(tmp_path):
    root, leaves = net(ruled(("mul", "mul-product")))
    root.backward()
    found = diagnose_graph(root, leaves)
    found.to_json(tmp_path / "graph.json")
    read = json.loads((tmp_path / "graph.json").read_text("utf-8"))
    assert read["mistakes"] == ["mul-product"] and read["notes"] == []
    assert {(j["op"], j["arithmetic"]) for j in read["judged"]} == {
        ("+", "rational"), ("*", "rational"), ("tanh", "finite field")
    }  # fmt: skip
    assert "judged in exact, rational: " in found._repr_html_()
    with pytest.raises(TypeError, match="leaves: expected nodes"):
        diagnose_graph(root, [3])
