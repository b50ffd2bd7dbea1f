"""What `check` finds out: the verdict of exact arithmetic, and that of floats."""

from dataclasses import dataclass
from fractions import Fraction

from compare.checking.batches import Convention
from compare.comparison.rows import Row


@dataclass(frozen=True, eq=False)
class Verdict:
    """What exact arithmetic says.

    proved:          True: an identity, up to `probability`.  False: wrong, confirmed.  None: not proved
    reason:          why, in words
    arithmetic:      in which it was decided
    probability:     that a false identity passed all trials; None unless proved
    trials, degree, arguments:  of the proof
    differs:         where refuted: δ⁵, ∂C/∂w⁵, …, whatever is not equal, walking backward from the cost
    counterexample:  where wrong: the first `Row` that differs
    of_batch:        whether what is refuted is a batch, and not one sample
    reductions:      of a proof: what it makes of a batch; () if the proof is about one sample at a time
    """

    proved: bool | None
    reason: str
    arithmetic: str
    probability: Fraction | None = None
    trials: int = 0
    degree: int = 0
    arguments: int = 0
    differs: tuple[str, ...] = ()
    counterexample: Row | None = None
    of_batch: bool = False
    reductions: tuple[Convention, ...] = ()


@dataclass(frozen=True, eq=False)
class FloatVerdict:
    """What floats say, at the given samples, at random ones, and of a batch of these.

    holds:           True: no number is further from the adjoint than rounding explains.  False: one is.  None: it
                     could not be judged
    reason:          why, in words
    share:           the largest difference, as a share of what rounding explains
    counterexample:  where it does not hold: the first `Row` that is too far, walking backward from the cost
    reductions:      what it may make of a batch; () if it takes one sample at a time; None if it was not found out
    batch:           the same in words
    """

    holds: bool | None
    reason: str
    share: float = 0.0
    counterexample: Row | None = None
    reductions: tuple[Convention, ...] | None = None
    batch: str = ""
