"""One candidate at one point in one arithmetic: its gradients beside the graph's."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from compare.candidates.beside_ours import Point, adjoints
from compare.candidates.candidate import Candidate, Runner
from compare.candidates.gradients import CandidateError, Gradients, Lift, NotGradients
from compare.checking.batches import Convention, read
from compare.comparison.tracing import Traced
from compare.numbers.field import NoOrder
from explicit import Network


class Unusable(Exception):
    """The arithmetic does not serve; the message says why."""


@dataclass
class Examination:
    """Asks a candidate, and the network that it should be, at points of any numbers.

    reductions:  what right code may make of a batch; () where batches are not asked
    """

    candidate: Candidate
    network: Network
    seed: int
    reductions: tuple[Convention, ...] = ()
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.runner = self.candidate.fresh()

    def random(self, *name: Any) -> random.Random:
        """A generator of its own for each use: streams must not overlap."""
        return random.Random(" ".join(map(str, ("check", self.seed, *name))))

    def ours(self, point: Point, lift: Lift) -> tuple[Gradients, Traced]:
        """The adjoints at a point, and their graph.

        Raises
        ------
        Unusable
            The network has no meaning in the arithmetic.
        """
        try:
            found, traced = adjoints(self.network, *point)
        except NoOrder as error:
            names = ", ".join(dict.fromkeys(f.name for f in self.network.activation_functions))
            raise Unusable(f"a finite field has no order, which a network of {names} needs") from error
        except (TypeError, ValueError) as error:
            raise Unusable(f"the network itself has no meaning in this arithmetic: {error}") from error
        return found.lifted(lift), traced

    def theirs(self, point: Point, lift: Lift) -> Gradients:
        """The candidate's gradients at a point of one sample.

        Raises
        ------
        Unusable
            The candidate does not run on these numbers; the message names its line.
        ArithmeticError
            What arithmetic itself raised: a division by 0, a comparison that balls do not decide.
        """
        return _asked(lambda: self.runner.on(*point).lifted(lift))

    def batch(self, point: Point, lift: Lift) -> Gradients:
        """What the candidate makes of a batch.  Errors: as `theirs`."""
        found = read(_asked(partial(self.runner.returned, *point)), [w.shape for w in self.candidate.weights])
        if found is None:
            raise Unusable("of a batch it returns other shapes than in floats")
        return _asked(partial(found.lifted, lift))


def _asked(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except NotGradients as error:
        raise Unusable(str(error)) from error
    except CandidateError as error:
        where = error.line or "the candidate"
        if error.is_of_arithmetic:
            raise error.error from error
        if error.has_no_order:
            raise Unusable(f"a finite field has no order, which the candidate needs at {where}") from error
        if error.forces_floats:
            raise Unusable(f"the candidate runs on floats only, because of {where} ({error.error})") from error
        raise Unusable(f"the candidate raised there: {error}") from error
