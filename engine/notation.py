"""Names of nodes as the textbook writes them: z²₁, w²₁₁, δ³₁₀."""

from __future__ import annotations

_UP = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_DOWN = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def symbol(letter: str, layer: int | None, *indices: int) -> str:
    """The letter with the layer raised and the indices (counted from 1) lowered.

    Several indices are parted by a comma where one of them has two digits.

    >>> symbol("z", 2, 1), symbol("w", 2, 1, 3), symbol("w", 3, 10, 3), symbol("y", None, 1)
    ('z²₁', 'w²₁₃', 'w³₁₀,₃', 'y₁')
    """
    comma = "," if len(indices) > 1 and max(indices) > 9 else ""
    raised = "" if layer is None else str(layer).translate(_UP)
    return letter + raised + comma.join(str(i).translate(_DOWN) for i in indices)
