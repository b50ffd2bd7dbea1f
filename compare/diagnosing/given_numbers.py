"""δ or gradients that somebody computed, as numbers: compared at the point where they were computed.

Nothing can be called again, so how the samples of a batch were put together is guessed: each way in turn, and the one
that leaves the fewest mistakes counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from compare.candidates import conventions
from compare.candidates.gradients import NotGradients, as_float64
from compare.diagnosing.answer import Answer, is_rounding, with_decay
from compare.diagnosing.batch import Way, mean_inputs, reduction_findings
from compare.diagnosing.diagnosis import Diagnosis
from compare.diagnosing.findings import Finding, findings, patterns, remarks
from compare.diagnosing.points import Run, float_run
from compare.diagnosing.question import FLOAT32, Question, layouts, matrix, note, question_of
from compare.diagnosing.tried import Found, Seen
from compare.diagnosing.walk import along
from compare.mistakes.slots import At, Pass, averaged
from compare.numbers.bounded import DOUBLE, SINGLE, near
from explicit.elementwise import Array

_SUM, _MEAN = Way("all"), Way("all", 1)


def diagnose_numbers(
    given: Any, x: Any, y: Any, activation: Any, cost: Any, weights: Any, biases: Any,
    sizes: Any, declared: tuple[Any, ...], layout: str | None = None,
) -> Diagnosis:  # fmt: skip
    """δ, or gradients, that somebody computed: compared at the caller's own x and y.

    In each reading of the shapes; the one that leaves the fewest mistakes counts, ours where they are alike.

    Raises
    ------
    TypeError, ValueError
        Parameters are missing; the numbers have the shapes of no δ and of no gradients.
    """
    if sizes is not None:
        raise ValueError("sizes: for numbers give the weights and biases with which they were computed")
    if weights is None:
        raise TypeError("weights, biases: needed for numbers: those with which they were computed")
    made: list[Diagnosis] = []
    refused: ValueError | None = None
    for q, own in _readings(matrix("x", x), matrix("y", y), activation, cost, weights, biases, declared, layout):
        q.network.backprop(q.x, q.y)  # refuses a point at which the cost has no derivative
        try:
            found = _read(q, given, own)
        except ValueError as error:
            refused = refused or error
            continue
        made.append(_diagnosis(q, found))
        if made[-1].right:
            break
    if not made:
        assert refused is not None
        raise refused
    return min(made, key=lambda d: (len(d.unexplained), len(d.findings)))


# -- the shapes --------------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Shapes:
    """How the caller's shapes are turned into ours.

    samples, weights:  whether samples are rows; whether W is (inputs, units)
    biases:            whether b is (n,) or (1, n) where samples are rows, so that (B, n) is one row per sample
    folded:            where the biases are in W: in the first column (True), in the last (False), apart (None)
    """

    samples: bool = False
    weights: bool = False
    biases: bool = False
    folded: bool | None = None

    def delta(self, array: Array) -> Array:
        """δ as (n, B)."""
        return array.reshape(-1, 1) if array.ndim == 1 else array.T if self.samples else array

    def b(self, array: Array) -> Array:
        """∂C/∂b as (n, 1), or (n, B) where it was not summed."""
        is_row = array.ndim == 2 and (self.biases or (self.weights and len(array) == 1))
        return array.T if is_row else array.reshape(-1, 1) if array.ndim == 1 else array

    def w(self, array: Array) -> Array:
        """∂C/∂w as (units, inputs)."""
        return array.T if self.weights else array


def _readings(
    x: Array, y: Array, activation: Any, cost: Any, weights: Any, biases: Any, declared: tuple[Any, ...],
    layout: str | None,
) -> Iterator[tuple[Question, _Shapes]]:  # fmt: skip
    """The point in our convention, in each of the ways in which the shapes of its parameters can be read."""

    def question(x: Array, y: Array, weights: Any, biases: Any, notes: list[str]) -> Question:
        return question_of(lambda *_: None, x, y, activation, cost, weights, biases, None, declared, notes)

    if conventions.is_folded(weights, biases, x.shape[0], y.shape[0]):
        for first in (False, True):
            where = "first" if first else "last"
            said = [f"the biases are folded into W as its {where} column"]
            yield question(x, y, *conventions.unfolded(weights, first), said), _Shapes(folded=first)
        return
    if biases is None:
        raise TypeError("weights, biases: needed for numbers: those with which they were computed")
    for rows_x, rows_w in layouts(weights, biases, x, y, layout):
        if not (rows_x or rows_w):
            yield question(x, y, weights, biases, []), _Shapes()
            continue
        ws = [np.asarray(w).T if rows_w else np.asarray(w) for w in weights]
        bs = [np.asarray(b).reshape(-1, 1) for b in biases]
        said = [s for s, is_so in (("samples are rows", rows_x), ("W is (inputs, units)", rows_w)) if is_so]
        flat = rows_x and all(np.ndim(b) == 1 or len(b) == 1 for b in biases)
        a, b = (x.T, y.T) if rows_x else (x, y)
        yield question(a, b, ws, bs, ["; ".join(said)]), _Shapes(rows_x, rows_w, flat)


def _read(q: Question, given: Any, own: _Shapes) -> list[Found]:
    """(nabla_b, nabla_w), or a list of δ, or a list of ∂C/∂W: told apart by shapes.

    ∂C/∂b that was not summed over the samples is δ.
    """
    shapes, samples = [w.shape for w in q.candidate.weights], q.x.shape[1]

    def arrays(values: Any) -> list[Array]:
        return [as_float64(np.asarray(v)) for v in values]

    def are_b(some: list[Array]) -> bool:
        return all(b.shape in ((s[0], 1), (s[0], samples)) for b, s in zip(some, shapes, strict=True))

    def are_w(some: list[Array]) -> bool:
        return [w.shape for w in some] == shapes

    try:
        if len(given) == 2 and all(isinstance(g, (list, tuple)) and len(g) == len(shapes) for g in given):
            one, two = (arrays(g) for g in given)
            bs, ws = [own.b(b) for b in one], [own.w(w) for w in two]
            swapped = [own.b(b) for b in two], [own.w(w) for w in one]
            if not (are_b(bs) and are_w(ws)) and are_b(swapped[0]) and are_w(swapped[1]):
                note(q, "it is (nabla_w, nabla_b); the book's order is (nabla_b, nabla_w)")
                return _gradients(q, *swapped)
            if are_b(bs) or are_w(ws):
                return _gradients(q, bs, ws)
        items = arrays(given)
    except (TypeError, ValueError, NotGradients) as error:
        raise ValueError(f"candidate: expected lists of arrays of floats ({error})") from error
    if own.folded is not None and [i.shape for i in items] == [(s[0], s[1] + 1) for s in shapes]:
        ws, bs = conventions.unfolded(items, own.folded)
        return _gradients(q, bs, ws)
    if len(items) == len(shapes) and are_w([own.w(w) for w in items]) and any(s[1] != samples for s in shapes):
        return [Found(None, own.w(w)) for w in items]
    wanted = [(s[0], samples) for s in shapes]
    if [own.delta(d).shape for d in items] != wanted:
        raise ValueError(
            f"candidate: expected δ of shapes {wanted}, or (nabla_b, nabla_w), or ∂C/∂W of shapes {shapes}; "
            f"got {[i.shape for i in items]}"
        )
    return [Found(None, None, own.delta(d)) for d in items]


def _gradients(q: Question, bs: list[Array], ws: list[Array]) -> list[Found]:
    m, sizes = q.x.shape[1], q.candidate.sizes[1:]
    columns = [m > 1 and b.shape == (n, m) for b, n in zip(bs, sizes, strict=True)]
    return [Found(None, w, b) if c else Found(b, w) for b, w, c in zip(bs, ws, columns, strict=True)]


# -- how the samples were put together -----------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class _Given(Seen):
    """A point at which ∂C/∂b (`factor`) and ∂C/∂w may be divided differently."""

    factor_w: Any = 1

    def expected(self, at: At, quantity: str) -> Array:
        """As `Seen.expected`."""
        own = replace(self, factor=self.factor_w) if quantity == "nabla_w" and self.factor != self.factor_w else self
        return super(_Given, own).expected(at, quantity)


@dataclass(eq=False)
class _Reading:
    """The numbers in one way of putting the samples together, in one precision."""

    seen: _Given
    answer: Answer
    display: list[At]
    named: list[Finding]
    notes: list[str]

    @property
    def score(self) -> tuple[int, int, int, bool]:
        """The smaller, the better: what is not explained; mistakes, of them those in the equations; float32."""
        made = len(self.named)
        return self.answer.unexplained, made, self.answer.score[1], self.answer.arithmetic == "float32"


def _diagnosis(q: Question, found: list[Found]) -> Diagnosis:
    """The reading that explains most with the fewest mistakes; few mistakes are tried first.

    Mistakes in the batch are looked for beside at most one mistake in each layer.
    """
    m = q.x.shape[1]
    plain = {None: (_SUM, _MEAN), "sum": (_SUM, _MEAN), "mean": (_MEAN, _SUM)}[q.reduction][: 1 if m == 1 else 2]
    usual, others = [(way, way) for way in plain], list(_unusual(found, m))
    runs = {u: float_run(q, (q.candidate.weights, q.candidate.biases, q.x, q.y), u) for u in (DOUBLE, SINGLE)}
    made: list[_Reading] = []
    for least, most, ways in ((0, 0, usual), (1, 0, others), (1, 1, usual), (2, 1, others), (2, q.most, usual)):
        if any(not r.answer.unexplained and len(r.named) < least for r in made):
            break  # so few mistakes explain it that these ways cannot
        for u in (DOUBLE, SINGLE):
            here = [r for b, w in ways for r in _reading(q, runs[u], found, b, w, u, most)]
            made += here
            if any(not r.answer.unexplained for r in here):
                break
    best = min(made, key=lambda r: r.score)
    alike = [r for r in made if r.score[:2] == best.score[:2]]
    answer, named = best.answer, list(best.named)
    for said in best.notes:
        note(q, said)
    if answer.arithmetic == "float32":
        if q.dtype == "float64":
            named.append(Finding.of(["float32-inside"]))
        else:
            note(q, FLOAT32)
    if not answer.unexplained:
        known = {m.name for f in named for m in f.mistakes}
        for other in alike:
            names = [f.mistakes[0].name for f in other.named if f.mistakes]
            if names and not set(names) <= known:
                note(q, f"the same numbers come from {' with '.join(names)}")
    unknown = patterns(answer.layers, [(best.display, best.seen)])
    return Diagnosis(q.network, named, unknown, answer.layers, answer.arithmetic, "", q.notes)


def _unusual(found: list[Found], m: int) -> Iterator[tuple[Way, Way]]:
    """The other ways in which a batch of m is put together, of ∂C/∂b and of ∂C/∂w."""
    if m == 1 or all(f.nabla_w is None for f in found):  # a list of δ has one for each sample
        return
    divided = range(3)
    pairs = list(product(divided, divided)) if any(f.nabla_b is not None or f.delta is not None for f in found) else [
        (d, d) for d in divided
    ]  # fmt: skip
    yield from ((Way("all", b), Way("all", w)) for b, w in pairs if (b, w) not in ((0, 0), (1, 1)))
    if all(f.delta is None for f in found):
        yield from ((Way("last", d), Way("last", d)) for d in divided)
        yield from ((Way("averaged", d), Way("averaged", d)) for d in (0, 1))


def _reading(
    q: Question, run: Run, found: list[Found], b: Way, w: Way, u: float, most: int
) -> Iterator[_Reading]:
    """The numbers read in one way; several where there are several passes; none where float32 is no explanation."""
    m = q.x.shape[1]
    for passed in _passes(q, run, b, m):
        # What comes of the mean sample is the mean: as a sum it is taken m times.
        factor_b, factor_w = (m ** (1 - way.divided if way.taken == "averaged" else -way.divided) for way in (b, w))
        scaled = [_near(f, m**b.divided, u) for f in found]
        seen = _Given(passed, scaled, run.same, float(factor_b), factor_w=float(factor_w))
        own = replace(q, notes=[], most=most)
        answer = with_decay(own, [seen], "float64" if u == DOUBLE else "float32")
        if u == SINGLE and not is_rounding(answer, [seen]):
            continue
        seen = replace(seen, decay_w=answer.decay[0], decay_b=answer.decay[1])
        display = along(answer.layers, seen)
        assert display is not None  # it is the point at which they were found
        named = findings(answer.layers, [(display, seen)])
        named += [Finding.of([name]) for name in answer.way.split()]
        for said in remarks(answer.layers):
            note(own, said)
        if not answer.unexplained:
            named += _of_batch(own, found, b, w)
        yield _Reading(seen, answer, display, named, own.notes)


def _passes(q: Question, run: Run, way: Way, m: int) -> list[Pass]:
    if way.taken == "last":
        return [run.passed.sample(m - 1)]
    return [averaged(run.passed), *mean_inputs(q, run)] if way.taken == "averaged" else [run.passed]


def _of_batch(q: Question, found: list[Found], b: Way, w: Way) -> list[Finding]:
    """What the ways mean, given what was declared."""
    if q.x.shape[1] == 1:
        return []
    if all(f.nabla_w is None for f in found):  # δ of each sample is right, of a sum and of a mean
        if b.divided and q.reduction == "sum":
            return [Finding.of(["mean-for-sum"])]
        if b.divided and q.reduction is None:
            note(q, "equal under this convention: δ is divided by the number of samples, as of a mean")
        return []
    if any(f.delta is not None for f in found):
        declared = replace(q, reduction=q.reduction or ("mean" if w.divided else "sum"))  # a batch was given
        return reduction_findings(declared, Way("columns", b.divided), w)
    return reduction_findings(q, b, w)


def _near(found: Found, divisor: int, u: float) -> Found:
    """What was given, rounded once; δ as it was before it was divided, so that the walk goes on with it."""
    b, w, delta = (None if a is None else near(a, u) for a in (found.nabla_b, found.nabla_w, found.delta))
    return Found(b, w, delta if delta is None or divisor == 1 else delta * divisor)
