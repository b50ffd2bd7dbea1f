"""`Value`: a number that remembers how it was made.

The arithmetic and the functions come from the op table (`engine.ops`); this file has what is the
same for every op: construction, the backward pass, ordering, numpy's conventions, and copies.
"""

from __future__ import annotations

import sys

from engine import copies, float_calls
from engine.modes import active, check_adjoints, compared, inside, left_graph, watched
from engine.ops import TABLE
from engine.reverse import LOCK, adjoints, nodes
from engine.scalars import is_lanes, one, to_data, to_float

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from engine.drawing.picture import Graph


class Value:
    """A node of a graph of scalars.

    Parameters
    ----------
    data : float, int, a 1-d numpy array of lanes (one lane per sample), a sympy expression, or a
        number that keeps the scalar protocol (`engine.scalars`)
    label : the name that pictures and messages show

    Attributes
    ----------
    data : the number.  Assigning it after a forward pass does not touch results made before: the
        partials were stored when the graph was built, so `backward()` and `grad` give the gradient at
        the point of the forward pass; a second pass over such a graph warns of it.
        `grad(…, create_graph=True)` computes from `data`, and refuses a graph whose data was assigned
        since.
    grad : ∂C/∂data after `backward()`; the integer 0 before
    parents : the operands, in order, with repeats; empty for a leaf

    ``==`` and hash are identity; ``<``, ``<=``, ``>``, ``>=`` compare data.

    Raises
    ------
    TypeError
        data is a Value, not a number, or a number that turns into a float silently.

    >>> a = Value(2.0, label="a")
    >>> c = a * a + 3
    >>> c.backward()
    >>> c, a
    (Value(data=7.0, grad=1.0), Value(data=2.0, grad=4.0, label='a'))
    """

    # _x, _y: the parents; _dx, _dy: the partials (None is 1); _row: the op; _adj: a pass's scratch.
    __slots__ = ("data", "grad", "label", "_row", "_x", "_y", "_dx", "_dy", "_adj")
    data: Any
    grad: Any
    label: str
    _row: Any
    _x: Any
    _y: Any
    _dx: Any
    _dy: Any
    _adj: Any

    def __init__(self, data: Any, label: str = "") -> None:
        if isinstance(data, Value):
            raise TypeError("Value(data): expected a number, got a Value; for higher derivatives use grad(…)")
        if not isinstance(label, str):
            raise TypeError(f"Value(label): expected a str, got {type(label).__name__} {label!r:.60}")
        self.data = to_data(data)
        self.grad = 0
        self.label = label
        self._row = self._x = self._y = self._dx = self._dy = self._adj = None

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data}, grad={self.grad}{label})"

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands in order, with repeats: (a, a) for a + a."""
        if self._x is None:
            return ()
        return (self._x,) if self._y is None else (self._x, self._y)

    _prev = parents  # micrograd's name

    @property
    def _op(self) -> str:
        """micrograd's name of the op: "+", "*", "**2", "ReLU", …; "" for a leaf."""
        return "" if self._row is None else self._row.ascii

    # -- the reverse pass ----------------------------------------------------------------------

    def backward(self, seed: Any = None, after: Sequence[Value] = ()) -> None:
        """Set the adjoint ∂self/∂node as `grad` of every node below: leaves add it to what they
        have (until `zero_grad`), inner nodes are overwritten, so a second call is right.

        Parameters
        ----------
        seed : the adjoint of self, 1 unless given
        after : anchors, nodes in forward order: what lies below the first one is visited last, and so on, so
            that the order within a layer does not depend on the layers above.  The numbers are the same but
            for rounding.  Anchors that self does not depend on are left out.

        Raises
        ------
        TypeError
            Something in `after` is no Value.
        ZeroDivisionError
            A partial on the way does not exist (√ at 0).
        FloatingPointError
            Within `detect_nonfinite()`: the first node whose adjoint is not finite.

        Warns
        -----
        UserWarning
            A pass was here before, and data was assigned since the forward pass.
        """
        start = one(self.data) if seed is None else to_data(seed)
        with LOCK:
            inner, leaves = adjoints(self, start, "backward()", anchors("backward", after) if after else ())
            if active and inside("detect_nonfinite"):
                check_adjoints([*reversed(inner), *leaves])
            for node in inner:
                node.grad = node._adj
            for leaf in leaves:
                before = leaf.grad
                # The integer 0 is "no gradient yet", not a summand: 0 + −0.0 would be 0.0.
                leaf.grad = leaf._adj if before.__class__ is int and before == 0 else before + leaf._adj
                leaf._adj = None

    def zero_grad(self) -> None:
        """Set `grad` of every node below (self included) to the integer 0."""
        for node in nodes(self):
            node.grad = 0

    def detach(self) -> Value:
        """A leaf with the same data and label, cut from the graph on purpose."""
        if watched:
            left_graph("detach()")
        return Value(self.data, self.label)

    def held_max(self, others: Sequence[Value]) -> Value:
        """The largest of self and others, the first on a tie, as a leaf: no gradient flows through it.

        Softmax subtracts it to keep exponentials finite.  Numbers without order answer by their own `held_max`.
        """
        data = [self.data, *(other.data for other in others)]
        if hasattr(self.data, "held_max"):
            return Value(self.data.held_max(data[1:]))
        largest = data[0]
        for number in data[1:]:
            if is_lanes(number):
                raise TypeError("held_max: lanes may differ in which is the largest; run one sample after the other")
            if number > largest:
                largest = number
        return Value(largest)

    # -- order, numbers ------------------------------------------------------------------------

    def __lt__(self, other: Any) -> Any:
        answer = self.data < _data(other)
        if watched:
            compared("<", self, other, answer)
        return answer

    def __le__(self, other: Any) -> Any:
        answer = self.data <= _data(other)
        if watched:
            compared("<=", self, other, answer)
        return answer

    def __gt__(self, other: Any) -> Any:
        answer = self.data > _data(other)
        if watched:
            compared(">", self, other, answer)
        return answer

    def __ge__(self, other: Any) -> Any:
        answer = self.data >= _data(other)
        if watched:
            compared(">=", self, other, answer)
        return answer

    def __float__(self) -> float:
        """The data as a float, for ``float(v)`` written as such (and anything within `no_grad`).

        Raises
        ------
        TypeError
            Something else asked for a float (``math.exp(v)``, ``np.array([v], float)``): the result
            would silently be no part of the graph.
        """
        if watched:
            left_graph("float()")
        if not (inside("no_grad") or float_calls.float_is_called()):
            raise TypeError(float_calls.MESSAGE)
        return to_float(self.data)

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return self.pow(other)
        if is_lanes(other):
            other = operand(other, self)
            return other if other is NotImplemented else self.pow(other)
        try:
            return self.power(to_data(other))
        except TypeError:
            if isinstance(other, (str, bytes)) or not (hasattr(other, "__float__") or hasattr(other, "lift")):
                return NotImplemented
            raise  # a number that we refuse: say why

    def __rpow__(self, other: Any) -> Any:
        other = operand(other, self)
        return other if other is NotImplemented else other.pow(self)

    # -- numpy -----------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """numpy's functions on a Value: element by element, as on an array of objects."""
        lanes = any(isinstance(i, Value) and is_lanes(i.data) for i in inputs)
        return getattr(ufunc, method)(*(_as_objects(i, lanes) for i in inputs), **options)

    def _sympy_(self) -> Any:
        """sympy asks for an expression; the refusal makes ``symbol * v`` come to v's own method."""
        raise sys.modules["sympy"].SympifyError(float_calls.MESSAGE)

    # -- pictures ----------------------------------------------------------------------------------

    def graph(self, level: str = "auto", digits: int = 5, **options: Any) -> Graph:
        """A picture of the graph below: ``v.graph().save("graph.svg")``, or as itself in a notebook.

        Parameters
        ----------
        level : "value", "unit" (a box per neuron), "layer", or "auto" for what stays readable
        digits : significant digits of the numbers
        options : see `engine.drawing.picture.Graph`

        Raises
        ------
        ValueError
            An argument has no meaning; the message says which and what would.
        """
        from engine.drawing.picture import Graph  # no one pays for pictures who draws none

        return Graph(self, level, digits, **options)

    # -- copies: a Value carries its graph as one flat list -------------------------------------

    def __reduce__(self) -> Any:
        return copies.rebuild, copies.flatten(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return copies.deepcopy(self, memo)

    if TYPE_CHECKING:  # made from the op table

        def __add__(self, other: Any) -> Value: ...
        def __radd__(self, other: Any) -> Value: ...
        def __sub__(self, other: Any) -> Value: ...
        def __rsub__(self, other: Any) -> Value: ...
        def __mul__(self, other: Any) -> Value: ...
        def __rmul__(self, other: Any) -> Value: ...
        def __truediv__(self, other: Any) -> Value: ...
        def __rtruediv__(self, other: Any) -> Value: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...
        def __getattr__(self, name: str) -> Callable[..., Value]: ...


def anchors(function: str, after: Any) -> list[Value]:
    """`after` as a list of Values; TypeError names the function and the first that is none."""
    found = list(after)
    for i, node in enumerate(found):
        if not isinstance(node, Value):
            raise TypeError(f"{function}(after): expected Values, got {type(node).__name__} at position {i}")
    return found


def operand(other: Any, like: Value) -> Any:
    """What stands beside a Value, as a Value; NotImplemented where numpy or the other type decides."""
    if isinstance(other, Value):
        return other
    if is_lanes(other) and not (is_lanes(like.data) and other.dtype != object):
        return NotImplemented  # numpy's convention: element by element
    try:
        return Value(other)
    except TypeError:
        if isinstance(other, (str, bytes)) or not hasattr(other, "__float__"):
            return NotImplemented
        raise  # a number that we refuse: say why


def _data(other: Any) -> Any:
    return other.data if isinstance(other, Value) else other


def _as_objects(item: Any, lanes: bool) -> Any:
    numpy = sys.modules["numpy"]
    if not isinstance(item, Value) and isinstance(item, (list, tuple, numpy.ndarray)):
        array = numpy.asarray(item)
        if not lanes or array.dtype == object:
            return array.astype(object)
    box = numpy.empty((), dtype=object)
    box[()] = item if isinstance(item, Value) else Value(item)
    return box


TABLE.attach(Value, operand)
