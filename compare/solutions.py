"""A solution file diagnosed in a child process: that it raises, hangs or crashes is a finding.

The child (`compare.solution_child`) works under a time and a memory limit.  This is no sandbox against
hostile code: a solution may read, write and delete whatever its user may.
"""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from compare.userlines import _is_library
from explicit import Network

Array = npt.NDArray[Any]

START = 60.0  # seconds that Python and numpy may need before the time of the solution begins
KEPT = 20_000  # characters kept of a traceback, and of what the solution prints

_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from compare.solution_child import main; main(sys.argv[2])"
_ROOT = str(Path(__file__).resolve().parent.parent)
# Each thread of a BLAS reserves address space, of which the memory limit leaves little.
_ENVIRONMENT = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "PYTHONIOENCODING": "utf-8:backslashreplace",
}
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Request:
    """What is to be diagnosed, and the limits.

    path:         the solution file
    function:     the name in it that is checked; "" takes backprop, Network or step
    sizes, activation, cost, seed:  as for `explicit.Network`; samples: how many
    conventions:  what is declared of reduction, layout, dtype and regularisation, for `diagnose`
    timeout:      seconds, from the beginning of the file's import to the end of the diagnosis
    memory:       MiB that the solution may take, Python, numpy and this package not counted
    """

    path: str
    function: str = ""
    sizes: list[int] = field(default_factory=lambda: [3, 4, 2])
    activation: str | list[str] = "sigmoid"
    cost: str = "quadratic"
    seed: int = 0
    samples: int = 3
    conventions: dict[str, Any] = field(default_factory=dict)
    timeout: float = 20.0
    memory: int = 1024


@dataclass(frozen=True)
class Outcome:
    """What became of a solution in its child process.

    kind:       "ran"; else why it did not: "syntax" (the file is no Python), "interface" (nothing in it, or
                nothing it returned, can be compared), "exception", "exit" (it called sys.exit), "memory",
                "hang", "crash" (the process died); "internal" is an error of ours
    text:       the same in a sentence; "" where it ran
    traceback:  the frames of the user's code, innermost last; "" where there are none
    checked:    what of the file was checked: "function backprop"
    step:       whether that is a training step
    diagnosis:  right, equations (layer, equation, holds), text, html and data of the `Diagnosis`, and how far
                apart the gradients are from the right ones where no record fits; None where
                there is none.  Code that raises may have one: of layers of equal size, on which it runs
    notes:      a second name that was not checked; a limit that is not in force
    output:     what the solution printed, on stdout and on stderr
    """

    kind: str
    text: str = ""
    traceback: str = ""
    checked: str = ""
    step: bool = False
    diagnosis: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    output: str = ""

    @property
    def ran(self) -> bool:
        """Whether it ran, so that it has a diagnosis."""
        return self.kind == "ran"


def problem(request: Request) -> tuple[Network, Array, Array]:
    """Our network, with the parameters that a function is given; inputs x and targets y, samples in columns.

    Raises
    ------
    TypeError, ValueError
        As `explicit.Network`.
    """
    network = Network(request.sizes, request.activation, request.cost, request.seed)
    rng = np.random.RandomState(request.seed)
    x = rng.randn(request.sizes[0], request.samples)
    return network, x, rng.uniform(size=(request.sizes[-1], request.samples))


