"""What a candidate makes of a batch: its samples' gradients summed, averaged, or one sample at a time.

A batch is held against the candidate's own results for its samples, which are held against the adjoints apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

from compare.candidates.beside_ours import pairs
from compare.candidates.gradients import Gradients
from compare.candidates.reduction import Reduction
from compare.comparison.rows import Pair
from explicit.elementwise import Array

SAMPLES = 3


@dataclass(frozen=True)
class Convention:
    """One way for all layers: what is made of ∂C/∂b and of ∂C/∂w, and how that is said."""

    b: Reduction
    w: Reduction
    said: str

    @property
    def takes_batches(self) -> bool:
        """Whether it is one of code for batches; else the code takes one sample at a time."""
        return self.b.taken == "all"

    def of(self, samples: list[Gradients]) -> Gradients:
        """What it makes of the samples' δ and ∂C/∂w (or of bounds on them)."""
        return Gradients(
            [self.b.of(list(arrays)) for arrays in zip(*(g.deltas for g in samples), strict=True)],
            [self.w.of(list(arrays)) for arrays in zip(*(g.nabla_w for g in samples), strict=True)],
        )


_SUM = Convention(Reduction("all"), Reduction("all"), "summed")
_MEAN = Convention(Reduction("all", 1), Reduction("all", 1), "averaged")
_COLUMNS = "not summed: ∂C/∂b is one column per sample"
_ONE = (
    Convention(Reduction("columns"), Reduction("all"), _COLUMNS),
    Convention(Reduction("columns", 1), Reduction("all", 1), f"{_COLUMNS}, divided by their number"),
    Convention(Reduction("first"), Reduction("first"), "left out, but for the first"),
)
HALF = Convention(Reduction("first"), Reduction("all"), "summed in ∂C/∂w, and left out of ∂C/∂b, but for the first")


def allowed(reduction: str | None) -> tuple[Convention, ...]:
    """What right code may make of a batch, given what was declared ("sum", "mean" or None)."""
    return {"sum": (_SUM,), "mean": (_MEAN,), None: (_SUM, _MEAN, *_ONE)}[reduction]


def read(returned: list[list[Array]], shapes: list[tuple[int, ...]]) -> Gradients | None:
    """What came back for a batch, b in columns; None where it has the shapes of no batch.  Shapes: those of W."""
    nabla_b, nabla_w = returned
    if [w.shape for w in nabla_w] != shapes or any(b.ndim not in (1, 2) for b in nabla_b):
        return None
    columns = [b.reshape(-1, 1) if b.ndim == 1 else b for b in nabla_b]
    return Gradients(columns, nabla_w) if all(len(b) == s[0] for b, s in zip(columns, shapes, strict=True)) else None


def fitting(
    whole: Gradients,
    samples: list[Gradients],
    reductions: tuple[Convention, ...],
    fits: Callable[[Convention, Pair], bool],
) -> tuple[tuple[Convention, ...], Convention, list[Pair]]:
    """The reductions that fit; then one of them, or, where none fits, the nearest one, with its pairs."""
    all_made = [(how, how.of(samples)) for how in reductions]
    shapes = [b.shape for b in whole.deltas]
    tried = [(how, pairs(whole, made, "b")) for how, made in all_made if [b.shape for b in made.deltas] == shapes]
    if not tried:  # of the right sizes, but one column per sample in some layers, or where a sum was declared
        raise ValueError("∂C/∂b of some layers is one column per sample, and not summed")
    wrong = {how: sum(not fits(how, pair) for pair in both) for how, both in tried}
    best, both = min(tried, key=lambda one: wrong[one[0]])
    return tuple(how for how, _ in tried if not wrong[how]), best, both
