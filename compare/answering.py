"""A candidate's walk at random points, in exact arithmetic or in floats; see `compare.diagnosing`."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.arithmetic import _not_rational
from compare.asking import RAISED, Question, call, found_in, note
from compare.beside import Point, draw
from compare.candidates import as_float64, lifted
from compare.field import Functions, NoOrder, Residue
from compare.near import DOUBLE, SINGLE, equal, near, within
from compare.rational import Rational
from compare.variants import Pass
from compare.walking import Layer, Way, walk

Array = npt.NDArray[Any]

FLAT = ("relu", "leaky_relu")  # whose σ′ shows little at one point
MANY, KINKS = 12, 6  # points for these, and points at the kinks


@dataclass(eq=False)
class Answer:
    """What was found in one arithmetic."""

    walks: list[list[Layer]]
    arithmetic: str
    way: str = ""  # the record of regularisation that was needed
    decay: tuple[float, float] = (0.0, 0.0)

    @property
    def unexplained(self) -> int:
        """How many equations, over all points and layers, no record explains."""
        return sum(len(layer.unexplained) for walked in self.walks for layer in walked)

    @property
    def score(self) -> tuple[int, int]:
        """What is not explained, and how many mistakes explain the rest: the smaller, the better the answer."""
        made = sum(len(layer.explanations[0]) for w in self.walks for layer in w if layer.explanations)
        return self.unexplained, made + bool(self.way)


def answer_of(q: Question) -> Answer:
    """In exact arithmetic, if that explains all; else in floats; else with the precision of float32."""
    tried: list[Answer] = []
    exact = () if q.floats_only else (_in_field, _in_rationals)
    for arithmetic in (*exact, _in_doubles, _in_singles):
        try:
            answer = with_decay(q, lambda decay, run=arithmetic: run(q, decay))  # type: ignore[misc]
        except _Unusable:
            continue
        if not answer.unexplained:
            return answer
        tried.append(answer)
    return min((a for a in tried if a.arithmetic != "float32"), key=lambda a: a.score)


class _Unusable(Exception):
    """The candidate, or the network, does not run in the arithmetic."""


def with_decay(q: Question, run: Callable[[tuple[float, float]], Answer]) -> Answer:
    """The answer with the regularisation that was declared, or that is recognised, or that is mistaken."""
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
    best = None
    for way, decay in {
        "": (lam, 0.0), "regularisation-missing": (0.0, 0.0), "regularisation-doubled": (2 * lam, 0.0),
        "regularisation-on-biases": (lam, lam), "regularisation-missing regularisation-on-biases": (0.0, lam),
        "regularisation-doubled regularisation-on-biases": (2 * lam, lam),
    }.items():  # fmt: skip
        answer = run(decay)
        answer.way = way
        if best is None or answer.score < best.score:
            best = answer
        if best.score == (0, 0):
            break
    assert best is not None
    return best


def _decays(answer: Answer) -> list[tuple[float, float]]:
    """λ as the output layer says it: (∂C/∂w − δ aᵀ)/w, if that is one number."""
    if answer.arithmetic not in ("float64", "rational"):
        return []
    top = answer.walks[0][0]
    at, found = top.at, top.found
    if found.nabla_w is None or found.nabla_w.shape != at.of.weights[-1].shape:
        return []
    delta = at.error * at.slope

    def ratio(a: Array, b: Array, w: Array) -> float:
        values = [(_float(p) - _float(r)) / _float(v) for p, r, v in zip(a.flat, b.flat, w.flat, strict=True)]
        middle = float(np.median(values))
        near_ = [abs(v - middle) <= 1e-6 * abs(middle) for v in values]
        return float(f"{middle:.6g}") if sum(near_) > len(values) / 2 and abs(middle) > 1e-9 else 0.0

    right_w = delta @ at.a_below.T
    lam = ratio(found.nabla_w, right_w, at.of.weights[-1])
    own = 0.0
    if found.nabla_b is not None and found.nabla_b.shape == delta.shape:
        own = ratio(found.nabla_b, delta, at.of.biases[-1])
    return [(lam, own)] if lam or own else []


def _float(number: Any) -> float:
    if isinstance(number, Rational):
        return number.to_float()
    return float(getattr(number, "value", number))


def pass_of(q: Question, point: Point) -> Pass:
    """Our forward pass at a point, in the numbers of the point."""
    weights, biases, x, y = point
    zs, activations = q.network.forward(x, weights, biases)
    functions = q.network.activation_functions
    return Pass(weights, biases, zs, activations, y, functions, q.network.cost, q.eta)


@dataclass(eq=False)
class Run:
    """One point in one arithmetic: the pass, the numbers for the candidate, and how its results are read."""

    point: Point
    passed: Pass
    read: Callable[[Array], Array]
    same: Callable[[Array, Array], bool]

    def walk(self, q: Question, decay: tuple[float, float]) -> list[Layer]:
        """The walk through the candidate's gradients at this point."""
        found = found_in(q, call(q, self.point), self.read)
        return walk(self.passed, found, Way(self.same, 1, *decay))


def field_run(q: Question, samples: int = 1) -> Run:
    """A random point of GF(2⁶¹ − 1)."""
    functions = Functions(f"diagnose {q.seed}")

    def lift(value: Any) -> Residue:
        return value if isinstance(value, Residue) else Residue(value, functions)

    point = draw(q.network.sizes, lambda inputs: Residue(functions.uniform(), functions, n=1), samples)
    return Run(point, pass_of(q, point), lambda array: lifted(array, lift), equal)


