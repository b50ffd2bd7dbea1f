"""One candidate at one point in one arithmetic: its gradients beside the graph's."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from compare.candidates.beside_ours import Point, adjoints
from compare.candidates.candidate import Candidate, Runner
from compare.candidates.gradients import CandidateError, Gradients, NotGradients, lifted
from compare.comparison.rows import Row
from compare.comparison.tracing import Traced
from compare.numbers.field import NoOrder
from explicit import Network


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
    notes:           what was done so that the candidate could run
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
    notes: tuple[str, ...] = ()


class Unusable(Exception):
    """The arithmetic does not serve; the message says why."""


# -- one point -------------------------------------------------------------------------------------

@dataclass
class Trial:
    """A candidate under trial: runs it at points, and finds out what it needs for that."""

    candidate: Candidate
    network: Network
    seed: int
    notes: list[str] = field(default_factory=list)

    def random(self, *name: Any) -> random.Random:
        """A generator of its own for each use: streams must not overlap."""
        return random.Random(" ".join(map(str, ("check", self.seed, *name))))

    def ours(self, point: Point) -> tuple[Gradients, Traced]:
        """The adjoints at a point.

        Raises
        ------
        Unusable
            The network has no meaning in the arithmetic.
        """
        try:
            return adjoints(self.network, *point)
        except NoOrder as error:
            names = ", ".join(dict.fromkeys(f.name for f in self.network.activation_functions))
            raise Unusable(f"a finite field has no order, which a network of {names} needs") from error
        except (TypeError, ValueError) as error:
            raise Unusable(f"the network itself has no meaning in this arithmetic: {error}") from error

    def theirs(self, runner: Runner, point: Point, lift: Callable[[Any], Any]) -> tuple[Gradients, Runner]:
        """The candidate's gradients at a point, and the runner for the next.

        Raises
        ------
        Unusable
            The candidate does not run on these numbers; the message names its line.
        ArithmeticError
            What arithmetic itself raised: a division by 0, a comparison that balls do not decide.
        """
        try:
            found = runner.on(*point)
        except CandidateError as error:
            if self.candidate.objects or not _forces_floats(error):
                raise _unusable(error) from error
            runner, found = self._with_object_zeros(error, point)
        except NotGradients as error:
            raise Unusable(str(error)) from error
        try:
            arrays = [[lifted(a, lift) for a in group] for group in (found.deltas, found.nabla_w)]
        except NotGradients as error:
            raise Unusable(str(error)) from error
        return Gradients(*arrays), runner

    def _with_object_zeros(self, first: CandidateError, point: Point) -> tuple[Runner, Gradients]:
        self.candidate.objects = True
        runner = self.candidate.fresh()
        helped = False
        try:
            found = runner.on(*point)
            helped = True
        except CandidateError as error:
            # If it now fails elsewhere, the zeros were in the way there too, and that is not enough.
            helped = isinstance(error.error, ArithmeticError) or _no_order(error)
            raise _unusable(error) from error
        except NotGradients as error:
            raise Unusable(str(error)) from error
        finally:
            self.candidate.objects = helped
            if helped:
                self.notes.append(
                    f"{first.line}: forces floats; np.zeros and its kin made arrays of objects for the run"
                )
        return runner, found


def _no_order(error: BaseException) -> bool:
    cause: BaseException | None = error.error if isinstance(error, CandidateError) else error
    while cause is not None:
        if isinstance(cause, NoOrder):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _forces_floats(error: CandidateError) -> bool:
    return isinstance(error.error, (TypeError, ValueError)) and not _no_order(error)


def _unusable(error: CandidateError) -> BaseException:
    where = error.line or "the candidate"
    if isinstance(error.error, ArithmeticError):
        return error.error
    if _no_order(error):
        return Unusable(f"a finite field has no order, which the candidate needs at {where}")
    if _forces_floats(error):
        return Unusable(f"the candidate runs on floats only, because of {where} ({error.error})")
    return Unusable(f"the candidate raised there: {error}")
