"""The four operations and the order of a number that wraps another number, written once."""

import operator
from collections.abc import Callable
from typing import Any


class Operators:
    """``+ − × ÷``, also reflected, by `_inner` and `_outer` of the subclass; ``< ≤ > ≥`` by `_ordered`."""

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

    def _ordered(self, holds: Callable[[Any, Any], bool], other: Any) -> Any:
        """Whether operator.lt (le, gt, ge) holds; NotImplemented for numbers that have no order."""
        return NotImplemented

    def __lt__(self, other: Any) -> Any:
        return self._ordered(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._ordered(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._ordered(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._ordered(operator.ge, other)

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
