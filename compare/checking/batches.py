"""What a candidate makes of a batch: its samples' gradients summed, averaged, or one sample at a time.

A batch is held against the candidate's own results for its samples, which are held against the adjoints apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.candidates.gradients import Gradients
from compare.comparison.rows import Pair
from explicit import bp3, bp4
from explicit.elementwise import Array

SAMPLES = 3


@dataclass(frozen=True)
class Reduction:
    """One way for all layers: ∂C/∂b is the sum, one column per sample, or the first; ∂C/∂w the sum, or the first."""

    b: str
    w: str
    is_mean: bool
    said: str

    @property
    def takes_batches(self) -> bool:
        """Whether it is one of code for batches; else the code takes one sample at a time."""
        return self.b == "sum"

    def of(self, samples: list[Gradients]) -> Gradients:
        """What it makes of the samples' δ and ∂C/∂w (or of bounds on them)."""
        def made(how: str, arrays: list[Array]) -> Array:
            taken = {"sum": lambda: sum(arrays[1:], arrays[0]), "columns": lambda: np.hstack(arrays)}
            whole = taken[how]() if how in taken else arrays[0]
            return whole / len(samples) if self.is_mean else whole

        layers = range(len(samples[0].deltas))
        return Gradients(
            [made(self.b, [g.deltas[i] for g in samples]) for i in layers],
            [made(self.w, [g.nabla_w[i] for g in samples]) for i in layers],
        )


_SUM = Reduction("sum", "sum", False, "summed")
_MEAN = Reduction("sum", "sum", True, "averaged")
_ONE = (
    Reduction("columns", "sum", False, "not summed: ∂C/∂b is one column per sample"),
    Reduction("columns", "sum", True, "not summed: ∂C/∂b is one column per sample, divided by their number"),
    Reduction("first", "first", False, "left out, but for the first"),
    Reduction("first", "sum", False, "left out of ∂C/∂b, but for the first"),
)


def allowed(reduction: str | None) -> tuple[Reduction, ...]:
    """What right code may make of a batch, given what was declared ("sum", "mean" or None)."""
    return {"sum": (_SUM,), "mean": (_MEAN,), None: (_SUM, _MEAN, *_ONE)}[reduction]


def read(returned: list[list[Array]], shapes: list[tuple[int, ...]]) -> Gradients | None:
    """What came back for a batch, b in columns; None where it has the shapes of no batch.  Shapes: those of W."""
    nabla_b, nabla_w = returned
    if [w.shape for w in nabla_w] != shapes or any(b.ndim not in (1, 2) for b in nabla_b):
        return None
    columns = [b.reshape(-1, 1) if b.ndim == 1 else b for b in nabla_b]
    return Gradients(columns, nabla_w) if all(len(b) == s[0] for b, s in zip(columns, shapes, strict=True)) else None


def pairs_of(whole: Gradients, expected: Gradients) -> list[Pair] | None:
    """∂C/∂b and ∂C/∂w of a batch beside what is expected, walking backward; None where shapes are others."""
    found = []
    for i in reversed(range(len(whole.deltas))):
        if whole.deltas[i].shape != expected.deltas[i].shape:
            return None
        found.append(Pair("b", i + 2, bp3.tag, whole.deltas[i], expected.deltas[i]))
        found.append(Pair("w", i + 2, bp4.tag, whole.nabla_w[i], expected.nabla_w[i]))
    return found


def fitting(
    whole: Gradients,
    samples: list[Gradients],
    reductions: tuple[Reduction, ...],
    fits: Callable[[Reduction, Pair], bool],
) -> tuple[tuple[Reduction, ...], Reduction, list[Pair]]:
    """The reductions that fit; then one of them, or, where none fits, the nearest one, with its pairs."""
    tried = [(how, pairs) for how in reductions if (pairs := pairs_of(whole, how.of(samples))) is not None]
    if not tried:  # of the right sizes, but one column per sample in some layers, or where a sum was declared
        raise ValueError("∂C/∂b of some layers is one column per sample, and not summed")
    wrong = {how: sum(not fits(how, pair) for pair in pairs) for how, pairs in tried}
    best, pairs = min(tried, key=lambda one: wrong[one[0]])
    return tuple(how for how, _ in tried if not wrong[how]), best, pairs
