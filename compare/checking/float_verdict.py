"""Are somebody's floats as near to the adjoints as rounding lets them be?

Rounding is bounded a priori (`compare.rounding.bounds`), for any order of the sums, and, since σ can be written in
many ways, with an absolute error of 16u more in each σ and σ′: 1 − 1/(1 + eᶻ) is right, and small σ lose digits in it.
Both sides may be off by that bound.  What is further apart is no rounding, whatever exact arithmetic says of the
formulas: (g + 10²⁰) − 10²⁰ is g, and 0 in floats.

It is asked at the given samples, at three random ones, and of the batch of these; of that of the given ones, too.
"""

from dataclasses import dataclass, replace

import numpy as np

from compare.candidates.beside_ours import adjoints, pairs
from compare.candidates.candidate import Candidate, Runner
from compare.candidates.gradients import CandidateError, Gradients, NotGradients, as_float64
from compare.checking.batches import HALF, SAMPLES, Convention, allowed, fitting, read
from compare.checking.verdicts import FloatVerdict
from compare.comparison.rows import Pair, text_of
from compare.rounding.bounds import rounding_bounds
from compare.rounding.rules import U, gamma
from explicit import Network
from explicit.costs import has_shortcut
from explicit.elementwise import Array

FLOAT32 = 2.0**29  # its unit of rounding, in units of float64's
SIGMA_ERROR = 16 * U  # absolute: of another writing of σ or σ′
Sample = tuple[Array, Array]  # x, y


class NoReference(Exception):
    """Our own side has no answer (cross-entropy at an output of 0 or 1)."""


@dataclass(frozen=True, eq=False)
class Beside:
    """The gradients of one sample, as they came and as float64, beside ours, and what rounding explains of the rest.

    bounds: None where there are none, and `why`
    """

    raw: Gradients
    theirs: Gradients
    pairs: list[Pair]
    bounds: Gradients | None
    why: str = ""

    @property
    def verdict(self) -> FloatVerdict:
        """What is to be said of this sample alone."""
        if self.bounds is None:
            return FloatVerdict(None, self.why)
        return _judged(self.pairs, [self.bounds.of(p.quantity, p.layer) for p in self.pairs])


def beside(runner: Runner, network: Network, sample: Sample) -> Beside:
    """The candidate at one sample, with its own parameters.

    Raises
    ------
    CandidateError, NotGradients
        As `Runner.on_floats`.
    NoReference
        The network has no gradients there.
    """
    raw = runner.on_floats(*sample)
    theirs = raw.map(as_float64)
    try:
        ours, _ = adjoints(network, network.weights, network.biases, *sample)
    except ValueError as error:
        raise NoReference(f"the network's own cost has no value here: {error}") from error
    bounds, why = _bounds(network, sample)
    if any(a.dtype == np.float32 for a in raw):
        bounds, why = None, "it returns float32, and rounding is bounded for float64"
    return Beside(raw, theirs, pairs(theirs, ours.map(as_float64)), bounds, why)


def float_verdict(
    of: Candidate,
    network: Network,
    given: list[Beside],
    whole: Sample | None,
    reduction: str | None,
    generator: np.random.RandomState,
) -> FloatVerdict:
    """The verdict on the given samples, `whole` being their batch, on three random ones and on the batch of these."""
    runner = of.fresh()
    x, y = generator.randn(of.sizes[0], SAMPLES), 0.1 + 0.8 * generator.rand(of.sizes[-1], SAMPLES)
    try:
        drawn = [beside(runner, network, (x[:, s : s + 1], y[:, s : s + 1])) for s in range(SAMPLES)]
    except (CandidateError, NotGradients, NoReference) as error:
        unknown = FloatVerdict(None, f"it has no gradients at random samples: {error}")
        return _joined([*(b.verdict for b in given), unknown])
    batch = _of_batch(runner, of, x, y, drawn, reduction)
    verdicts = [*(b.verdict for b in (*given, *drawn)), batch]
    if len(given) > 1 and whole and batch.reductions != ():
        verdicts.append(_of_batch(runner, of, *whole, given, reduction, batch.reductions))
    return replace(_joined(verdicts), reductions=batch.reductions, batch=batch.batch)