def rational_runs(q: Question, samples: int = 1) -> Iterator[Run]:
    """Points at which units are on and off; at the last, half of the z are 0, where a kink is."""
    names = {f.name for f in q.network.activation_functions}
    for number in range(MANY + KINKS if names & set(FLAT) else 1):
        bits = random.Random(f"diagnose {q.seed} rational {number}").getrandbits
        point = draw(q.network.sizes, lambda inputs, bits=bits: Rational(2 * bits(12) + 1 - 2**12, 2**10), samples)  # type: ignore[misc]
        if number >= MANY:
            _to_kinks(q, point, number % 2)
        yield Run(point, pass_of(q, point), lambda a: lifted(a, _rational), equal)


def _rational(value: Any) -> Rational:
    return value if isinstance(value, Rational) else Rational(value)


def _to_kinks(q: Question, point: Point, first: int) -> None:
    """Change biases so that every other z is 0, from the unit `first` on."""
    weights, biases, x, _ = point
    for i, sigma in enumerate(q.network.activation_functions):
        if sigma.name in FLAT:
            z = q.network.forward(x, weights, biases)[0][i]
            biases[i][first::2] = biases[i][first::2] - z[first::2, :1]


def _in_field(q: Question, decay: tuple[float, float]) -> Answer:
    try:
        return Answer([field_run(q).walk(q, decay)], "finite field", "", decay)
    except (*RAISED, NoOrder, ArithmeticError, TypeError, ValueError) as error:
        raise _Unusable from error


def _in_rationals(q: Question, decay: tuple[float, float]) -> Answer:
    if _not_rational(q.network):
        raise _Unusable
    try:
        return Answer([run.walk(q, decay) for run in rational_runs(q)], "rational", "", decay)
    except (*RAISED, ArithmeticError, TypeError, ValueError) as error:
        raise _Unusable from error


def _in_doubles(q: Question, decay: tuple[float, float], u: float = DOUBLE) -> Answer:
    walks = [run.walk(q, decay) for run in float_runs(q, u)]
    return Answer(walks, "float64" if u == DOUBLE else "float32", "", decay)


def _in_singles(q: Question, decay: tuple[float, float]) -> Answer:
    return _in_doubles(q, decay, SINGLE)


def float_runs(q: Question, u: float = DOUBLE, samples: int = 1) -> Iterator[Run]:
    """Random points.  Where relu is, they are small dyadic numbers, with which floats are exact."""
    flat = {f.name for f in q.network.activation_functions} & set(FLAT)
    # Only among dyadic numbers is such a z exactly 0 in floats, whatever the order of the sum.
    dyadic = {f.name for f in q.network.activation_functions} <= {"relu", "identity"}
    kinks = KINKS if dyadic else 0
    for number in range(MANY + kinks if flat else 2):
        generator = random.Random(f"diagnose {q.seed} float {number}")

        def element(inputs: int, g: random.Random = generator) -> float:
            return (2 * g.getrandbits(4) - 15) / _power(inputs) if flat else g.gauss(0, 1) / inputs**0.5

        point = draw(q.network.sizes, element, samples)
        point[3][...] = [[0.1 + 0.8 * generator.random() for _ in row] for row in point[3]]
        if number >= MANY:
            _to_kinks(q, point, number % 2)
        yield float_run(q, _floats(point), u)


def _power(inputs: int) -> int:
    """8 times the least power of 2 that is at least √inputs: numbers stay dyadic, and z small."""
    scale = 8
    while scale * scale < 64 * inputs:
        scale *= 2
    return scale


def _floats(point: Point) -> Point:
    weights, biases, x, y = point
    return [w.astype(float) for w in weights], [b.astype(float) for b in biases], x.astype(float), y.astype(float)


def float_run(q: Question, point: Point, u: float = DOUBLE) -> Run:
    """A point in floats; u is the unit roundoff of the arithmetic that the candidate is granted."""
    weights, biases, x, y = point
    numbers = [near(w, u) for w in weights], [near(b, u) for b in biases], near(x, u), near(y, u)

    def read(array: Array) -> Array:
        return near(as_float64(array), u)

    if q.eta is None:
        return Run(point, pass_of(q, numbers), read, within)
    # A step's gradient is (W − W′)/η: it has the rounding of W in it.
    largest = max(float(np.abs(a).max()) for a in (*weights, *biases))
    blur = 4 * u * (largest / abs(q.eta) + 1)

    return Run(point, pass_of(q, numbers), read, lambda found, expected: within(found, expected, blur))


def display_of(q: Question, answer: Answer) -> list[Layer]:
    """The walk at the caller's own first sample, in floats: for the numbers that are shown."""
    point = q.candidate.weights, q.candidate.biases, q.x[:, :1], q.y[:, :1]
    u = SINGLE if answer.arithmetic == "float32" else DOUBLE
    try:
        return float_run(q, point, u).walk(q, answer.decay)
    except (ArithmeticError, ValueError):  # the cost has no derivative there: a is 0 or 1 up to rounding
        return next(float_runs(q, u)).walk(q, answer.decay)
