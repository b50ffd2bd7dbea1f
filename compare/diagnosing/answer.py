"""What explains a candidate's gradients, in the arithmetic that explains most; see `compare.diagnosing.diagnose`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np

from compare.candidates.gradients import as_float64
from compare.diagnosing.precision import is_rounding, is_short
from compare.diagnosing.probes import Probe, field_probe, float_probe, float_probes, rational_probes
from compare.diagnosing.question import RAISED, Question, call, found_in, note
from compare.diagnosing.tried import Decay, Seen
from compare.diagnosing.walk import WalkedLayer, along, retraced, walk
from compare.mistakes.slots import At
from compare.numbers.arithmetic import not_rational
from compare.numbers.bounded import DOUBLE, SINGLE, SLACK
from compare.numbers.rational import Rational
from explicit import ACTIVATIONS, COSTS, Network
from explicit.elementwise import Array

MOST_GIVEN = 8  # of the caller's own samples that are looked at, one by one


@dataclass(eq=False)
class Answer:
    """What was found in one arithmetic."""

    layers: list[WalkedLayer]
    arithmetic: str
    way: str = ""  # the mistakes of regularisation that were needed
    decay: Decay = (0.0, 0.0)

    @property
    def unexplained(self) -> int:
        """How many equations, over all layers, no mistake explains."""
        return sum(len(layer.unexplained) for layer in self.layers)

    @property
    def score(self) -> tuple[int, int]:
        """What is not explained, and how many mistakes explain the rest: the smaller, the better the answer."""
        made = sum(len(layer.ways[0]) for layer in self.layers if layer.ways)
        return self.unexplained, made + len(self.way.split())

    @property
    def u(self) -> float:
        """The unit roundoff of the floats that the candidate is granted."""
        return SINGLE if self.arithmetic == "float32" else DOUBLE


def answer_of(q: Question) -> Answer:
    """In exact arithmetic, if that explains all; else in floats; else with the precision of float32.

    Mistakes count only if all parameters were really replaced; else it is asked with its own.
    """
    answer = _with_other_weights(q)
    if answer.score != (0, 0):
        with suppress(*RAISED):
            q.kept = q.candidate.kept()
    if q.kept:
        return with_decay(q, [probe.seen(q) for probe in _own_probes(q)], "float64")
    return answer


def _own_probes(q: Question) -> Iterator[Probe]:
    """The caller's first sample, and random ones, with the parameters of the candidate itself."""
    weights, biases, *_ = q.own_sample
    yield float_probe(q, q.own_sample)
    yield from (float_probe(q, (weights, biases, *probe.point[2:])) for probe in float_probes(q))


def _with_other_weights(q: Question) -> Answer:
    tried: list[Answer] = []
    exact = {} if q.floats_only else _EXACT
    for arithmetic, probes in (exact | _FLOATS).items():
        if arithmetic == "rational" and not_rational(q.network):
            continue
        try:
            points = [probe.seen(q) for probe in probes(q)]
        except (*RAISED, ArithmeticError, TypeError, ValueError):
            if arithmetic not in exact:
                raise
            continue  # the candidate, or the network, does not run on such numbers
        answer = with_decay(q, points, arithmetic)
        if answer.unexplained:
            tried.append(answer)
        elif arithmetic == "float64":
            return answer
        elif arithmetic == "float32":
            decayed = [replace(p, decay_w=answer.decay[0], decay_b=answer.decay[1]) for p in points]
            if is_rounding(answer.layers, decayed) and is_short(q, answer.layers, answer.decay):
                return answer
        elif all(retraced(answer.layers, probe.seen(q, answer.decay)) for probe in islice(float_probes(q), 2)):
            return answer
        else:
            note(q, f"in exact arithmetic ({answer.arithmetic}) it computes something else than in floats")
    return min((a for a in tried if a.arithmetic != "float32"), key=lambda a: a.score)


def other_functions(q: Question) -> str:
    """Another activation or cost with which the candidate would be right, as arguments of `diagnose`; "" if none."""
    for cost, of in COSTS.items():
        for name in (name for name, sigma in ACTIVATIONS.items() if of.takes(sigma)):
            network = Network(q.network.sizes, name, cost)
            if (network.activation_functions[-1], of) == (q.network.activation_functions[-1], q.network.cost):
                continue
            other = replace(q, network=network, most=0, notes=[])
            with suppress(TypeError):  # a σ or C of somebody's own that does not run on floats with bounds
                if with_decay(other, [probe.seen(other) for probe in float_probes(other)], "float64").score == (0, 0):
                    return f"activation={name!r}, cost={cost!r}"
    return ""


def with_decay(q: Question, points: list[Seen], arithmetic: str) -> Answer:
    """The answer with the regularisation that was declared, or that is recognised, or that is mistaken."""

    def answer_with(decay: Decay, way: str = "", most: int = q.most) -> Answer:
        decayed = [replace(p, decay_w=decay[0], decay_b=decay[1]) for p in points]
        return Answer(walk(decayed, most), arithmetic, way, decay)

    lam = q.declared.regularisation
    if lam is None:
        answer = answer_with((0.0, 0.0))
        if not answer.unexplained:
            return answer
        for decay in _decays(answer):
            other = answer_with(decay)
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
            answer = answer_with(decay, way, most)
            if best is None or answer.score < best.score:
                best = answer
            if best.score == (0, 0):
                return best
        if best is not None and not best.unexplained:
            break
    assert best is not None
    return best


