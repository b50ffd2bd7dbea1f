"""Modes of the graph: `no_grad` (record nothing) and `detect_nonfinite` (stop at the first NaN).

Both hold for the thread that entered them.  `active` is empty while no thread is in a mode: that
is all an op has to look at.
"""

from __future__ import annotations

from _thread import _local as thread_local  # threading itself imports four modules more

from engine.scalars import finite

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from typing import Any

active: list[str] = []
_here = thread_local()


def inside(mode: str) -> bool:
    """Whether this thread is in the mode, "no_grad" or "detect_nonfinite".

    >>> with no_grad():
    ...     inside("no_grad")
    True
    >>> inside("no_grad")
    False
    """
    return bool(active) and getattr(_here, mode, 0) > 0


class Mode:
    """A context that puts its thread into a mode; contexts nest."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        setattr(_here, self.name, getattr(_here, self.name, 0) + 1)
        active.append(self.name)

    def __exit__(self, *exception: object) -> None:
        active.remove(self.name)
        setattr(_here, self.name, getattr(_here, self.name) - 1)


def no_grad() -> Mode:
    """A context in which results have no parents: cheaper in memory, and cut from the graph.

    >>> from engine import Value, no_grad
    >>> with no_grad():
    ...     y = Value(2.0) * 3
    >>> y.parents
    ()
    """
    return Mode("no_grad")


def detect_nonfinite() -> Mode:
    """A context that raises at the first node whose data or adjoint is an infinity or a NaN.

    Raises
    ------
    FloatingPointError
        Names the node by its label and op; the traceback shows the line that made it.

    >>> from engine import Value, detect_nonfinite
    >>> with detect_nonfinite():
    ...     Value(1e200, label="a") * Value(1e200, label="b")
    Traceback (most recent call last):
    ...
    FloatingPointError: data is inf at op × of (a = 1e+200, b = 1e+200)
    """
    return Mode("detect_nonfinite")


# The recordings under way (`engine.replay.recording`), of any thread: empty is all that a comparison looks at.
watched: list[Any] = []


def recorder() -> Any:
    """The recording under way in this thread, or None."""
    return getattr(_here, "recorder", None) if watched else None


def record_here(recording: Any) -> None:
    """Let a recording watch this thread; None ends it."""
    if recording is None:
        watched.remove(_here.recorder)
    else:
        watched.append(recording)
    _here.recorder = recording


def compared(symbol: str, left: Any, right: Any, answer: Any) -> None:
    """Tell this thread's recording of a comparison of Values."""
    recording = recorder()
    if recording is not None:
        recording.compared(symbol, left, right, answer)


def left_graph(how: str) -> None:
    """Tell this thread's recording that a number leaves the graph (it refuses)."""
    recording = recorder()
    if recording is not None:
        recording.refuse(how)


def settle(node: Any) -> None:
    """Apply the modes of this thread to a node that was just made."""
    if inside("detect_nonfinite") and not finite(node.data):
        raise FloatingPointError(f"data is {node.data} at {describe(node)}")
    if inside("no_grad"):
        left_graph("no_grad(): the result")
        node._row = node._x = node._y = node._dx = node._dy = None


def check_adjoints(visited: Any) -> None:
    """Raise at the first node, in visiting order, whose adjoint is not finite."""
    for node in visited:
        if not finite(node._adj):
            raise FloatingPointError(f"the adjoint is {node._adj} at {describe(node)}")


def describe(node: Any) -> str:
    """A node in words: its label or its op, and its parents with their data."""
    name = f"{node.label!r}" if node.label else ""
    if node._row is None:
        return f"leaf {name or repr(node)}"
    parents = ", ".join(f"{p.label + ' = ' if p.label else ''}{p.data}" for p in node.parents)
    return f"{name + ', ' if name else ''}op {node._row.symbol} of ({parents})"
