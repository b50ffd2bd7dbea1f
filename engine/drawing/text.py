"""Numbers, labels and colours as the reader sees them."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Iterable
from typing import Any

from engine.scalars import is_lanes

LONGEST = 40  # columns of a label; the title of its shape has it in full
# Latin, Greek and Cyrillic letters, punctuation, digits raised and lowered, arrows, signs.
_NARROW = re.compile("[ -\u02ff\u0370-\u0482\u2010-\u2e7f]*").fullmatch
_MINUS, _PLUS = (0x86, 0xBF, 0xEE), (0xF4, 0xA5, 0x5A)


def number(x: Any, digits: int = 5) -> str:
    """x with its sign and so many significant digits; exact numbers in full where they are short.

    >>> number(2.0), number(-0.6485456), number(1e-10, 3), number(-0.0, 2), number(7)
    ('+2.0000', '-0.64855', '+1.00e-10', '-0.0', '+7')
    """
    if x.__class__ is float:
        if x != x:
            return "nan"
        text = f"{x:+#.{digits}g}".replace(".e", "e")
        return text[:-1] if text[-1] == "." else text
    if is_lanes(x):
        shown = ", ".join(number(lane, digits) for lane in x[:2].tolist())
        return f"[{shown}]" if len(x) <= 2 else f"[{shown}, … {len(x)} lanes]"
    try:
        text = str(x)
    except ValueError:  # an int longer than Python's limit for decimal text
        text = f"≈ 2^{x.bit_length()}"
    if len(text) > max(14, digits + 8):
        near = nearest(x)
        return clipped(text, 24) if near is None else f"≈{number(near, digits)}"
    signed = text[0].isdigit() and nearest(x) is not None
    return clean(f"+{text}" if signed else text)


def nearest(x: Any) -> float | None:
    """x as a float if it is a number on the real line, else None (lanes, symbols, finite fields)."""
    if isinstance(x, (float, int)):
        convert: Any = float
    else:
        convert = getattr(x.__class__, "to_float", None)
    try:
        return None if convert is None else float(convert(x))
    except (TypeError, ValueError, OverflowError):
        return None


def exact(x: Any) -> str:
    """x in full, for titles; very long numbers are cut."""
    try:
        return clipped(str(x), 80)
    except ValueError:
        return number(x)


def scale(numbers: Iterable[Any]) -> float:
    """The magnitude from which on a gradient has full colour: the median of those that are not 0."""
    sizes = (nearest(x) for x in numbers)
    finite = [abs(size) for size in sizes if size is not None and 0 < abs(size) < float("inf")]
    return statistics.median(finite) if finite else 1.0


def shade(x: Any, full: float) -> str:
    """The colour of a gradient: blue (−) through white to orange (+).

    >>> shade(-3.0, 2.0), shade(0.0, 2.0), shade(1.0, 2.0)
    ('#86bfee', '#ffffff', '#fad2ac')
    """
    near = nearest(x)
    if near is None or near != near or near == 0:
        return "#ffffff"
    t = min(1.0, abs(near) / full)
    red, green, blue = (round(255 + (c - 255) * t) for c in (_PLUS if near > 0 else _MINUS))
    return f"#{red:02x}{green:02x}{blue:02x}"


def clean(text: str) -> str:
    """Text that a picture can show: line breaks become ↵, what XML cannot hold becomes �.

    >>> clean("a\\nb\\x00")
    'a↵b�'
    """
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\n", "↵").replace("\t", " ")
    return "".join(c if c.isprintable() or unicodedata.category(c) in ("Zs", "Cf", "Co") else "�" for c in text)


def clipped(text: str, longest: int = LONGEST) -> str:
    """`clean` text of at most so many characters, … where some were cut.

    >>> clipped("abcdef", 4)
    'abc…'
    """
    text = clean(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def columns(text: str) -> int:
    """How many columns of a monospaced font the text takes.

    >>> columns("z²₁"), columns("漢"), columns("e\u0301")
    (3, 2, 1)
    """
    if _NARROW(text):
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
