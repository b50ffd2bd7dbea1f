"""np.zeros and its kin, for a while and for somebody's code alone, as arrays of objects.

``nabla = np.zeros(shape); nabla += …`` is the commonest way in which a student's code forces floats: the
array is one of floats, and nothing else fits in.  Made of objects, holding the ints 0 and 1, it takes any
number, and the code computes the same.

numpy itself is left alone.  Its C code looks np.empty up in its own module and writes doubles into what it gets
(np.random does), so nothing may be changed there.  What is changed is what the user's code calls `np`: in the
globals and closures of the functions that it can reach, that name stands for a module that answers for numpy.
"""

import builtins
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from compare.candidates.user_lines import is_library

_START: dict[str, int | None] = {
    "zeros": 0,
    "empty": 0,
    "ones": 1,
    "full": None,
    "zeros_like": 0,
    "empty_like": 0,
    "ones_like": 1,
    "full_like": None,
}
_LOCK = threading.RLock()


class ObjectZeros:
    """The names for numpy that a candidate's code uses; `made` puts objects behind them for a while."""

    def __init__(self, candidate: Any) -> None:
        self._globals, self._cells = _names_of(candidate)

    @contextmanager
    def made(self) -> Iterator[None]:
        """Within it, this thread's np.zeros, ones, empty, full and their `_like` make objects for floats.

        So they do under other names (``from numpy import zeros``) and where a function imports numpy itself.
        Other threads get numpy's own; one thread at a time is inside.
        """
        with _LOCK:
            numpy = _Numpy()
            instead = {id(np): numpy, **{id(getattr(np, name)): getattr(numpy, name) for name in _START}}
            names = [(space, name, v) for space in self._globals for name, v in space.items() if id(v) in instead]
            cells = [(cell, v) for cell in self._cells if id(v := _content(cell)) in instead]
            imported = builtins.__import__
            try:
                for space, name, value in names:
                    space[name] = instead[id(value)]
                for cell, value in cells:
                    cell.cell_contents = instead[id(value)]
                builtins.__import__ = partial(_import, imported, numpy, {id(space) for space in self._globals})
                yield
            finally:
                numpy.is_on = False
                builtins.__import__ = imported
                for space, name, value in names:
                    space[name] = value
                for cell, value in cells:
                    cell.cell_contents = value


class _Numpy(ModuleType):
    """Answers for numpy; in the thread that made it, and while it is on, zeros are objects."""

    def __init__(self) -> None:
        super().__init__("numpy", np.__doc__)
        self.is_on, self._thread = True, threading.get_ident()
        for name, start in _START.items():
            setattr(self, name, partial(self._make, getattr(np, name), start))

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def _make(self, original: Callable[..., Any], start: int | None, *arguments: Any, **options: Any) -> Any:
        made = original(*arguments, **options)
        if not self.is_on or threading.get_ident() != self._thread or made.dtype.kind != "f":
            return made
        objects = made.astype(object)
        if start is not None:
            objects.fill(start)
        return objects


def _import(imported: Callable[..., Any], numpy: ModuleType, spaces: set[int], *arguments: Any, **options: Any) -> Any:
    """`__import__`, which gives a function of the candidate's ours for numpy.  What C code imports is numpy's own."""
    found = imported(*arguments, **options)
    frame = sys._getframe(1)
    return numpy if found is np and id(frame.f_globals) in spaces and frame.f_code.co_name != "<module>" else found


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _names_of(candidate: Any) -> tuple[list[dict[str, Any]], list[CellType]]:
    """The globals and closures of every function of the user's that a candidate can reach."""
    spaces: dict[int, dict[str, Any]] = {}
    cells: list[CellType] = []
    waiting, seen = [candidate], dict[int, Any]()  # the things themselves too, so that no id is used again
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (int, float, complex, str, bytes, np.ndarray, np.generic)):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, FunctionType):
            closed = thing.__closure__ or ()
            waiting += [*(_content(cell) for cell in closed), *(thing.__defaults__ or ()), vars(thing)]
            if _is_theirs(thing.__code__.co_filename):
                cells += closed
                spaces[id(thing.__globals__)] = thing.__globals__
                waiting.append(thing.__globals__)
        elif isinstance(thing, (list, tuple, set)):
            waiting += thing
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, MethodType):
            waiting += (thing.__func__, thing.__self__)
        elif isinstance(thing, (staticmethod, classmethod)):
            waiting.append(thing.__func__)
        elif isinstance(thing, property):
            waiting += (thing.fget, thing.fset)
        elif isinstance(thing, partial):
            waiting += (thing.func, *thing.args, *thing.keywords.values())
        elif isinstance(thing, ModuleType):
            if _is_theirs(getattr(thing, "__file__", None) or "<frozen"):
                waiting += vars(thing).values()
        elif isinstance(thing, type):
            if _is_theirs(_file_of(thing)):
                waiting += [*vars(thing).values(), *thing.__bases__]
        elif callable(thing) or _is_theirs(_file_of(type(thing))):
            waiting += (type(thing), getattr(thing, "__dict__", None))
    return list(spaces.values()), cells


def _file_of(kind: type) -> str:
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or ""


def _is_theirs(filename: str) -> bool:
    return not is_library(filename) and "site-packages" not in filename and "dist-packages" not in filename
