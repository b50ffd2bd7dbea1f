"""Tell ``float(v)``, which says what it does, from ``math.exp(v)``, which cuts the graph unseen.

Python asks ``v.__float__()`` in both cases.  The difference is in the caller's code: there, the
call's own position (PEP 657) begins with the name ``float``, or it does not.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing itself takes a fifth of the time that `import engine` may take
if TYPE_CHECKING:
    from typing import Any

MESSAGE = (
    "something asked for a plain float of a Value (as math.exp(v) and np.array([v], float) do), "
    "which would cut the graph silently; use v.exp() or np.exp(v) for functions, dtype=object for "
    "arrays, and v.data, float(v) or v.detach() to leave the graph on purpose"
)


def float_is_called() -> bool:
    """Whether the frame that made Python call our caller, `__float__`, did so by ``float(…)``."""
    frame = sys._getframe(2)
    key = (frame.f_code, frame.f_lasti)
    if key not in _known:
        _known[key] = _calls_float(*key)
    return _known[key]


_known: dict[Any, bool] = {}  # a call in a loop is read once


def _calls_float(code: Any, at: int) -> bool:
    import dis

    instructions = list(dis.get_instructions(code))
    call = next((i.positions for i in instructions if i.offset == at), None)
    if call is None or call.lineno is None:
        return False  # no positions (python -X no_debug_ranges): refuse rather than guess
    start = (call.lineno, call.col_offset)
    return any(
        i.argval == "float" and i.opname in ("LOAD_GLOBAL", "LOAD_NAME") and i.positions is not None
        and (i.positions.lineno, i.positions.col_offset) == start
        for i in instructions
    )  # fmt: skip
