"""Reverse-mode automatic differentiation on a graph of scalars.

>>> from engine import Value
>>> w, x, b = Value(-3.0, label="w"), Value(2.0, label="x"), Value(6.5, label="b")
>>> a = (w * x + b).tanh()
>>> a.backward()
>>> w.grad == (1 - a.data * a.data) * x.data
True
"""

from engine.derivatives import grad, hessian, hvp, jacobian
from engine.modes import detect_nonfinite, no_grad
from engine.value import Value

__all__ = ["Tape", "Value", "detect_nonfinite", "grad", "hessian", "hvp", "jacobian", "no_grad", "record"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.replay.tape import Tape, record


def __getattr__(name: str) -> object:
    # The tape is imported when it is asked for: `import engine` stays a few milliseconds.
    if name in ("Tape", "record"):
        from engine.replay import tape

        return getattr(tape, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
