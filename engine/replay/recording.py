"""Run a function once on Values, and watch what a replay could not see: comparisons and floats.

A comparison of Values decides a branch, so its answer becomes a *guard*: a replay must find the
same answer, or the recorded graph is that of another branch.  ``float(v)`` and ``v.detach()`` turn
a node into a constant that a replay could not follow, and are refused.  What nothing can see is
Python code that reads ``v.data``: a branch on it is frozen as it was while recording.
"""

from __future__ import annotations

import sys

from engine import modes

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Guard:
    """A comparison made while recording: left symbol right was `answer`, at `where`."""

    __slots__ = ("answer", "left", "right", "symbol", "where")

    def __init__(self, symbol: str, left: Any, right: Any, answer: bool, where: str) -> None:
        self.symbol, self.left, self.right, self.answer, self.where = symbol, left, right, answer, where


class Recording:
    """A context: while it is open, comparisons in this thread are written down in `guards`."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []

    def __enter__(self) -> Recording:
        if modes.recorder() is not None:
            raise RuntimeError("record: a recording is under way in this thread")
        modes.record_here(self)
        return self

    def __exit__(self, *exception: object) -> None:
        modes.record_here(None)

    def compared(self, symbol: str, left: Any, right: Any, answer: Any) -> None:
        """Note a comparison; `answer` is what it gave."""
        self.guards.append(Guard(symbol, left, right, bool(answer), _line(sys._getframe(3))))

    def refuse(self, what: str) -> None:
        """Refuse what a replay cannot follow, naming the line that asked for it."""
        raise TypeError(
            f"{what} of a recorded Value at {_line(sys._getframe(3))}: the number would be frozen into "
            f"the tape as it is now; keep it a Value, or take it from tape.data(…) after the replay"
        )


def where_defined(function: Callable[..., Any]) -> str:
    """A function's name and place, for messages.

    >>> where_defined(len)
    'len'
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    code = getattr(function, "__code__", None)
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def _line(frame: Any) -> str:
    import linecache

    while frame.f_code.co_filename.startswith("engine op ") and frame.f_back is not None:
        frame = frame.f_back  # a method made from the op table: its caller
    name, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(name, number).strip()
    return f"{name}:{number}" + (f" ({text})" if text else "")