def _of_batch(
    runner: Runner,
    of: Candidate,
    x: Array,
    y: Array,
    drawn: list[Beside],
    reduction: str | None,
    known: tuple[Convention, ...] | None = None,
) -> FloatVerdict:
    """What it makes of a batch of the samples drawn; where it takes one sample at a time, that is no mistake.

    known:  what it may make of this one, since that is what it makes of others; None where there are none
    """
    undeclared = reduction is None and not known
    conventions, of_it = known or allowed(reduction), f"of a batch of {len(drawn)}"
    try:
        found = read(runner.own_returned(x, y), [w.shape for w in of.weights])
        whole = found and found.map(as_float64)
        why = "other shapes than the parameters' come back"
    except (CandidateError, NotGradients) as error:
        whole, why = None, str(error)
    if whole is None:
        said = f"{of_it}: {why}" if known else f"it takes one sample at a time, and no batch ({why})"
        holds = True if undeclared else None
        return FloatVerdict(holds, said, reductions=(), batch=said)
    samples = [b.theirs for b in drawn]
    bounds = [b.bounds for b in drawn if b.bounds is not None]
    if len(bounds) < len(drawn):
        return FloatVerdict(None, drawn[0].why or "no bound", batch="what it makes of a batch was not judged in floats")
    size = [g.map(np.abs) for g in samples]

    def bound_of(how: Convention, pair: Pair) -> Array:
        error, largest = (how.of(some).of(pair.quantity, pair.layer) for some in (bounds, size))
        return error + gamma(len(drawn) + 4) * largest

    def fits(how: Convention, pair: Pair) -> bool:
        return _judged([pair], [bound_of(how, pair)]).holds is not False

    try:
        fit, best, both = fitting(whole, samples, conventions, fits)
    except ValueError as error:
        return FloatVerdict(False, f"{of_it}, {error}", reductions=conventions)
    summed = all(b.shape[-1] == 1 for b in whole.deltas)
    if not fit and undeclared and summed and fitting(whole, samples, (HALF,), fits)[0]:
        said = f"it may be right for one sample at a time, and is wrong for batches: their samples are {HALF.said}"
        return FloatVerdict(None, said, reductions=(), batch=said)
    if not fit and undeclared and _reads_one(of.fresh(), whole, x, y):
        said = "it takes one sample at a time: of a batch it reads the first numbers"
        return FloatVerdict(True, said, reductions=(), batch=said)
    if not fit:
        judged = _judged(both, [bound_of(best, pair) for pair in both])
        return replace(judged, reason=f"{of_it}, {judged.reason}", reductions=conventions)
    takes = [how for how in fit if how.takes_batches]
    if len(fit) > 1:
        said = "how it puts the samples of a batch together does not show in floats"
    elif takes:
        said = f"equal under this convention: the samples of a batch are {best.said}"
    else:
        said = f"it takes one sample at a time: the samples of a batch are {best.said}"
    return FloatVerdict(True, said, reductions=fit, batch=said)


def _reads_one(runner: Runner, whole: Gradients, x: Array, y: Array) -> bool:
    """Whether a batch is taken for one sample, as by ``x.ravel()``: then the same numbers come back for that sample."""
    def one(a: Array, flat: bool) -> Array:
        return a.reshape(-1, 1)[: len(a)] if flat else a[:, :1]

    ways = [(one(x, of_x), one(y, of_y)) for of_x in (True, False) for of_y in (True, False)]
    try:
        found = [runner.on_floats(*sample).map(as_float64) for sample in ways]
    except (CandidateError, NotGradients):
        return False
    return any(all(map(np.array_equal, whole, g)) for g in found)


def _bounds(network: Network, sample: Sample) -> tuple[Gradients | None, str]:
    """Twice the bound on the rounding of one run, for both; or none, and why."""
    x, y = sample
    short = has_shortcut(network.cost, network.activation_functions[-1])
    try:
        # With the short cut, which right code may take or not, the bound holds for both.
        of = Network(network.sizes, network.activation_functions, network.cost, shortcut=short)
        of.weights, of.biases = network.weights, network.biases
        record = of.backprop(x, y)
        bounds = rounding_bounds(of, record, y, sigma_error=SIGMA_ERROR)
    except (TypeError, ValueError) as error:
        return None, str(error)
    kinked = [f.row.kink == 1 for f in network.activation_functions]
    if any(k and not z.all() for k, z in zip(kinked, record.zs, strict=True)):
        return None, "some z is 0, at the kink of σ, where σ′ is a convention"
    return Gradients(bounds.deltas, bounds.nabla_w).map(lambda e: 2 * e), ""


def _judged(found: list[Pair], bounds: list[Array]) -> FloatVerdict:
    share, unbounded = 0.0, 0
    for pair, bound in zip(found, bounds, strict=True):
        theirs, ours = pair.explicit, pair.adjoint
        with np.errstate(all="ignore"):
            apart = np.where(theirs == ours, 0.0, np.abs(theirs - ours))
            beyond = np.isfinite(bound) & ~(apart <= bound)
            shares = apart / bound
        if beyond.any():
            j, k = np.argwhere(beyond)[0]
            row = pair.row((int(j), int(k)))
            why = (
                f"{row.name} is {text_of(row.delta)} where the adjoint is {text_of(row.adjoint)}: "
                f"rounding explains a difference of {bound[j, k]:.2g}"
            )
            if shares[j, k] <= FLOAT32:
                why += f", that of float32 one of {FLOAT32 * bound[j, k]:.2g}"
            return FloatVerdict(False, why, float(shares[j, k]), row)
        unbounded += int((~np.isfinite(bound) & (apart != 0)).sum())
        share = max(share, float(np.max(shares[np.isfinite(shares)], initial=0.0)))
    if unbounded:
        return FloatVerdict(None, f"of {unbounded} numbers the rounding has no bound", share)
    return FloatVerdict(True, "", share)


def _joined(verdicts: list[FloatVerdict]) -> FloatVerdict:
    """The first that does not hold; else the first that could not be judged; else that all hold."""
    for holds in (False, None):
        for verdict in verdicts:
            if verdict.holds is holds:
                return verdict
    share = max(verdict.share for verdict in verdicts)
    return FloatVerdict(True, f"no difference is larger than {share:.2g} of what rounding explains", share)
