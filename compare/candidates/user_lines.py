"""The line of the user's code at which something happened."""

import os
import sysconfig
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_ROOT = Path(__file__).resolve().parents[2]
_OURS = tuple(str(_ROOT / room) + os.sep for room in ("compare", "engine", "explicit"))
_NUMPY = str(Path(np.__file__).resolve().parent) + os.sep
_PYTHON = str(Path(sysconfig.get_path("stdlib")).resolve()) + os.sep


@dataclass(frozen=True)
class Line:
    """A line of code: its file, its number from 1 on, the function that it is in, and its text."""

    file: str
    number: int
    function: str
    text: str

    def __str__(self) -> str:
        where = f"{Path(self.file).name}:{self.number}"
        return f"{where}, `{self.text}`" if self.text else f"{where}, in {self.function}"


def line_of(error: BaseException) -> Line | None:
    """The innermost line of an error's traceback that is neither ours nor numpy's nor Python's.

    None where there is none: the error was raised before the user's code began.
    """
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not is_library(f.filename)]
    if not theirs:
        return None
    frame = theirs[-1]
    return Line(frame.filename, frame.lineno or 0, frame.name, frame.line or "")


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and what led to it: numpy puts errors of its own on top of others."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def is_library(filename: str) -> bool:
    """Whether a file is ours, numpy's (its compiled parts too) or Python's, and not the user's."""
    if filename.startswith(("<frozen", "<__array_function__")) or filename.endswith((".pyx", ".pxd", ".pxi")):
        return True
    path = os.path.realpath(filename)
    if path.startswith((*_OURS, _NUMPY)):
        return True
    return path.startswith(_PYTHON) and "site-packages" not in path