def diagnose_file(request: Request) -> Outcome:
    """Diagnose a solution file in a child process that is gone, with all its own, when this returns.

    Raises
    ------
    OSError
        The child cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="compare-check-", ignore_cleanup_errors=True) as folder:
        at = Path(folder)
        (at / "request.json").write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")
        code, output = _run([sys.executable, "-u", "-c", _CHILD, _ROOT, folder], request.timeout + START)
        result, trace = _read(at / "result.json"), _read(at / "trace.txt")
        started = (at / "started").exists()
    if result:
        return dataclasses.replace(Outcome(**json.loads(result)), output=output)
    if not started:
        return Outcome("internal", f"the child process ended with {_ending(code)}", output=output)
    return dataclasses.replace(_without_result(code, trace, request), output=output)


def _run(command: list[str], seconds: float) -> tuple[int | None, str]:
    """Run it in a process group of its own; its exit code (None: killed after so many seconds) and its output."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **_ENVIRONMENT},
        start_new_session=True,
    )
    assert process.stdout is not None
    kept = bytearray()
    reader = threading.Thread(target=_keep, args=(process.stdout, kept), daemon=True)
    reader.start()
    code: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(seconds)
    finally:
        _kill(process)
        process.wait()
        reader.join(1.0)  # a process that left the group may hold the pipe open: it is not waited for
    return code, cut(clean(bytes(kept).decode("utf-8", "replace")))


def _keep(stream: IO[bytes], kept: bytearray) -> None:
    with stream:
        while part := stream.read1(1 << 16):  # type: ignore[attr-defined]
            if len(kept) < 8 * KEPT:
                kept += part


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The child and whatever it started, even when the child itself is gone already."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _without_result(code: int | None, trace: str, request: Request) -> Outcome:
    own = own_frames(trace, request.path)
    if code is None or code == _minus("SIGXCPU") or trace.startswith("Timeout ("):
        where = "" if own or not trace else "; it was the diagnosis that was at work, not the solution: give it longer"
        return Outcome("hang", f"not done after {request.timeout:g} s, and ended{where}", own)
    how = f"the process died with {_ending(code)} and without a result"
    if not own and code > 0:
        how += ": something in it ends the process, as os._exit does"
    return Outcome("crash", how, own)


def _minus(name: str) -> int | None:
    return -getattr(signal, name) if hasattr(signal, name) else None


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return "no exit code" if code is None else f"exit code {code}"


# -- the frames of the user's code -------------------------------------------------------------------


def own_frames(trace: str, path: str) -> str:
    """What faulthandler wrote, as a traceback of the user's code in Python's usual form; "" if none is there.

    Of several threads the first is taken that was in the user's code.
    """
    name = os.path.abspath(path)
    escaped = name.encode("ascii", "backslashreplace").decode("ascii")  # as faulthandler writes it
    for thread in trace.split("(most recent call first):")[1:]:
        frames = [
            traceback.FrameSummary(name if file == escaped else file, int(number), function)
            for file, number, function in _FRAME.findall(thread)
        ]
        if own := [f for f in frames[::-1] if is_own(f.filename, name)]:
            lines = traceback.StackSummary.from_list(own).format()
            return shown("Traceback (most recent call last):\n" + "".join(lines), path)
    return ""


def traceback_of(error: BaseException, path: str) -> str:
    """The traceback of an error, and of those that led to it, with the frames of the user's code alone."""
    name = os.path.abspath(path)
    whole = traceback.TracebackException.from_exception(error, compact=True)
    todo: list[traceback.TracebackException | None] = [whole]
    while todo:
        if (part := todo.pop()) is not None:
            part.stack = traceback.StackSummary.from_list([f for f in part.stack if is_own(f.filename, name)])
            todo += [part.__cause__, part.__context__, *(part.exceptions or ())]
    return shown("".join(whole.format()), path)


def is_own(file: str, path: str) -> bool:
    """Whether a frame is one of the user's code: the solution's, or neither ours nor numpy's nor Python's."""
    return file == path or not (file == "<string>" or _is_library(file))


def shown(text: str, path: str) -> str:
    """A traceback for reading: the solution under the name that was given, no control characters, not endless."""
    return cut(clean(text.replace(f'File "{os.path.abspath(path)}"', f'File "{path}"'))).rstrip("\n")


def clean(text: str) -> str:
    """Text without characters that would command a terminal."""
    return _CONTROL.sub("�", text.replace("\r\n", "\n"))


def cut(text: str) -> str:
    """Text of bearable length: of a longer one, the beginning and the end."""
    if len(text) <= KEPT:
        return text
    half = KEPT // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"
