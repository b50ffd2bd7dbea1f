"""Is somebody's backpropagation right?  Three verdicts: proved, wrong, not proved.

*Proved* is over the finite field: the candidate's own code, run on elements of GF(p), p = 2⁶¹ − 1, gives
the adjoints at random points.  There exp is a random function E with E(0) = 1 and E(−z) = 1/E(z), and
sigmoid and tanh are what they are in E, so both sides are rational functions of the random inputs and of
the values of E; how surely, `compare.numbers.identity` says.

*Wrong* is refuted and confirmed: exactly, in rational numbers, or by balls that do not overlap.  The field
alone accuses nobody, since its E lacks identities of exp, such as e²ᶻ = (eᶻ)².  Random points are used
throughout, where no z is at a kink: relu′(0) is a convention and no mistake.  A difference below 2⁻⁴⁴ of
the number's size accuses nobody either: a constant that is rounded to a float, such as 1/3, makes it.
"""

from collections.abc import Callable
from fractions import Fraction
from math import log2
from typing import Any

from compare.candidates.beside_ours import Point, draw, pairs
from compare.candidates.candidate import Candidate, Runner
from compare.candidates.gradients import Gradients, lifted
from compare.checking.trial import Trial, Unusable, Verdict
from compare.comparison.rows import Pair, Row
from compare.numbers.arithmetic import not_rational
from compare.numbers.field import Functions, Residue
from compare.numbers.identity import ENOUGH, degree_of, fooled
from compare.numbers.rational import Rational
from engine.notation import symbol
from explicit import Network

MOST_TRIALS = 12
ATTEMPTS = 20
POINTS = 3  # in rational numbers and in balls
PRECISIONS = (128, 256, 512, 1024, 2048)
AGREED = 100  # bits
TINY = 2.0**-44
SHORT = 10  # units of softsign: each multiplies the length of the rational numbers above


def verdict(candidate: Candidate, network: Network, seed: int = 0) -> Verdict:
    """The verdict on a candidate; the network lends activations and cost."""
    trial = Trial(candidate, network, seed)
    try:
        first = in_field(trial)
    except Unusable as why:
        first = Verdict(None, str(why), "finite field")
    if first.proved:
        return _with_notes(first, trial)
    # Where field and others cannot run the candidate, the reason of the first is the plainest.
    for arithmetic in (in_rationals, in_balls):
        try:
            second = arithmetic(trial)
        except Unusable as why:
            said = str(why)
            continue
        kept = candidate.kept() if second.proved is False else ""
        if kept:
            why_not = (
                f"at random weights it differs from the adjoints, but it keeps parameters in "
                f"`{kept}` too, which were not replaced"
            )
            second = Verdict(None, why_not, second.arithmetic, differs=second.differs)
        return _with_notes(_both(first, second), trial)
    joined = first.reason if not first.differs else f"{first.reason}, and that is not confirmed: {said}"
    return _with_notes(Verdict(None, joined, first.arithmetic, differs=first.differs), trial)


def _with_notes(v: Verdict, trial: "Trial") -> Verdict:
    return Verdict(**{**vars(v), "notes": tuple(dict.fromkeys(trial.notes))})


def _both(first: Verdict, second: Verdict) -> Verdict:
    if second.proved is False:
        return second
    return Verdict(None, f"{first.reason}; {second.reason}", second.arithmetic, differs=first.differs)


def _differs(found: list[Pair]) -> tuple[str, ...]:
    """δ⁵, ∂C/∂w⁵, …: what is not equal, walking backward from the cost."""
    letters = {"z": "δ", "w": "∂C/∂w"}
    return tuple(symbol(letters[p.quantity], p.layer) for p in found if not p.equal.all())


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
    return Verdict(False, how, arithmetic, differs=_differs(found), counterexample=_first(found))


def _first(found: list[Pair]) -> Row:
    return next(row for pair in found for row in pair.rows(only_different=True))


# -- the finite field ------------------------------------------------------------------------------

def in_field(trial: Trial) -> Verdict:
    """True, or None where the two differ in the field.

    Raises
    ------
    Unusable
        Candidate or network cannot be run over the field.
    """
    runner = trial.candidate.fresh()
    probability, trials, degree, arguments = Fraction(1), 0, 0, 0
    while probability >= ENOUGH and trials < MOST_TRIALS:
        found, functions, runner = _at_field_point(trial, trials, runner)
        trials += 1
        differing = _differs(found)
        if differing:
            return Verdict(
                None,
                f"it differs from the adjoints in GF(2⁶¹ − 1) ({', '.join(differing)})",
                "finite field",
                trials=trials,
                differs=differing,
            )
        here = degree_of((pair.explicit, pair.adjoint) for pair in found)
        probability *= fooled(here, functions)
        degree, arguments = max(degree, here), max(arguments, functions.calls)
    if probability >= ENOUGH:
        raise Unusable(f"degrees of {degree:,} are too large for a proof in a field of 2⁶¹ − 1 elements")
    reason = f"equal in GF(2⁶¹ − 1) at {trials} random points"
    return Verdict(True, reason, "finite field", probability, trials, degree, arguments)


