"""Values in the styles that are found: none that is right is called wrong, and none that is wrong is called right.

`slip` is what a partial of the class is multiplied by: 1 in right code.
"""

import math

import numpy as np
import pytest

from compare import diagnose_graph


def ordered(root, parents=lambda node: node._prev):
    """All nodes, each after the nodes that use it."""
    done, seen = [], set()

    def build(node):
        if id(node) not in seen:
            seen.add(id(node))
            for p in parents(node):
                build(p)
            done.append(node)

    build(root)
    return done[::-1]


class Closures:
    """A set of parents, an op, a closure under `_backward`."""

    slip = 1

    def __init__(self, data, _children=(), _op="", label=""):
        self.data, self.grad, self._prev, self._op, self.label = data, 0.0, set(_children), _op, label
        self._backward = lambda: None

    def __add__(self, other):
        out = type(self)(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        out = type(self)(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += self.slip * other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def f(self):
        t = math.tanh(self.data)
        out = type(self)(t, (self,), "tanh")

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        self.grad = 1.0
        for node in ordered(self):
            node._backward()


class Nameless(Closures):
    """No op is written down."""

    def __init__(self, data, _children=(), _op=""):
        super().__init__(data, _children)


class Elsewhere(Closures):
    """The step is called `backward_fn`: what is called `_backward` does nothing."""

    def backward(self):
        self.grad = 1.0
        for node in ordered(self):
            node.backward_fn()

    def __setattr__(self, name, value):
        object.__setattr__(self, "backward_fn" if name == "_backward" else name, value)


class Numbers(Closures):
    """A number is no node: an op with one has one parent."""

    def __mul__(self, other):
        if isinstance(other, Closures):
            return super().__mul__(other)
        out = type(self)(self.data * other, (self,), "*")

        def _backward():
            self.grad += self.slip * other * out.grad

        out._backward = _backward
        return out

    def f(self):
        return self * self.data  # looks like self · self


class Locals:
    """Parents in a tuple, the local partials beside them; one loop passes on."""

    slip, kind = 1, tuple

    def __init__(self, data, prev=(), op="", partials=()):
        self.data, self.grad, self._prev, self._op, self.partials = data, 0.0, self.kind(prev), op, partials

    def made(self, data, op, *pairs):
        return type(self)(data, [p for p, _ in pairs], op, [partial for _, partial in pairs])

    def __add__(self, other):
        return self.made(self.data + other.data, "+", (self, 1), (other, 1))

    def __mul__(self, other):
        return self.made(self.data * other.data, "*", (self, self.slip * other.data), (other, self.data))

    def f(self):
        return self.made(max(0.0, self.data), "ReLU", (self, float(self.data > 0)))

    def backward(self):
        self.grad = 1.0
        for node in ordered(self):
            for p, partial in zip(node._prev, node.partials, strict=True):
                p.grad += partial * node.grad


class Power(Locals):
    """A list of parents; the exponent in the op."""

    kind = list

    def f(self):
        return self.made(self.data**3, "**3", (self, self.slip * 3 * self.data**2))


class Spelled(Locals):
    """A power without its exponent."""

    def f(self):
        return self.made(self.data**3, "pow", (self, self.slip * 3 * self.data**2))


class Quotient(Locals):
    """The denominator is the first parent."""

    def f(self):
        one = type(self)(1.0)
        return self.made(1 / self.data, "/", (self, -self.slip / self.data**2), (one, 1 / self.data))


class Logarithm(Locals):
    """Functions under names of their own."""

    def f(self):
        return self.made(math.log(self.data), "ln", (self, self.slip / self.data)).g()

    def g(self):
        return self.made(math.exp(self.data), "e^", (self, math.exp(self.data)))


class Fused(Locals):
    """x·y + z as one op, and a sum of three."""

    def f(self):
        pairs = (self, self.slip * self.data), (self, self.data), (self, 1)
        three = self.made(self.data**2 + self.data, "fma", *pairs)
        return self.made(three.data + 2 * self.data, "sum", (three, 1), (self, 1), (self, 1))


class Cut(Locals):
    """The parents of a function are not kept, and it gets its share nevertheless."""

    def f(self):
        out = self.made(math.exp(self.data), "exp")
        out.of = self
        return out

    def backward(self):
        self.grad = 1.0
        for node in ordered(self, lambda n: [*n._prev, *([n.of] if hasattr(n, "of") else [])]):
            for p, partial in zip(node._prev, node.partials, strict=True):
                p.grad += partial * node.grad
            if hasattr(node, "of"):
                node.of.grad += self.slip * node.data * node.grad


class Recursive(Locals):
    """backward(share) of each parent is called with its share, on every path."""

    def backward(self, share=1.0):
        self.grad += share
        for p, partial in zip(self._prev, self.partials, strict=True):
            p.backward(partial * share)


class Freed(Locals):
    """A node's grad is given back when it was passed on."""

    empty = None

    def backward(self):
        self.grad = 1.0
        for node in ordered(self):
            for p, partial in zip(node._prev, node.partials, strict=True):
                p.grad = (p.grad or 0.0) + partial * node.grad
            if node._prev:
                node.grad = self.empty


class Zeroed(Freed):
    """The same, with 0."""

    empty = 0.0


class Arrays(Locals):
    """Arrays of one number, and grads that are added to in place."""

    def __init__(self, data, prev=(), op="", partials=()):
        super().__init__(np.array(data), prev, op, partials)
        self.grad = np.array(0.0)

    def backward(self):
        self.grad = np.array(1.0)
        for node in ordered(self):
            for p, partial in zip(node._prev, node.partials, strict=True):
                p.grad += partial * node.grad


class Functions(Locals):
    """One class for each op, whose name is the op; steps that return shares, under `grad_fn`."""

    def made(self, data, op, *pairs):
        op = {"+": "Add", "*": "Mul"}.get(op, op)
        out = super().made(data, op, *pairs)
        out.grad_fn = lambda g: [partial * g for _, partial in pairs]
        return out

    def backward(self):
        self.grad = 1.0
        for node in ordered(self):
            for p, share in zip(node._prev, node.grad_fn(node.grad) if node._prev else (), strict=True):
                p.grad += share


class Children(Locals):
    """Parents are called `children`."""

    def backward(self):
        super().backward()
        for node in ordered(self):
            node.children = node.__dict__.pop("_prev")


class Underscored(Locals):
    """Parents are called `_children`; grads are None before a share comes."""

    @property
    def _prev(self):
        raise AttributeError("_prev")

    @_prev.setter
    def _prev(self, parents):
        self._children = tuple(parents)

    def backward(self):
        nodes = ordered(self, lambda n: n._children)
        for node in nodes:
            node.grad = None
        self.grad = 1.0
        for node in nodes:
            for p, partial in zip(node._children, node.partials, strict=True):
                p.grad = partial * node.grad if p.grad is None else p.grad + partial * node.grad


class Constants(Locals):
    """Nodes that need no gradient are no parents."""

    def f(self):
        three = 3.0
        return self.made(self.data * three, "*", (self, self.slip * three))


STYLES = [(Closures, True), (Nameless, None), (Elsewhere, None), (Numbers, None), (Locals, True), (Power, True),
          (Spelled, None), (Quotient, None), (Logarithm, None), (Fused, None), (Cut, None), (Recursive, True),
          (Freed, None), (Zeroed, None), (Arrays, True), (Functions, True), (Children, TypeError),
          (Underscored, True), (Constants, None)]  # fmt: skip


def a_net(kind):
    """c · c has one parent in a set; d and e are used twice."""
    a, b, c = kind(0.75), kind(1.9), kind(-0.4)
    d = a * b
    e = d.f() + c * c
    return (e * d + e) * a, [a, b, c]


def verdict(kind, slip):
    root, leaves = a_net(type(kind.__name__, (kind,), {"slip": slip}))
    root.backward()
    try:
        return diagnose_graph(root, leaves).right, [float(leaf.grad) for leaf in leaves]
    except TypeError:
        return TypeError, [float(leaf.grad) for leaf in leaves]


@pytest.mark.parametrize("kind, expected", STYLES, ids=lambda x: getattr(x, "__name__", str(x)))
def test_right_code_is_right_where_it_can_be_judged_and_never_wrong(kind, expected):
    assert verdict(kind, 1)[0] is expected


@pytest.mark.parametrize("slip", [-1, 0, 2, 1.001])
@pytest.mark.parametrize("kind, expected", STYLES, ids=lambda x: getattr(x, "__name__", str(x)))
def test_a_wrong_partial_is_never_called_right(kind, expected, slip):
    (found, grads), (_, right) = verdict(kind, slip), verdict(kind, 1)
    assert grads != right
    assert found is (False if expected is True else found) and found is not True
