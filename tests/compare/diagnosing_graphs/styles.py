"""Values as students write them, some with a place for mistakes, and small graphs of them."""

import math
import operator
import random

import numpy as np
from micrograd.engine import Value as Micrograd
from micrograd.nn import MLP

from compare.diagnosing_graphs.graph_mistakes import right_rule, wrong_rules
from compare.diagnosing_graphs.reading import formula
from engine.ops import TABLE


def names(diagnosis):
    return [m.name for m in diagnosis.mistakes]


class Lecture:
    """Closures and a set of parents."""

    def __init__(self, data, prev=(), op=""):
        self.data, self.grad, self._prev, self._op = data, 0.0, set(prev), op
        self._backward = lambda: None

    wrong = ""

    def __add__(self, other):
        out = self._new(self.data + other.data, (self, other), "+")

        def _backward():
            if self.wrong == "overwritten":
                self.grad = out.grad
                other.grad = out.grad
            else:
                self.grad += out.grad
                other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        out = self._new(self.data * other.data, (self, other), "*")

        def _backward():
            left, right = (self.data, other.data) if self.wrong == "mul-own-factor" else (other.data, self.data)
            if self.wrong == "overwritten":
                self.grad = left * out.grad
                other.grad = right * out.grad
            elif self.wrong == "operand-forgotten":
                self.grad += left * out.grad
            else:
                self.grad += left * out.grad
                other.grad += right * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = self._new(t, (self,), "tanh")

        def _backward():
            slope = {"tanh-no-square": 1 - t, "partial-forgotten": 1.0, "tanh-of-data": 1 - self.data**2}
            partial = slope.get(self.wrong, 1 - t**2)
            self.grad += partial if self.wrong == "chain-forgotten" else partial * out.grad

        out._backward = _backward
        return out

    def _new(self, data, prev, op):
        return type(self)(data, prev, op)

    def order(self):
        topo, seen = [], set()

        def build(node):
            if node not in seen:
                seen.add(node)
                if self.wrong == "not-topological":
                    topo.append(node)
                for p in node._prev:
                    build(p)
                if self.wrong != "not-topological":
                    topo.append(node)

        build(self)
        return topo if self.wrong in ("not-topological", "not-reversed") else topo[::-1]

    def backward(self):
        if self.wrong != "no-seed":
            self.grad = 2.0 if self.wrong == "wrong-seed" else 1.0
        for node in self.order():
            node._backward()


class Pairs:
    """A tuple of parents, and the local partials beside them."""

    wrong = ""

    def __init__(self, data, prev=(), partials=(), op=""):
        self.data, self.grad, self._prev, self._op, self.partials = data, 0.0, tuple(prev), op, partials

    def __add__(self, other):
        return type(self)(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __sub__(self, other):
        second = 1.0 if self.wrong == "sub-sign" else -1.0
        return type(self)(self.data - other.data, (self, other), (1.0, second), "-")

    def __mul__(self, other):
        both = (self.data, other.data) if self.wrong == "mul-own-factor" else (other.data, self.data)
        return type(self)(self.data * other.data, (self, other), both, "*")

    def __truediv__(self, other):
        out, below = self.data / other.data, -self.data / other.data**2
        below = {"div-sign": -below, "div-square": -out}.get(self.wrong, below)
        return type(self)(out, (self, other), (1 / other.data, below), "/")

    def __pow__(self, n):
        partial = n * self.data ** (n - 1)
        partial = {"power-no-exponent": partial / n, "power-same-degree": n * self.data**n}.get(self.wrong, partial)
        return type(self)(self.data**n, (self,), (partial,), f"**{n}")

    def exp(self):
        out = math.exp(self.data)
        partial = {"exp-as-power": self.data * math.exp(self.data - 1), "exp-times-data": self.data * out}
        return type(self)(out, (self,), (partial.get(self.wrong, out),), "exp")

    def relu(self):
        partial = float(self.data >= 0 if self.wrong == "relu-side" else self.data > 0)
        return type(self)(max(self.data, 0.0), (self,), (1.0 if self.wrong == "relu-passes-all" else partial,), "ReLU")

    def backward(self):
        waiting = {id(self): 0}
        nodes, stack = {id(self): self}, [self]
        while stack:
            for p in stack.pop()._prev:
                waiting[id(p)] = waiting.get(id(p), 0) + 1
                if id(p) not in nodes:
                    nodes[id(p)] = p
                    stack.append(p)
        self.grad, ready = 1.0, [self]
        while ready:
            node = ready.pop()
            for p, partial in zip(node._prev, node.partials, strict=True):
                p.grad += partial * node.grad
                waiting[id(p)] -= 1
                if not waiting[id(p)]:
                    ready.append(p)


def student(base, wrong):
    return type(base.__name__, (base,), {"wrong": wrong})


def neuron(kind):
    """A neuron whose z is used twice, and whose weight is used at two inputs."""
    w, b, x1, x2 = kind(0.75), kind(-0.3), kind(1.5), kind(0.8)
    z = w * x1 + w * x2 + b
    return z.tanh() * z + w, [w, b, x1, x2]


def diamond(kind):
    a, b = kind(0.7), kind(1.9)
    c = a * b
    d = c + a
    return (d * c + d).tanh() + c, [a, b]


def quotient(kind):
    a, b, c = kind(1.3), kind(-2.6), kind(0.45)
    d = (a - b) / (c + a)
    return (d**3 + d.exp()).relu() - c * d, [a, b, c]


def kinked(kind):
    a, b = kind(0.5), kind(-0.5)
    return (a + b).relu() * a + (a - b).relu() * b + (b - a).relu() * b, [a, b]


def small_mlp():
    """micrograd's own net, with biases that are not 0, and inputs that stay leaves from one pass to the next."""
    random.seed(3)
    mlp = MLP(3, [4, 4, 1])
    for p in mlp.parameters():
        p.data = p.data or 0.5
    return mlp, [Micrograd(x) for x in (2.0, -1.0, 0.5)]


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


def net(kind):
    a, b, c = kind(0.7), kind(1.9), kind(-0.4)
    d = a * b
    e = d.tanh() + c
    return (e * d + e.tanh() * a).tanh() * c + d, [a, b, c]
