"""What a solution file defines, and what its errors say: the part of `compare.solutions.child` about the file."""

import copy
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from compare.candidates.conventions import is_step
from compare.candidates.gradients import CandidateError, NotGradients
from compare.solutions.request import Outcome
from compare.solutions.tracebacks import is_own, traceback_of

EXPECTED = {
    "backprop": "a function backprop(weights, biases, x, y)",
    "Network": "a class Network(sizes) with backprop(x, y)",
    "step": "a training step step(weights, biases, x, y, eta)",
}
_CALLS = {4: "(weights, biases, x, y)", 5: "(weights, biases, x, y, eta)"}


class Undiagnosable(Exception):
    """Why there is nothing to diagnose, as an `Outcome`."""

    def __init__(self, kind: str, text: str, traceback: str = "") -> None:
        super().__init__(text)
        self.outcome = Outcome(kind, text, traceback)


def load(given: str) -> ModuleType:
    """The file as a module, its folder the first to import from, as if Python had been started with it.

    Raises
    ------
    Undiagnosable
        It is no Python.
    BaseException
        Whatever the file raises.
    """
    path = os.path.abspath(given)
    module = ModuleType("__solution__")
    module.__file__ = path
    sys.modules[module.__name__] = module
    sys.path.insert(0, os.path.dirname(path))
    sys.dont_write_bytecode = True
    try:
        code = compile(Path(path).read_bytes(), path, "exec")
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        raise Undiagnosable("syntax", f"the file is no Python: {words(error)}", traceback_of(error, given)) from error
    exec(code, vars(module))
    return module


def chosen(module: ModuleType, name: str) -> tuple[str, list[str]]:
    """The name that is checked, and remarks on others that could have been.

    Raises
    ------
    Undiagnosable
        There is none.
    """
    if name:
        if hasattr(module, name):
            return name, []
        raise Undiagnosable("interface", f"there is no `{name}` in the file, which defines {_defined(module)}")
    fitting = [known for known in EXPECTED if _fits(known, getattr(module, known, None))]
    if not fitting:
        raise Undiagnosable(
            "interface",
            f"expected {_expected()}; the file defines {_defined(module)} (--function NAME takes another name)",
        )
    first, *others = fitting
    return first, [f"{first} was checked; the file has {name} too: --function {name}" for name in others]


def maker(thing: Any, name: str, sizes: list[int]) -> tuple[Callable[[], Any], str]:
    """What makes a fresh candidate for `diagnose`, and what it is called in the report.

    Raises
    ------
    Undiagnosable
        The thing has none of the interfaces.
    """
    if inspect.isclass(thing) and hasattr(thing, "backprop"):
        network: Callable[[list[int]], Any] = thing
        return lambda: network(list(sizes)), f"class {name}"
    if hasattr(thing, "backprop"):
        return lambda: copy.deepcopy(thing), f"object {name}"
    if inspect.isclass(thing) or not callable(thing):
        what = "class without backprop" if inspect.isclass(thing) else type(thing).__name__
        raise Undiagnosable("interface", f"`{name}` is a {what}: expected {_expected()}")
    count = 5 if is_step(thing) else 4
    if not _takes(thing, count):
        raise Undiagnosable("interface", f"{name}{inspect.signature(thing)} cannot be called as {name}{_CALLS[count]}")
    return lambda: thing, f"function {name}"


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # one of C's, without a signature
        return count == 4
    return True


def _fits(name: str, thing: Any) -> bool:
    return hasattr(thing, "backprop") if name == "Network" else callable(thing)


def _expected() -> str:
    *first, last = EXPECTED.values()
    return f"{', '.join(first)}, or {last}"


def _defined(module: ModuleType) -> str:
    own = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__]
    return ", ".join(own) or "no function and no class"


# -- errors ------------------------------------------------------------------------------------------

def outcome_of(error: BaseException, given: str) -> Outcome:
    """An error, of the file's code or of what was made of its results, as a finding.

    A TypeError or ValueError outside the file's code says that the file's results cannot be compared; any
    other error outside is one of ours ("internal", with all its frames).
    """
    if isinstance(error, CandidateError):
        error = error.error
    own = traceback_of(error, given) if is_theirs(error, given) else ""  # no room for frames: memory is full
    if isinstance(error, MemoryError):
        return Outcome("memory", f"it needs more memory than it may have ({words(error)})", own)
    if isinstance(error, SystemExit):
        return Outcome("exit", f"it ends the process: sys.exit({error.code!r})", own)
    if is_theirs(error, given):
        return Outcome("exception", words(error), own)
    if isinstance(error, (TypeError, ValueError, NotGradients)):
        return Outcome("interface", str(error))
    return Outcome("internal", words(error), "".join(traceback.format_exception(error)))


def is_theirs(error: BaseException, given: str) -> bool:
    """Whether an error passed through the user's code."""
    path = os.path.abspath(given)
    return any(is_own(frame.filename, path) for frame in traceback.extract_tb(error.__traceback__))


def words(error: BaseException) -> str:
    """An error in a line, as Python ends a traceback: "ValueError: …"."""
    said = traceback.TracebackException.from_exception(error).format_exception_only()
    return "".join(said).strip().splitlines()[-1]