def _at_field_point(trial: Trial, number: int, runner: Runner) -> tuple[list[Pair], Functions, Runner]:
    for attempt in range(ATTEMPTS):
        functions = Functions(f"check {trial.seed} field {number} {attempt}")

        def element(inputs: int, functions: Functions = functions) -> Residue:
            return Residue(functions.uniform(), functions, n=1)

        def lift(value: Any, functions: Functions = functions) -> Residue:
            return value if isinstance(value, Residue) else Residue(value, functions)

        point = draw(trial.candidate.sizes, element)
        try:
            theirs, runner = trial.theirs(runner, point, lift)
            ours, _ = trial.ours(point)
        except ZeroDivisionError:
            runner = trial.candidate.fresh()
            continue
        except ArithmeticError as error:
            raise Unusable(f"the candidate raised {type(error).__name__}: {error}") from error
        return pairs(theirs, _lifted(ours, lift)), functions, runner
    raise Unusable(f"some divisor was 0 at each of {ATTEMPTS} random points")


def _lifted(ours: Gradients, lift: Callable[[Any], Any]) -> Gradients:
    return Gradients([lifted(a, lift) for a in ours.deltas], [lifted(a, lift) for a in ours.nabla_w])


# -- rational numbers ------------------------------------------------------------------------------

def in_rationals(trial: Trial) -> Verdict:
    """False, or None where both agree at all points.

    Raises
    ------
    Unusable
        Candidate or network cannot be run on rational numbers.
    """
    why = not_rational(trial.network)
    if why:
        raise Unusable(why)
    if sum(trial.network.sizes[1:]) > SHORT and not all(f.row.linear for f in trial.network.activation_functions):
        names = ", ".join(dict.fromkeys(f.name for f in trial.network.activation_functions if not f.row.linear))
        raise Unusable(f"the rational numbers of {names} grow too long in a network of this size")
    runner = trial.candidate.fresh()

    def lift(value: Any) -> Rational:
        return value if isinstance(value, Rational) else Rational(value)

    for number in range(POINTS):
        for attempt in range(ATTEMPTS):
            bits = trial.random("rational", number, attempt).getrandbits

            def element(inputs: int, bits: Callable[[int], int] = bits) -> Rational:
                return Rational(2 * bits(24) + 1 - 2**24, 2**22)

            point = draw(trial.candidate.sizes, element)
            try:
                ours, traced = trial.ours(point)
                if any(node.data == 0 for z in traced.zs for node in z.flat):
                    continue  # at a kink the derivative is a convention
                theirs, runner = trial.theirs(runner, point, lift)
                break
            except ZeroDivisionError:
                runner = trial.candidate.fresh()
            except ArithmeticError as error:
                raise Unusable(f"the candidate raised {type(error).__name__}: {error}") from error
        else:
            raise Unusable(f"some divisor was 0 at each of {ATTEMPTS} random points")
        found = pairs(theirs, _lifted(ours, lift))
        if _differs(found):
            how = "in exact rational arithmetic, at a random point, it is another number"
            return _refuted(found, "rational", how)
    return Verdict(None, f"equal in exact rational arithmetic at {POINTS} random points; no proof for all", "rational")


# -- balls -----------------------------------------------------------------------------------------

def in_balls(trial: Trial) -> Verdict:
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
    runner = trial.candidate.fresh()
    least = None
    for number in range(POINTS):
        gauss = trial.random("ball", number).gauss

        def element(inputs: int, gauss: Callable[[float, float], float] = gauss) -> Any:
            return Ball(gauss(0, 1) / inputs**0.5)  # so that no σ is saturated

        point = draw(trial.candidate.sizes, element)
        found, bits, runner = _at_ball_point(trial, point, runner)
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


def _at_ball_point(trial: Trial, point: Point, runner: Runner) -> tuple[list[Pair], int, Runner]:
    from compare.numbers.ball import Ball, Undecided, precision

    def lift(value: Any) -> Ball:
        return value if isinstance(value, Ball) else Ball(value)

    why: BaseException | str = ""
    for bits in PRECISIONS:
        with precision(bits):
            try:
                ours, _ = trial.ours(point)
                theirs, runner = trial.theirs(runner, point, lift)
            except (Undecided, ZeroDivisionError) as error:
                why, runner = error, trial.candidate.fresh()
                continue
            except ArithmeticError as error:
                raise Unusable(f"the candidate raised {type(error).__name__}: {error}") from error
            found = pairs(theirs, _lifted(ours, lift))
            agreed = _agreement(found)
            if _differs(found) or agreed >= AGREED:
                return found, agreed, runner
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
