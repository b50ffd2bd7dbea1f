"""A candidate's walk at random points, in exact arithmetic or in floats; see `compare.diagnosing.diagnose`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np

from compare.candidates.beside_ours import Point
from compare.candidates.gradients import as_float64
from compare.diagnosing.points import field_run, float_run, float_runs, rational_runs
from compare.diagnosing.question import RAISED, Question, call, note
from compare.diagnosing.tried import QUANTITIES, Seen
from compare.diagnosing.walk import Layer, along, retraced, walk
from compare.mistakes.slots import At
from compare.numbers.arithmetic import not_rational
from compare.numbers.bounded import DOUBLE, SINGLE, values
from compare.numbers.field import NoOrder
from compare.numbers.rational import Rational
from explicit import ACTIVATIONS, COSTS, Network
from explicit.elementwise import Array


@dataclass(eq=False)
class Answer:
    """What was found in one arithmetic."""

    layers: list[Layer]
    arithmetic: str
    way: str = ""  # the records of regularisation that were needed
    decay: tuple[float, float] = (0.0, 0.0)

    @property
    def unexplained(self) -> int:
        """How many equations, over all layers, no record explains."""
        return sum(len(layer.unexplained) for layer in self.layers)

    @property
    def score(self) -> tuple[int, int]:
        """What is not explained, and how many mistakes explain the rest: the smaller, the better the answer."""
        made = sum(len(layer.ways[0]) for layer in self.layers if layer.ways)
        return self.unexplained, made + len(self.way.split())


def answer_of(q: Question) -> Answer:
    """In exact arithmetic, if that explains all; else in floats; else with the precision of float32."""
    tried: list[Answer] = []
    exact = () if q.floats_only else (_in_field, _in_rationals)
    for arithmetic in (*exact, _in_doubles, _in_singles):
        try:
            points = arithmetic(q)
        except _Unusable:
            continue
        answer = with_decay(q, points, _NAMES[arithmetic])
        if answer.unexplained:
            tried.append(answer)
        elif arithmetic is _in_doubles:
            return answer
        elif arithmetic is _in_singles:
            if is_rounding(answer, points) and _is_short(q):
                return answer
        elif all(retraced(answer.layers, _decayed(run.seen(q), answer)) for run in islice(float_runs(q), 2)):
            return answer
        else:
            note(q, f"in exact arithmetic ({answer.arithmetic}) it computes something else than in floats")
    return min((a for a in tried if a.arithmetic != "float32"), key=lambda a: a.score)


def is_rounding(answer: Answer, points: list[Seen]) -> bool:
    """Whether what is left between found and expected looks like the rounding of float32, and not like a mistake.

    The bound for float32 is wide where sums are long: a small wrong factor is within it.  But rounding errors have
    no common value, as a factor's have, and their usual size is about 2⁻²⁴ times the root of how many are added.
    """
    errors, widest = [], 1
    for point in (_decayed(p, answer) for p in points):
        for at in along(answer.layers, point) or ():
            widest = max(widest, *at.of.weights[at.layer - 2].shape)
            for quantity in QUANTITIES:
                found, expected = getattr(point.found[at.layer - 2], quantity), point.expected(at, quantity)
                if found is not None and found.shape == expected.shape:
                    a, b = values(found), values(expected)
                    errors.append((a[b != 0] - b[b != 0]) / b[b != 0])
    some = np.concatenate(errors) if errors else np.array([])
    some = some[some != 0]
    if not some.size:
        return False
    middle, usual = np.median(some), np.median(np.abs(some))
    spread = np.median(np.abs(some - middle))
    centred = some.size < 16 or abs(middle) <= 4 * spread
    return bool(centred and min(usual, spread) >= SINGLE / 64 and usual <= 16 * SINGLE * widest**0.5)


def _decayed(point: Seen, answer: Answer) -> Seen:
    return replace(point, decay_w=answer.decay[0], decay_b=answer.decay[1])


def _is_short(q: Question) -> bool:
    """Whether results stay as they are when something that goes in is changed by 2⁻⁴⁰ of it, as float32's do.

    Of results that are rounded to some decimals that holds too: these are no float32.
    """
    if q.eta is not None:  # W′ is of float32, and the difference W − W′ is not
        return True
    weights, biases, x, y = next(float_runs(q, SINGLE)).point
    more = 1 + 2.0**-40
    moved: list[Point] = [
        ([w * more for w in weights], biases, x, y), (weights, [b * more for b in biases], x, y),
        (weights, biases, x * more, y), (weights, biases, x, y * more),
    ]  # fmt: skip
    first, *others = (
        np.concatenate([as_float64(a).ravel() for group in call(q, point) for a in group])
        for point in [(weights, biases, x, y), *moved]
    )
    some = first != 0
    stays = any((other == first)[some].mean() >= 0.5 for other in others if some.any())
    return stays and not any(np.array_equal(first, np.round(first, digits)) for digits in range(4, 13))


def other_functions(q: Question) -> str:
    """Another activation or cost with which the candidate would be right, as arguments of `diagnose`; "" if none."""
    for cost, of in COSTS.items():
        for name in (name for name, sigma in ACTIVATIONS.items() if of.takes(sigma)):
            network = Network(q.network.sizes, name, cost)
            if (network.activation_functions[-1], of) == (q.network.activation_functions[-1], q.network.cost):
                continue
            other = replace(q, network=network, most=0, notes=[])
            with suppress(TypeError):  # a σ or C of somebody's own that does not run on floats with bounds
                if with_decay(other, _in_doubles(other), "float64").score == (0, 0):
                    return f"activation={name!r}, cost={cost!r}"
    return ""


class _Unusable(Exception):
    """The candidate, or the network, does not run in the arithmetic."""


def with_decay(q: Question, points: list[Seen], arithmetic: str) -> Answer:
    """The answer with the regularisation that was declared, or that is recognised, or that is mistaken."""

    def run(decay: tuple[float, float], way: str = "", most: int = q.most) -> Answer:
        decayed = [replace(p, decay_w=decay[0], decay_b=decay[1]) for p in points]
        return Answer(walk(decayed, most), arithmetic, way, decay)

    lam = q.regularisation
    if lam is None:
        answer = run((0.0, 0.0))
        if not answer.unexplained:
            return answer
        for decay in _decays(answer):
            other = run(decay)
            if not other.unexplained and other.score < answer.score:
                biases = " (and of the biases)" if decay[1] else ""
                note(q, f"equal under this convention: C has a regularisation term with λ = {decay[0]:.6g}{biases}")
                return other
        return answer
    ways = {
        "": (lam, 0.0), "regularisation-missing": (0.0, 0.0), "regularisation-doubled": (2 * lam, 0.0),
        "regularisation-on-biases": (lam, lam), "regularisation-missing regularisation-on-biases": (0.0, lam),
        "regularisation-doubled regularisation-on-biases": (2 * lam, lam),
    }  # fmt: skip
    best = None
    for most in sorted({0, min(1, q.most), q.most}):  # few mistakes first: most of these λ are not the candidate's
        for way, decay in ways.items():
            answer = run(decay, way, most)
            if best is None or answer.score < best.score:
                best = answer
            if best.score == (0, 0):
                return best
        if best is not None and not best.unexplained:
            break
    assert best is not None
    return best


def _decays(answer: Answer) -> list[tuple[float, float]]:
    """λ as the output layer says it: (∂C/∂w − δ aᵀ)/w, if that is one number."""
    if answer.arithmetic not in ("float64", "rational"):
        return []
    top = answer.layers[0]
    at, found = top.at, top.found
    if found.nabla_w is None or found.nabla_w.shape != at.of.weights[-1].shape:
        return []
    delta = at.error * at.slope

    def ratio(a: Array, b: Array, w: Array) -> float:
        values = [(_float(p) - _float(r)) / _float(v) for p, r, v in zip(a.flat, b.flat, w.flat, strict=True)]
        middle = float(np.median(values))
        near_ = [abs(v - middle) <= 1e-6 * abs(middle) for v in values]
        return float(f"{middle:.6g}") if sum(near_) > len(values) / 2 and abs(middle) > 1e-9 else 0.0

    right_w = delta @ at.input.T
    lam = ratio(found.nabla_w, right_w, at.of.weights[-1])
    own = 0.0
    if found.nabla_b is not None and found.nabla_b.shape == delta.shape:
        own = ratio(found.nabla_b, delta, at.of.biases[-1])
    return [(lam, own)] if lam or own else []


def _float(number: Any) -> float:
    if isinstance(number, Rational):
        return number.to_float()
    return float(getattr(number, "value", number))


def _in_field(q: Question) -> list[Seen]:
    try:
        return [field_run(q).seen(q)]
    except (*RAISED, NoOrder, ArithmeticError, TypeError, ValueError) as error:
        raise _Unusable from error


def _in_rationals(q: Question) -> list[Seen]:
    if not_rational(q.network):
        raise _Unusable
    try:
        return [run.seen(q) for run in rational_runs(q)]
    except (*RAISED, ArithmeticError, TypeError, ValueError) as error:
        raise _Unusable from error


def _in_doubles(q: Question) -> list[Seen]:
    return [run.seen(q) for run in float_runs(q)]


def _in_singles(q: Question) -> list[Seen]:
    return [run.seen(q) for run in float_runs(q, SINGLE)]


_NAMES: dict[Callable[[Question], list[Seen]], str] = {
    _in_field: "finite field", _in_rationals: "rational", _in_doubles: "float64", _in_singles: "float32",
}  # fmt: skip


Display = tuple[list[At], Seen]  # the layers at a point with their mistakes, and the point


def displays(q: Question, answer: Answer) -> Iterator[Display]:
    """Points whose numbers can be shown, in floats: the caller's own first sample, then random ones."""
    point = q.candidate.weights, q.candidate.biases, q.x[:, :1], q.y[:, :1]
    u = SINGLE if answer.arithmetic == "float32" else DOUBLE
    for run in chain([float_run(q, point, u)], float_runs(q, u)):
        with suppress(ArithmeticError, ValueError):  # the cost has no derivative there: a is 0 or 1 up to rounding
            seen = _decayed(run.seen(q), answer)
            made = along(answer.layers, seen)
            if made is not None:
                yield made, seen


class Remembered(Iterable[Display]):
    """What an iterator gives, each made once, however often it is gone through."""

    def __init__(self, iterator: Iterator[Display]) -> None:
        self._iterator, self._made = iterator, list[Display]()

    def __iter__(self) -> Iterator[Display]:
        yield from self._made
        for made in self._iterator:
            self._made.append(made)
            yield made
