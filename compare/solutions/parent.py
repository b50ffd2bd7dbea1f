"""A solution file diagnosed in a child process: that it raises, hangs or crashes is a finding.

The child (`compare.solutions.child`) works under a time and a memory limit.  This is no sandbox against
hostile code: a solution may read, write and delete whatever its user may.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from compare.solutions.request import Outcome, Request
from compare.solutions.tracebacks import KEPT, clean, cut, own_frames

START = 60.0  # seconds that Python and numpy may need before the time of the solution begins
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from compare.solutions.child import main; main(sys.argv[2])"
_ROOT = str(Path(__file__).resolve().parents[2])
# Each thread of a BLAS reserves address space, of which the memory limit leaves little.
_ENVIRONMENT = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "PYTHONIOENCODING": "utf-8:backslashreplace",
}


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
