"""A student's traceback: the frames of the solution alone, cleaned and cut."""

import os
import re
import traceback

from compare.candidates.user_lines import is_library

KEPT = 20_000  # characters kept of a traceback, and of what the solution prints
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


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
    return file == path or not (file == "<string>" or is_library(file))


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
