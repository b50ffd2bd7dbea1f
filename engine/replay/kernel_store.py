"""Compiled kernels, kept on disk: made once for a set of ops, checked before use, discarded when broken.

Before numba's elementary functions are used they are compared with Python's, bit by bit; a machine on which they
differ replays in plain Python.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import pickletools
import random
import struct
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from engine.files import write_whole
from engine.replay import numba_kernels
from engine.replay.program import Program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

FOLDER = "DELTA_ADJOINT_CACHE"  # environment: where compiled kernels are kept

_loaded: list[tuple[dict[str, int], Any]] = []  # row text → kind, module
_refused: dict[str, Exception] = {}


def why_not(program: Program) -> Exception | None:
    """Why the program cannot be replayed by numba; None where it can (its kernels are loaded then)."""
    try:
        import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401
    except ImportError as error:
        return ModuleNotFoundError(f"compiled replay needs numba (pip install 'delta-adjoint[fast]'): {error}")
    if len(program.code) >= 2**31 or program.slots >= 2**31:
        return ValueError("more instructions than the compiled kernels can count")
    try:
        kernels(program.graph.ops)
    except (TypeError, ValueError) as error:
        return error
    return None


def kernels(rows: Sequence[Any]) -> tuple[Any, list[int]]:
    """(module with forward and backward, the kind under which it knows each row)."""
    texts = [numba_kernels.row_key(op) for op in rows]
    for known, module in _loaded:
        if all(text in known for text in texts):
            return module, [known[text] for text in texts]
    key = "\n".join(sorted(texts))
    if key in _refused:
        raise _refused[key]
    chosen = sorted(rows, key=numba_kernels.row_key)
    try:
        module = _load(numba_kernels.numba_source(chosen), len(chosen))
        check_functions(module)
    except Exception as error:  # numba's own errors are many: a row that it cannot compile is refused
        what = f"numba cannot replay {', '.join(op.name for op in rows)}: {type(error).__name__}: {error}"
        _refused[key] = ValueError(what[:500])
        raise _refused[key] from error
    known = {numba_kernels.row_key(op): i for i, op in enumerate(chosen)}
    _loaded.append((known, module))
    return module, [known[text] for text in texts]


def _load(source: str, ops: int) -> Any:
    import numba

    about = f"{source}\n{numba.__version__} {np.__version__} {sys.version}"
    name = f"replay_{hashlib.sha256(about.encode()).hexdigest()[:24]}"
    path = _folder() / f"{name}.py"
    if not (path.is_file() and path.read_bytes() == source.encode()):  # absent, or broken
        print(f"compiling replay kernels for {ops} operations (some seconds, once)", file=sys.stderr, flush=True)
        write_whole(path, source)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: not importable")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where compiled code that was kept looks for its module
    spec.loader.exec_module(module)
    _discard_broken(Path(module.replay.stats.cache_path), name)
    return module


def _discard_broken(folder: Path, module: str) -> None:
    """Remove what numba keeps of a module if a file of it is not whole: it is then compiled anew.

    An index (nbi) is two pickles, an entry (nbc) one; numba itself raises where one of them is cut off.
    """
    kept = [*folder.glob(f"{module}.*.nbi"), *folder.glob(f"{module}.*.nbc")]
    for path in kept:
        try:
            with path.open("rb") as file:
                for _ in range(2 if path.suffix == ".nbi" else 1):
                    deque(pickletools.genops(file), maxlen=0)
        except FileNotFoundError:
            continue  # another process removed it
        except Exception as error:  # what the bytes of a broken file raise is anything
            print(f"compiling replay kernels anew: {path.name} is broken ({error})", file=sys.stderr, flush=True)
            for each in kept:
                each.unlink(missing_ok=True)
            return


def _folder() -> Path:
    """Where kernels are kept: this user's cache, or a folder for this process where that is not writable."""
    try:
        folder = Path(os.environ.get(FOLDER) or platformdirs.user_cache_dir("delta-adjoint", appauthor=False))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        global _own
        if _own is None:
            _own = tempfile.TemporaryDirectory(prefix="delta-adjoint-")
        return Path(_own.name)


_own: Any = None


def points(count: int = 1024) -> list[float]:
    """Numbers of all sizes, the same each time: signs, tiny, ordinary, large, ±0, ±inf, NaN."""
    draw = random.Random(0)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan, 5e-324, 1e308]
    scales = (1e-300, 1e-12, 1e-3, 1.0, 4.0, 30.0, 700.0, 1e6, 1e300)
    return special + [draw.uniform(-1, 1) * scales[i % len(scales)] for i in range(count)]


def check_functions(module: Any) -> None:
    """Compare the module's elementary functions with Python's, bit by bit.

    Raises
    ------
    ValueError
        One differs; the message says where.
    """
    some = points()
    for name, compiled in module.UNARY.items():
        original = numba_kernels.python_function(name)
        for x in some:
            _same(name, compiled, original, x)
    for name, compiled in module.BINARY.items():
        original = numba_kernels.python_function(name)
        for x, y in zip(some, some[::-1], strict=True):
            _same(name, compiled, original, x, y)
            _same(name, compiled, original, abs(x), math.fmod(y, 9.0) if math.isfinite(y) else y)


def _same(name: str, compiled: Any, original: Any, *x: float) -> None:
    found, expected = _result(compiled, x), _result(original, x)
    if found != expected:
        raise ValueError(f"{name}{x} is {found} in numba and {expected} in Python")


def _result(function: Any, x: tuple[float, ...]) -> Any:
    try:
        y = function(*x)
    except (ArithmeticError, ValueError):
        return "an error"
    return "nan" if y != y else struct.pack("<d", y)
