"""The points at which a candidate is asked, in each arithmetic."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from compare.candidates.beside_ours import Point, draw
from compare.candidates.gradients import as_float64, lifted
from compare.diagnosing.question import Question, call, found_in
from compare.diagnosing.tried import Decay, Seen
from compare.mistakes.slots import Pass
from compare.numbers.bounded import DOUBLE, Near, equal, near, within
from compare.numbers.field import Functions
from compare.numbers.rational import Rational
from explicit.activations import identity, relu
from explicit.elementwise import Array

MANY = 12  # points where some σ has a kink: σ′ shows little at one point; and two at the kink of each layer


def pass_of(q: Question, point: Point) -> Pass:
    """Our forward pass at a point, in the numbers of the point."""
    weights, biases, x, y = point
    zs, activations = q.network.forward(x, weights, biases)
    functions = q.network.activation_functions
    return Pass(weights, biases, zs, activations, y, functions, q.network.cost, q.eta, q.kinks)


@dataclass(eq=False)
class Probe:
    """One point in one arithmetic: the pass, the numbers for the candidate, and how its results are read."""

    point: Point
    make: Callable[[], Pass]
    read: Callable[[Array], Array]
    same: Callable[[Array, Array], bool]

    @cached_property
    def passed(self) -> Pass:
        """Our forward pass there, made when it is asked for."""
        return self.make()

    def seen(self, q: Question, decay: Decay = (0.0, 0.0)) -> Seen:
        """The candidate's gradients at this point, beside our pass."""
        return Seen(self.passed, found_in(q, call(q, self.point), self.read), self.same, 1, *decay)


def field_probe(q: Question, samples: int = 1) -> Probe:
    """A random point of GF(2⁶¹ − 1)."""
    functions = Functions(f"diagnose {q.declared.seed}")
    point = draw(q.network.sizes, functions.variable, samples)
    return Probe(point, partial(pass_of, q, point), lambda array: lifted(array, functions.element), equal)


def rational_probes(q: Question, samples: int = 1) -> Iterator[Probe]:
    """Points at which units are on and off, then, layer by layer, with every other z at the kink."""

    def probe(point: Point) -> Probe:
        return Probe(point, partial(pass_of, q, point), lambda a: lifted(a, Rational), equal)

    kinks = [(i, first) for i, f in enumerate(q.network.activation_functions) if f.row.kink == 1 for first in (0, 1)]
    for number in range(MANY + len(kinks) if kinks else 1):
        bits = random.Random(f"diagnose {q.declared.seed} rational {number}").getrandbits
        point = draw(q.network.sizes, lambda inputs, bits=bits: Rational(2 * bits(12) + 1 - 2**12, 2**10), samples)  # type: ignore[misc]
        if number == 0:
            _measure_kinks(q, point, [i for i, first in kinks if first], probe)
        if number >= MANY:
            _to_kink(q, point, *kinks[number - MANY])
        yield probe(point)


def _to_kink(q: Question, point: Point, i: int, first: int) -> None:
    """Change biases so that every other z of layer i + 2 is 0, from the unit `first` on, and that it shows above."""
    weights, biases, x, _ = point
    z = q.network.forward(x, weights, biases)[0][i]
    biases[i][first::2] = biases[i][first::2] - z[first::2, :1]
    _switch_on(q, point, [j for j in range(i + 1, len(biases)) if q.network.activation_functions[j].row.kink == 1])


def _measure_kinks(q: Question, point: Point, layers: list[int], probe: Callable[[Point], Probe]) -> None:
    """Keep in q.kinks the σ′(0) of layers (0: the first with weights) as the candidate has it.

    All its gradients are linear in the slope of a unit, so those at z = 0 stand among those at z = −1 and z = 1 as
    its slopes do.
    """
    weights, biases, x, y = point
    point = weights, [b.copy() for b in biases], x[:, :1], y[:, :1]
    _switch_on(q, point, [i for i, f in enumerate(q.network.activation_functions) if f.row.kink == 1])
    q.kinks = {}
    for i in layers:
        probes = [probe(_with_z(q, point, i, z)) for z in (-1, 0, 1)]
        found = (p.seen(q).found[i] for p in probes)
        below, at, above = ([v for a in (f.nabla_b, f.nabla_w) if a is not None for v in a.flat] for f in found)
        k = max(range(len(at)), key=lambda k: abs(above[k] - below[k]), default=None)
        if k is not None and above[k] != below[k]:
            low, high = (probes[side].passed.slope(i + 2)[0, 0] for side in (0, 2))
            q.kinks = {**q.kinks, i + 2: low + (high - low) * ((at[k] - below[k]) / (above[k] - below[k]))}


