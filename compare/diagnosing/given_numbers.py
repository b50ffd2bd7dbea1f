"""δ or gradients that somebody computed, as numbers: compared at the point where they were computed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from compare.candidates import conventions
from compare.candidates.gradients import NotGradients, as_float64
from compare.candidates.reduction import Reduction
from compare.diagnosing.answer import Answer, with_decay
from compare.diagnosing.batch import means, reduction_findings
from compare.diagnosing.diagnosis import Diagnosis
from compare.diagnosing.findings import Finding, findings, patterns, remarks
from compare.diagnosing.precision import FLOAT32, are_single, is_rounding
from compare.diagnosing.probes import Probe, float_probe
from compare.diagnosing.question import Declared, Question, matrix, note, question_of
from compare.diagnosing.shapes import Shapes, readings
from compare.diagnosing.tried import Found, Seen
from compare.diagnosing.walk import along
from compare.mistakes.slots import At, Pass
from compare.numbers.bounded import DOUBLE, SINGLE, near
from explicit.elementwise import Array

_SUM, _MEAN = Reduction("all"), Reduction("all", 1)


def diagnose_numbers(
    given: Any, x: Any, y: Any, declared: Declared, weights: Any, biases: Any, sizes: Any
) -> Diagnosis:
    """δ, or gradients, that somebody computed: compared at the caller's own x and y.

    In each reading of the shapes; the one that leaves the fewest mistakes counts, ours where they are alike.

    Raises
    ------
    TypeError, ValueError
        Parameters are missing; the numbers have the shapes of no δ and of no gradients.
    """
    if sizes is not None:
        raise ValueError("sizes: for numbers give the weights and biases with which they were computed")
    x, y = matrix("x", x), matrix("y", y)
    shapes = [] if weights is None else readings(weights, biases, x, y, declared.layout)
    if not shapes or (biases is None and shapes[0].folded is None):
        raise TypeError("weights, biases: needed for numbers: those with which they were computed")
    made: list[Diagnosis] = []
    refused: ValueError | None = None
    for own in shapes:
        q = question_of(lambda *_: None, *own.data(x, y), *own.parameters(weights, biases), declared, own.said)
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


def _read(q: Question, given: Any, own: Shapes) -> list[Found]:
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
    plain = {None: (_SUM, _MEAN), "sum": (_SUM, _MEAN), "mean": (_MEAN, _SUM)}[q.declared.reduction]
    usual, others = [(way, way) for way in plain[: 1 if m == 1 else 2]], list(_unusual(found, m))
    point = q.candidate.weights, q.candidate.biases, q.x, q.y
    probes = {u: float_probe(q, point, u) for u in (DOUBLE, SINGLE)}
    made: list[_Reading] = []
    for least, most, ways in ((0, 0, usual), (1, 0, others), (1, 1, usual), (2, 1, others), (2, q.most, usual)):
        if any(not r.answer.unexplained and len(r.named) < least for r in made):
            break  # so few mistakes explain it that these ways cannot
        for u in (DOUBLE, SINGLE):
            here = [r for b, w in ways for r in _reading(q, probes, found, b, w, u, most)]
            made += here
            if any(not r.answer.unexplained for r in here):
                break
    best = min(made, key=lambda r: r.score)
    alike = [r for r in made if r.score[:2] == best.score[:2]]
    answer, named = best.answer, list(best.named)
    for said in best.notes:
        note(q, said)
    if answer.arithmetic == "float32":
        if q.declared.dtype == "float64":
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


def _unusual(found: list[Found], m: int) -> Iterator[tuple[Reduction, Reduction]]:
    """The other ways in which a batch of m is put together, of ∂C/∂b and of ∂C/∂w."""
    if m == 1 or all(f.nabla_w is None for f in found):  # a list of δ has one for each sample
        return
    divided = range(3)
    pairs = list(product(divided, divided)) if any(f.nabla_b is not None or f.delta is not None for f in found) else [
        (d, d) for d in divided
    ]  # fmt: skip
    yield from ((Reduction("all", b), Reduction("all", w)) for b, w in pairs if (b, w) not in ((0, 0), (1, 1)))
    if all(f.delta is None for f in found):
        yield from ((Reduction("last", d), Reduction("last", d)) for d in divided)
        yield from ((Reduction("averaged", d), Reduction("averaged", d)) for d in (0, 1))


def _reading(
    q: Question, probes: dict[float, Probe], found: list[Found], b: Reduction, w: Reduction, u: float, most: int
) -> Iterator[_Reading]:
    """The numbers read in one way; several where there are several passes; none where float32 is no explanation."""
    m = q.x.shape[1]
    for passed, in_doubles in zip(*(_passes(q, probes[v], b, m) for v in (u, DOUBLE)), strict=True):
        # What comes of the mean sample is the mean: as a sum it is taken m times.
        factor_b, factor_w = (m ** (1 - way.divided if way.taken == "averaged" else -way.divided) for way in (b, w))
        scaled = [_near(f, m**b.divided, u) for f in found]
        seen = _Given(passed, scaled, probes[u].same, float(factor_b), factor_w=float(factor_w))
        own = replace(q, notes=[], most=most)
        answer = with_decay(own, [seen], "float64" if u == DOUBLE else "float32")
        seen = replace(seen, decay_w=answer.decay[0], decay_b=answer.decay[1])
        doubles = replace(seen, of=in_doubles, found=[_near(f, m**b.divided, DOUBLE) for f in found])
        if u == SINGLE and not (is_rounding(answer.layers, [seen]) and are_single(answer.layers, doubles)):
            continue
        display = along(answer.layers, seen)
        assert display is not None  # it is the point at which they were found
        named = findings(answer.layers, [(display, seen)])
        named += [Finding.of([name]) for name in answer.way.split()]
        for said in remarks(answer.layers):
            note(own, said)
        if not answer.unexplained:
            named += _of_batch(own, found, b, w)
        yield _Reading(seen, answer, display, named, own.notes)


def _passes(q: Question, probe: Probe, way: Reduction, m: int) -> list[Pass]:
    if way.taken == "last":
        return [probe.passed.sample(m - 1)]
    return [*means(q, probe)] if way.taken == "averaged" else [probe.passed]


def _of_batch(q: Question, found: list[Found], b: Reduction, w: Reduction) -> list[Finding]:
    """What the ways mean, given what was declared."""
    if q.x.shape[1] == 1:
        return []
    if all(f.nabla_w is None for f in found):  # δ of each sample is right, of a sum and of a mean
        if b.divided and q.declared.reduction == "sum":
            return [Finding.of(["mean-for-sum"])]
        if b.divided and q.declared.reduction is None:
            note(q, "equal under this convention: δ is divided by the number of samples, as of a mean")
        return []
    if any(f.delta is not None for f in found):
        declared = q.declared.reduction or ("mean" if w.divided else "sum")  # a batch was given
        return reduction_findings(q, Reduction("columns", b.divided), w, declared)
    return reduction_findings(q, b, w, q.declared.reduction)


def _near(found: Found, divisor: int, u: float) -> Found:
    """What was given, rounded once; δ as it was before it was divided, so that the walk goes on with it."""
    b, w, delta = (None if a is None else near(a, u) for a in (found.nabla_b, found.nabla_w, found.delta))
    return Found(b, w, delta if delta is None or divisor == 1 else delta * divisor)
