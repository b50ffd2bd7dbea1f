"""`trace`: any numpy forward function, run on arrays of Values."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.candidates.object_zeros import ObjectZeros
from compare.candidates.user_lines import causes, line_of
from compare.comparison.tracing import as_values
from engine import Value, grad, modes
from explicit import checks
from explicit.elementwise import Array, objects


@dataclass(frozen=True, eq=False)
class Trace:
    """A forward function's graph.

    cost:    the node that the function returned
    params:  the leaves, in the structure of the params given: arrays of Values (a Value for a number)
    x, y:    the leaves of the inputs and targets; None for a y that was not given
    notes:   what was done so that the function could run
    """

    cost: Value
    params: Any
    x: Any
    y: Any
    notes: tuple[str, ...] = ()

    def backward(self) -> Any:
        """``cost.backward()``: every node gets its adjoint as `grad`; returns those of the params."""
        self.cost.backward()
        return _map(self.params, lambda leaves: _numbers([v.grad for v in leaves.flat], leaves.shape))

    def grads(self, of: Any = None) -> Any:
        """∂C/∂ each of `of` (the params unless given; x, say), in its structure; no node is touched.

        Arrays are float64 where all are floats, else they hold the numbers that there are.
        """
        nodes = self.params if of is None else of
        return _map(nodes, lambda leaves: _numbers(grad(self.cost, list(leaves.flat)), leaves.shape))


def trace(forward: Callable[..., Any], params: Any, x: Any, y: Any = None) -> Trace:
    """Run a forward function on Values, and return the graph.

    Parameters
    ----------
    forward : called as ``forward(params, x, y)``, or ``forward(params, x)`` where y is None; returns
        the cost: a Value, or an array with one
    params, x, y : an array (nested lists of numbers too), a number, or a list, tuple or dict of these, to
        any depth; forward gets the same structure, with arrays of Values in the place of arrays

    Where the function adds in place into ``np.zeros``, it is run with zeros that take Values; `notes` says so.

    Returns
    -------
    a `Trace`

    Raises
    ------
    TypeError
        The code cuts the graph (float(v), math.exp(v), np.array(v, float)): the message names the line
        of the code that did so.  Or forward did not return one Value.

    >>> import numpy as np
    >>> def forward(params, x, y):
    ...     return (np.tanh(params["W"] @ x + params["b"]) - y).sum() ** 2
    >>> graph = trace(forward, {"W": [[0.5, -1.0]], "b": [[0.0]]}, [[1.0], [0.5]], [[1.0]])
    >>> graph.cost.data, graph.grads()["W"].tolist(), graph.params["W"][0, 1].label
    (1.0, [[-2.0, -1.0]], 'W[0,1]')
    """
    if not callable(forward):
        raise TypeError(f"forward: expected a function of (params, x, y), got {forward!r:.60}")
    notes: list[str] = []
    try:
        leaves, returned = _run(forward, params, x, y)
    except TypeError as first:
        try:
            with ObjectZeros(forward).made():
                leaves, returned = _run(forward, params, x, y)
        except TypeError as error:
            line = line_of(error)
            if line is None:
                raise
            why = next((cause for cause in causes(error) if isinstance(cause, _Cut)), error)
            raise TypeError(f"forward, {line}: {why}") from error
        notes.append(f"{line_of(first)}: writes into an array of floats; np.zeros and its kin made objects")
    return Trace(_one_value(returned), *leaves, notes=tuple(notes))


CUT = (
    "takes a plain float of a Value, which cuts the graph; use np.exp(v) or v.exp() for functions and "
    "dtype=object for arrays (v.data or v.detach() leave the graph on purpose)"
)


class _Cut(TypeError):
    pass


class _Watch:
    """What the engine tells of numbers that leave the graph."""

    def compared(self, symbol: str, left: Any, right: Any, answer: Any) -> None:
        """Branches are the user's own."""

    def refuse(self, how: str) -> None:
        """float() cuts the graph; detach() says that it means to."""
        if how == "float()":
            raise _Cut(CUT)


@contextmanager
def _watching() -> Iterator[None]:
    before = modes.recorder()
    if before is not None:  # a recording refuses by itself
        yield
        return
    modes.record_here(_Watch())
    try:
        yield
    finally:
        modes.record_here(None)


def _run(forward: Callable[..., Any], params: Any, x: Any, y: Any) -> tuple[tuple[Any, Any, Any], Any]:
    traced = _leaves("params", params), _leaves("x", x), None if y is None else _leaves("y", y)
    # forward gets arrays of its own: it may write into them, and the leaves stay what they are.
    own = [_map(leaves, np.copy) for leaves in (traced if y is not None else traced[:2])]
    with _watching():
        return traced, forward(*own)


def _leaves(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _leaves(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not _is_array(value):
        items = [_leaves(f"{name}[{i}]", item) for i, item in enumerate(value)]
        if isinstance(value, list):
            return items
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    array = checks.real_array(name, value)
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)  # an int has no bits to compare, and 1/2 of ints is a float anyway
    if array.ndim == 0:
        return Value(array[()], name)
    return as_values(array, lambda *place: f"{name}[{','.join(str(i - 1) for i in place)}]")


def _is_array(value: Any) -> bool:
    """Whether lists and tuples are rows of numbers, all of one length."""
    if not isinstance(value, (list, tuple)):
        return not isinstance(value, (dict, np.ndarray))
    if not len(value) or isinstance(value, tuple) or not all(map(_is_array, value)):
        return False
    try:
        return bool(np.asarray(value).size)
    except ValueError:  # rows of different lengths: a list of arrays
        return False


def _map(structure: Any, function: Callable[[Array], Any]) -> Any:
    if isinstance(structure, dict):
        return {key: _map(item, function) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        items = [_map(item, function) for item in structure]
        if isinstance(structure, list):
            return items
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    if isinstance(structure, Value):
        return function(objects([structure], ()))[()]
    return function(structure)


def _numbers(numbers: list[Any], shape: tuple[int, ...]) -> Array:
    # A leaf that the cost does not depend on has the int 0.
    floats = all(type(n) is float or (type(n) is int and n == 0) for n in numbers)
    dtype = np.float64 if floats else object
    return np.fromiter(numbers, dtype=dtype, count=len(numbers)).reshape(shape)


def _one_value(returned: Any) -> Value:
    if isinstance(returned, np.ndarray) and returned.size == 1:
        returned = returned.reshape(-1)[0]
    if isinstance(returned, Value):
        return returned
    if isinstance(returned, np.ndarray):
        got = f"an array of shape {returned.shape}: add the costs up"
    else:
        got = f"{type(returned).__name__} {returned!r:.60}"
    hint = "; a plain number has no graph" if isinstance(returned, (int, float)) else ""
    raise TypeError(f"forward: expected it to return the cost, one Value, got {got}{hint}")