def _with_z(q: Question, point: Point, i: int, z: int) -> Point:
    """A point at which z of the first unit of layer i + 2 is another, and all above stays as it was."""
    weights, biases, x, y = point
    biases = [b.copy() for b in biases]
    zs, before = q.network.forward(x, weights, biases)
    biases[i][:1] = biases[i][:1] - zs[i][:1] + z
    change = q.network.forward(x, weights, biases)[1][i + 1] - before[i + 1]
    if i + 1 < len(weights):
        biases[i + 1] = biases[i + 1] - weights[i + 1] @ change
        return weights, biases, x, y
    return weights, biases, x, y + change


def float_probes(q: Question, u: float = DOUBLE, samples: int = 1) -> Iterator[Probe]:
    """Random points.  Where relu and its kin are, they are small dyadic numbers, with which floats are exact."""
    rows = [f.row for f in q.network.activation_functions]
    flat = any(row.kink == 1 for row in rows)
    # Only among dyadic numbers is a z exactly 0 in floats, whatever the order of its sum.
    dyadic = [i for i in range(len(rows)) if all(row.linear for row in rows[:i])]
    kinks = [(i, first) for i in dyadic if rows[i].kink == 1 for first in (0, 1)]
    for number in range(MANY + len(kinks) if flat else 2 if u == DOUBLE else 8):
        generator = random.Random(f"diagnose {q.declared.seed} float {number}")

        def element(inputs: int, g: random.Random = generator) -> float:
            return (2 * g.getrandbits(4) - 15) / _power(inputs) if flat else g.gauss(0, 1) / inputs**0.5

        point = draw(q.network.sizes, element, samples)
        point[3][...] = [[0.1 + 0.8 * generator.random() for _ in row] for row in point[3]]
        if number == 0:
            _measure_kinks(q, point, [i for i, first in kinks if first], lambda at: float_probe(q, _floats(at), u))
        if number >= MANY:
            i, first = kinks[number - MANY]
            _switch_on(q, point, [j for j in range(i) if rows[j] not in (relu, identity)])
            _to_kink(q, point, i, first)
        yield float_probe(q, _floats(point), u)


def _switch_on(q: Question, point: Point, layers: list[int]) -> None:
    """Change biases, by whole numbers, so that all z of these layers are above 0: there a = z."""
    weights, biases, x, _ = point
    for i in layers:
        z = q.network.forward(x, weights, biases)[0][i]
        for j in range(len(z)):
            biases[i][j] = biases[i][j] + next(n for n in (0, *(2**k for k in range(64))) if min(z[j]) + n > 0)


def _power(inputs: int) -> int:
    """8 times the least power of 2 that is at least √inputs: numbers stay dyadic, and z small."""
    scale = 8
    while scale * scale < 64 * inputs:
        scale *= 2
    return scale


def _floats(point: Point) -> Point:
    weights, biases, x, y = point
    return [w.astype(float) for w in weights], [b.astype(float) for b in biases], x.astype(float), y.astype(float)


def float_probe(q: Question, point: Point, u: float = DOUBLE) -> Probe:
    """A point in floats; u is the unit roundoff of the arithmetic that the candidate is granted."""
    weights, biases, x, y = point
    numbers = [near(w, u) for w in weights], [near(b, u) for b in biases], near(x, u), near(y, u)

    def read(array: Array) -> Array:
        return near(as_float64(array), u)

    # A step's gradient is (W − W′)/η: it has the rounding of W in it.  A difference has that of its terms.
    largest = max(float(np.abs(a).max()) for a in (*weights, *biases))
    blur = 0.0 if q.eta is None else 4 * u * (largest / abs(q.eta) + 1)

    def same(found: Array, expected: Array) -> bool:
        return within(found, expected, blur + u * getattr(q.candidate.candidate, "largest", 0.0))

    def make() -> Pass:
        passed = pass_of(q, numbers)
        kinks = passed.kinks.items()
        kept = {layer: Near(c.to_float(), 0.0, u) if isinstance(c, Rational) else c for layer, c in kinks}
        return replace(passed, kinks=kept)

    return Probe(point, make, read, same)
