"""Is somebody's backpropagation right?  Three verdicts: proved, wrong, not proved.

*Proved* is over the finite field: the candidate's own code, run on elements of GF(p), p = 2⁶¹ − 1, gives
the adjoints at random points.  There exp is a random function E with E(0) = 1 and E(−z) = 1/E(z), and
sigmoid and tanh are what they are in E, so both sides are rational functions of the random inputs and of
the values of E; how surely, `compare.numbers.identity` says.

*Wrong* is refuted and confirmed: exactly, in rational numbers, or by balls that do not overlap.  The field
alone accuses nobody, since its E lacks identities of exp, such as e²ᶻ = (eᶻ)².  Random points are used
throughout, where no z is at a kink: relu′(0) is a convention and no mistake.  A difference below 2⁻⁴⁴ of
the number's size accuses nobody either: a constant that is rounded to a float, such as 1/3, makes it.
What the field refutes and neither can confirm, or what it refutes of a batch, is wrong if floats are, too.

A batch is held against the candidate's own gradients of its samples, in whichever of k reductions fits at the first
point; so the bound has the factor k.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import log2
from typing import Any

from compare.candidates.beside_ours import Point, draw, pairs
from compare.candidates.gradients import CandidateError, NotGradients
from compare.checking.batches import SAMPLES, fitting
from compare.checking.examination import Examination, Unusable
from compare.checking.verdicts import FloatVerdict, Verdict
from compare.comparison.rows import Pair
from compare.numbers.arithmetic import not_rational
from compare.numbers.field import Functions
from compare.numbers.identity import ENOUGH, degree_of, fooled
from compare.numbers.rational import Rational
from engine.notation import symbol

MOST_TRIALS = 12
ATTEMPTS = 20
POINTS = 3  # in rational numbers and in balls
PRECISIONS = (128, 256, 512, 1024, 2048)
AGREED = 100  # bits
TINY = 2.0**-44
SHORT = 10  # units of softsign: each multiplies the length of the rational numbers above


def verdict(exam: Examination, floats: FloatVerdict) -> Verdict:
    """The verdict of exact arithmetic.  Where it can neither prove nor confirm, floats may confirm."""
    try:
        first = in_field(exam, floats.reductions is not None)
    except Unusable as why:
        first = Verdict(None, str(why), "finite field")
    if first.proved:
        return first
    in_floats_too = replace(
        first, proved=False, reason=f"{first.reason}, and {floats.reason}", counterexample=floats.counterexample
    )
    if first.of_batch and floats.holds is False:
        return in_floats_too
    # Where field and others cannot run the candidate, the reason of the first is the plainest.
    for arithmetic in (in_rationals, in_balls):
        try:
            second = arithmetic(exam)
        except Unusable as why:
            said = str(why)
            continue
        second = _unless_kept(exam, second)
        if second.proved is False:
            return second
        return replace(second, reason=f"{first.reason}; {second.reason}", differs=first.differs)
    if first.differs and floats.holds is False:
        return in_floats_too
    return replace(first, reason=f"{first.reason}, and that is not confirmed: {said}") if first.differs else first


def _unless_kept(exam: Examination, second: Verdict) -> Verdict:
    """A refutation stands only if the parameters of the candidate were really replaced."""
    if second.proved is not False:
        return second
    try:
        kept = exam.candidate.kept()
        why = f"it keeps parameters in `{kept}` too, which were not replaced" if kept else ""
    except (CandidateError, NotGradients) as error:
        why = f"whether it keeps parameters elsewhere too could not be found out ({error})"
    if not why:
        return second
    return Verdict(
        None, f"at random weights it differs from the adjoints, but {why}", second.arithmetic, differs=second.differs
    )


def _differs(found: list[Pair]) -> tuple[str, ...]:
    """δ⁵, ∂C/∂w⁵, …: what is not equal, walking backward from the cost."""
    letters = {"z": "δ", "b": "∂C/∂b", "w": "∂C/∂w"}
    return tuple(dict.fromkeys(symbol(letters[p.quantity], p.layer) for p in found if not p.equal.all()))


def _is_rounding(found: list[Pair]) -> bool:
    """Whether all that differs does so by less than TINY of its size."""
    return all(
        _within(a, b)
        for pair in found
        for a, b, equal in zip(pair.explicit.flat, pair.adjoint.flat, pair.equal.flat, strict=True)
        if not equal
    )


def _within(a: Any, b: Any) -> bool:
    try:
        return bool(abs(a - b) <= abs(b) * TINY)
    except ArithmeticError:  # balls too wide to say
        return False


def _refuted(found: list[Pair], arithmetic: str, how: str) -> Verdict:
    if _is_rounding(found):
        why = "it differs from the adjoints by less than 2⁻⁴⁴ of their size, as a constant rounded to a float does"
        return Verdict(None, why, arithmetic, differs=_differs(found))
    first = next(row for pair in found for row in pair.rows(only_different=True))
    return Verdict(False, how, arithmetic, differs=_differs(found), counterexample=first)


# -- the finite field ------------------------------------------------------------------------------

def in_field(exam: Examination, takes_batches: bool = True) -> Verdict:
    """True, or None where the two differ in the field; of one sample, and of a batch.

    takes_batches:  whether it is known of the exam's reductions that the candidate can be asked for a batch

    Raises
    ------
    Unusable
        Candidate or network cannot be run over the field.
    """
    probability, trials, degree, arguments = Fraction(max(1, len(exam.reductions))), 0, 0, 0
    samples = SAMPLES
    while probability >= ENOUGH and trials < MOST_TRIALS:
        found, of_batch, functions = _at_field_point(exam, trials, samples, takes_batches)
        if _differs(of_batch) and not _differs(found) and samples == SAMPLES:
            samples += 1  # of 4 samples, 1/m is exact as a float too
            continue
        trials += 1
        for some, of in ((found, ""), (of_batch, f"of a batch of {samples}, ")):
            differing = _differs(some)
            if differing:
                why = f"{of}it differs from the adjoints in GF(2⁶¹ − 1) ({', '.join(differing)})"
                return Verdict(None, why, "finite field", trials=trials, differs=differing, of_batch=bool(of))
        here = degree_of((pair.explicit, pair.adjoint) for pair in (*found, *of_batch))
        probability *= fooled(here, functions)
        degree, arguments = max(degree, here), max(arguments, functions.calls)
    if probability >= ENOUGH:
        raise Unusable(f"degrees of {degree:,} are too large for a proof in a field of 2⁶¹ − 1 elements")
    how = exam.reductions
    of = f", and for batches of {samples}, whose samples are {how[0].said}" if how else ", for one sample at a time"
    reason = f"equal in GF(2⁶¹ − 1) at {trials} random points{of}"
    return Verdict(True, reason, "finite field", probability, trials, degree, arguments, reductions=how)


def _at_field_point(
    exam: Examination, number: int, samples: int, takes_batches: bool
) -> tuple[list[Pair], list[Pair], Functions]:
    """One sample beside the adjoints, and a batch beside what is made of its samples."""
    for attempt in range(ATTEMPTS):
        functions = Functions(f"check {exam.seed} field {number} {attempt}")
        drawn = draw(exam.candidate.sizes, functions.variable, samples if exam.reductions else 1)
        weights, biases, x, y = drawn
        columns = [(weights, biases, x[:, s : s + 1], y[:, s : s + 1]) for s in range(x.shape[1])]
        try:
            theirs = [exam.theirs(column, functions.element) for column in columns]
            ours, _ = exam.ours(columns[0], functions.element)
            found = pairs(theirs[0], ours)
            if _differs(found) or not exam.reductions:
                return found, [], functions
            try:
                whole = exam.batch(drawn, functions.element)
                fit, _, of_batch = fitting(whole, theirs, exam.reductions, lambda how, pair: bool(pair.equal.all()))
            except (Unusable, ValueError) as error:
                if takes_batches:
                    raise Unusable(f"of a batch: {error}") from error
                exam.reductions = ()
                return found, [], functions
            exam.reductions = fit or exam.reductions
        except ZeroDivisionError:
            continue
        except ArithmeticError as error:
            raise Unusable(f"the candidate raised {type(error).__name__}: {error}") from error
        return found, of_batch, functions
    raise Unusable(f"some divisor was 0 at each of {ATTEMPTS} random points")


# -- rational numbers ------------------------------------------------------------------------------

def in_rationals(exam: Examination) -> Verdict:
    """False, or None where both agree at all points.

    Raises
    ------
    Unusable
        Candidate or network cannot be run on rational numbers.
    """
    why = not_rational(exam.network)
    if why:
        raise Unusable(why)
    curved = dict.fromkeys(f.name for f in exam.network.activation_functions if not f.row.linear)
    if sum(exam.network.sizes[1:]) > SHORT and curved:
        raise Unusable(f"the rational numbers of {', '.join(curved)} grow too long in a network of this size")

    for number in range(POINTS):
        for attempt in range(ATTEMPTS):
            bits = exam.random("rational", number, attempt).getrandbits

            def element(inputs: int, bits: Callable[[int], int] = bits) -> Rational:
                return Rational(2 * bits(24) + 1 - 2**24, 2**22)

            point = draw(exam.candidate.sizes, element)
            try:
                ours, traced = exam.ours(point, Rational)
                if any(node.data == 0 for z in traced.zs for node in z.flat):
                    continue  # at a kink the derivative is a convention
                theirs = exam.theirs(point, Rational)
                break
            except ZeroDivisionError:
                continue
            except ArithmeticError as error:
                raise Unusable(f"the candidate raised {type(error).__name__}: {error}") from error
        else:
            raise Unusable(f"some divisor was 0 at each of {ATTEMPTS} random points")
        found = pairs(theirs, ours)
        if _differs(found):
            how = "in exact rational arithmetic, at a random point, it is another number"
            return _refuted(found, "rational", how)
    return Verdict(None, f"equal in exact rational arithmetic at {POINTS} random points; no proof for all", "rational")


# -- balls -----------------------------------------------------------------------------------------

def in_balls(exam: Examination) -> Verdict:
    """False, or None where all enclosures overlap.

    Raises
    ------
    Unusable
        Candidate or network cannot be run on balls, or python-flint is not installed.
    """
    try:
        from compare.numbers.ball import Ball
    except ImportError as error:
        raise Unusable(f"balls would confirm or clear it: {error}") from error
    least = None
    for number in range(POINTS):
        gauss = exam.random("ball", number).gauss

        def element(inputs: int, gauss: Callable[[float, float], float] = gauss) -> Any:
            return Ball(gauss(0, 1) / inputs**0.5)  # so that no σ is saturated

        point = draw(exam.candidate.sizes, element)
        found, bits = _at_ball_point(exam, point)
        if _differs(found):
            how = "at a random point, balls that enclose its numbers and the true ones do not overlap"
            return _refuted(found, "ball", how)
        least = bits if least is None else min(least, bits)
    return Verdict(
        None,
        f"in balls it agrees with the adjoints to 2^−{least} at {POINTS} random points; it may use an "
        f"identity that the field lacks (e²ᶻ = (eᶻ)², say), or a branch; no proof for all points",
        "ball",
    )


def _at_ball_point(exam: Examination, point: Point) -> tuple[list[Pair], int]:
    from compare.numbers.ball import Ball, Undecided, precision

    why: BaseException | str = ""
    for bits in PRECISIONS:
        with precision(bits):
            try:
                ours, _ = exam.ours(point, Ball)
                theirs = exam.theirs(point, Ball)
            except (Undecided, ZeroDivisionError) as error:
                why = error
                continue
            except ArithmeticError as error:
                raise Unusable(f"the candidate raised {type(error).__name__}: {error}") from error
            found = pairs(theirs, ours)
            agreed = _agreement(found)
            if _differs(found) or agreed >= AGREED:
                return found, agreed
            why = f"enclosures of {bits} bits agree to 2^−{agreed} only"
    raise Unusable(f"balls of {PRECISIONS[-1]} bits do not decide: {why}")


def _agreement(found: list[Pair]) -> int:
    """The bits after the point to which all numbers are known to agree."""
    bits = PRECISIONS[-1]
    for pair in found:
        for a, b in zip(pair.explicit.flat, pair.adjoint.flat, strict=True):
            apart = float((a.x - b.x).abs_upper())
            if apart != apart or apart == float("inf"):
                return 0
            if apart > 0:
                bits = min(bits, int(-log2(apart)))
    return max(bits, 0)