def _decays(answer: Answer) -> list[Decay]:
    """λ as the output layer says it: (∂C/∂w − δ aᵀ)/w, if that is one number."""
    if answer.arithmetic not in ("float64", "rational"):
        return []
    top = answer.layers[0]
    at, found = top.at, top.found
    if found.nabla_w is None or found.nabla_w.shape != at.of.weights[-1].shape:
        return []
    delta = at.error * at.slope

    def ratio(a: Array, b: Array, w: Array) -> float:
        ratios = (_floats(a) - _floats(b)) / _floats(w)
        middle = float(np.median(ratios))
        alike = np.abs(ratios - middle) <= 1e-6 * abs(middle)
        return float(f"{middle:.6g}") if alike.mean() > 0.5 and abs(middle) > 1e-9 else 0.0

    right_w = delta @ at.input.T
    lam = ratio(found.nabla_w, right_w, at.of.weights[-1])
    own = 0.0
    if found.nabla_b is not None and found.nabla_b.shape == delta.shape:
        own = ratio(found.nabla_b, delta, at.of.biases[-1])
    return [(lam, own)] if lam or own else []


def _floats(array: Array) -> Array:
    numbers = (v.to_float() if isinstance(v, Rational) else getattr(v, "value", v) for v in array.flat)
    return np.fromiter(numbers, dtype=np.float64, count=array.size)


_Probes = dict[str, Callable[[Question], Iterable[Probe]]]  # by arithmetic, in the order in which they are tried
_EXACT: _Probes = {"finite field": lambda q: [field_probe(q)], "rational": rational_probes}
_FLOATS: _Probes = {"float64": float_probes, "float32": lambda q: float_probes(q, SINGLE)}


Display = tuple[list[At], Seen]  # the layers at a point with their mistakes, and the point


def displays(q: Question, answer: Answer) -> Iterator[Display]:
    """Points whose numbers can be shown, in floats: the caller's own first sample, then random ones."""
    first = [float_probe(q, q.own_sample, answer.u)]
    for probe in _own_probes(q) if q.kept else chain(first, float_probes(q, answer.u)):
        with suppress(ArithmeticError, ValueError):  # the cost has no derivative there: a is 0 or 1 up to rounding
            seen = probe.seen(q, answer.decay)
            made = along(answer.layers, seen)
            if made is not None:
                yield made, seen


def holds_as_given(q: Question, answer: Answer) -> bool | None:
    """Whether the answer holds at the caller's own numbers too, sample by sample.

    None: there a z is 0, or a number beyond the range of floats, up to rounding, so that nothing can be said.
    """
    weights, biases, *_ = q.own_sample
    said: bool | None = True
    for s in range(min(q.x.shape[1], MOST_GIVEN)):
        probe = float_probe(q, (weights, biases, q.x[:, s : s + 1], q.y[:, s : s + 1]), answer.u)
        try:
            seen = probe.seen(q, answer.decay)
            if retraced(answer.layers, seen):
                continue
            if is_firm(seen, along(answer.layers, seen) or []):
                return False
        except (ArithmeticError, ValueError):  # the cost has no derivative there
            pass
        said = None
    return said


def is_firm(seen: Seen, made: list[At]) -> bool:
    """Whether our numbers at a point are finite, and no z is at a kink, whatever the rounding."""
    of = seen.of
    arrays = [*of.zs, *of.activations, *(seen.expected(at, name) for at in made for name in ("nabla_b", "nabla_w"))]
    numbers = [v for a in arrays for v in a.flat]
    kinked = [z for zs, f in zip(of.zs, of.functions, strict=True) if f.row.kink == 1 for z in zs.flat]
    return all(np.isfinite([v.value, v.error]).all() for v in numbers) and all(
        abs(z.value) > SLACK * z.error for z in kinked
    )


def apart(q: Question) -> float | None:
    """How far the gradients of the caller's first sample are from the right ones.

    That is the largest difference in an array, relative to the largest number there.  None: it is no finite number.
    """
    record, decay = q.network.backprop(*q.own_sample[2:]), q.declared.regularisation or 0.0
    right = [w + decay * own for w, own in zip(record.nabla_w, q.network.weights, strict=True)]
    largest = 0.0
    for layer, b, w in zip(found_in(q, call(q, q.own_sample), as_float64), record.nabla_b, right, strict=True):
        for mine, theirs in ((b, layer.nabla_b), (w, layer.nabla_w)):
            if theirs is None or theirs.shape != mine.shape:
                return None
            largest = np.fmax(largest, np.abs(theirs - mine).max() / np.abs(mine).max())
    return float(largest) if np.isfinite(largest) else None


class Remembered(Iterable[Display]):
    """What an iterator gives, each made once, however often it is gone through."""

    def __init__(self, iterator: Iterator[Display]) -> None:
        self._iterator, self._made = iterator, list[Display]()

    def __iter__(self) -> Iterator[Display]:
        yield from self._made
        for made in self._iterator:
            self._made.append(made)
            yield made
