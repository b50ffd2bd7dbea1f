"""The four operations of a number that wraps another library's number, written once."""

import operator
from collections.abc import Callable
from typing import Any


class Operators:
    """``+ − × ÷``, also reflected, by way of two methods of the subclass: `_inner` and `_outer`."""

    __slots__ = ()

    def _inner(self, other: Any) -> Any:
        """The wrapped number behind an operand (self included); None where it is no number for us."""
        raise NotImplementedError

    def _outer(self, inner: Any) -> Any:
        """A wrapped number as one of our kind."""
        raise NotImplementedError

    def _apply(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        x, y = self._inner(left), self._inner(right)
        return NotImplemented if x is None or y is None else self._outer(operation(x, y))

    def __add__(self, other: Any) -> Any:
        return self._apply(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return self._apply(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return self._apply(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._apply(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return self._apply(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._apply(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._apply(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._apply(operator.truediv, other, self)
