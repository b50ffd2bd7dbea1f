"""Layers proved one by one: a lemma says that a layer's equations give (Jacobian)ᵀδ, for any δ above it.

A lemma runs one use of a layer on random numbers of GF(2⁶¹ − 1), with random δ above every array that it makes:
C = Σ w · out, whose δ is w.  If all that the equations make equals the adjoints there, they compute the transposed
Jacobian at that point, for all δ.  Reverse mode on a whole model is the composition of these, and where layers branch
δ is added up, on both sides; so by induction over the uses, from the last to the first, every δ of a model is its
adjoint once each of its uses has a lemma.  Equal uses need one.

What is no rational function is random (`compare.numbers.field`): exp, log, √ and σ of one's own; and what compares is
a free choice (`Chosen`), so that max and relu are proved for every pattern of winners and signs.  Masks and tokens are
given numbers: the lemma is for these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from compare.comparison.models import both_sides
from compare.numbers.field import Chosen, Functions
from compare.numbers.identity import ENOUGH, degree_of, fooled, log2
from explicit.elementwise import Array, objects
from explicit.layers.layer import At, Layer, equation
from explicit.model import Model, Use
from explicit.sums import add_up

SAMPLES, MOST_POINTS, ATTEMPTS = 3, 8, 8
"""B of a lemma, whose sums over samples are part of it; and when to give up adding points, and drawing one again."""


class Above(Layer):
    """C = Σ w · a: the layer below has δ = w, any numbers."""

    reads = ("a", "w")
    makes = ("C",)
    data = ("w",)
    is_cost = True

    def forward(self, at: At) -> None:
        """Numbers in reading order."""
        at.C = add_up((at.w * at.a).reshape(-1, at.a.shape[-1]))

    @equation("a", "δ = w")
    def bp1(self, at: At) -> None:
        """As it is given."""
        at.d.a += at.w


@dataclass(frozen=True)
class Lemma:
    """What random points said of one use of a layer.

    kind:         of the layer
    shapes:       of what it read, without samples
    numbers:      how many numbers were compared at a point
    different:    how many of each quantity were not equal to their adjoint; empty if the lemma holds
    degree:       the largest degree of a difference, counted on the run
    points:       how many random points
    probability:  that a false lemma held at all of them
    given:        data that it holds for as they were given: tokens, class numbers
    """

    kind: str
    shapes: tuple[tuple[int, ...], ...]
    numbers: int
    different: Mapping[str, int]
    degree: int
    points: int
    probability: Fraction
    given: tuple[str, ...]

    @property
    def proved(self) -> bool:
        """Whether every number was equal, and the chance of being fooled is below 2⁻¹⁰⁰."""
        return not self.different and self.probability < ENOUGH

    def __str__(self) -> str:
        head = f"{self.kind} of {', '.join('×'.join(map(str, shape)) or '1' for shape in self.shapes)}"
        if self.different:
            wrong = ", ".join(f"{count} of {name}" for name, count in self.different.items())
            return f"{head}: REFUTED, of {self.numbers} numbers differ {wrong}"
        word = "PROVED" if self.proved else "NOT PROVED"
        for_these = f", for the given {', '.join(self.given)}" if self.given else ""
        return (
            f"{head}: {word}{for_these}, {self.numbers} numbers, degree {self.degree}, "
            f"{self.points} points, fooled at most 2^{log2(self.probability):.0f}"
        )


def lemmas(model: Model, inputs: Mapping[str, Array], seed: int = 0) -> list[Lemma]:
    """A lemma for each use in a model, uses of one kind and shape sharing one.

    inputs: they give the shapes, and the tokens and class numbers that lemmas are for.
    Errors: those of `Model.forward`.
    """
    values = model.forward(inputs)
    found: dict[Any, Lemma] = {}
    for use in model.uses:
        read = [values[name] for name in use.reads]
        whole = [a.tobytes() for r, a in zip(use.layer.reads, read, strict=True) if r in use.layer.whole]
        shapes = [array.shape[:-1] for array in read]
        same = [use.reads.index(name) for name in use.reads]
        key = repr((type(use.layer), sorted(vars(use.layer).items()), shapes, same, whole))
        if key not in found:
            found[key] = lemma(use.layer, dict(zip(use.layer.reads, read, strict=True)), same, seed)
    return list(found.values())


def lemma(layer: Layer, read: Mapping[str, Array], same: Sequence[int] | None = None, seed: int = 0) -> Lemma:
    """The lemma of one use of a layer.

    read:  what it reads, by its own names: shapes count, and the numbers of tokens and class numbers
    same:  for each that is read the position of the first that is the same array (q = k = v: 0, 0, 0)
    """
    names = [f"in{i}" for i in (range(len(read)) if same is None else same)]
    # What a layer that couples makes inside has no samples (μ, r), and nothing else can read it.
    above = () if layer.is_cost else layer.makes[-1:] if layer.couples else layer.makes
    weights = [Use(Above(), f"above_{made}", (f"it.{made}", f"w_{made}")) for made in above]
    model = Model([Use(layer, "it", tuple(names)), *weights], cost=None)
    shapes = {name: array.shape[:-1] for name, array in zip(names, read.values(), strict=True)}
    whole = {
        name: array[..., :1].repeat(SAMPLES, axis=-1)
        for name, (r, array) in zip(names, read.items(), strict=True)
        if r in layer.whole
    }
    probability, degree, points, numbers = Fraction(1), 0, 0, 0
    different: dict[str, int] = {}
    while probability >= ENOUGH and points < MOST_POINTS and not different:
        points += 1
        functions, pairs = _at_a_point(model, shapes, whole, f"lemma {layer.kind} {seed} {points}")
        numbers = sum(ours.size for ours, _ in pairs.values())
        apart = {name: int((ours != theirs).sum()) for name, (ours, theirs) in pairs.items()}
        different = {name: count for name, count in apart.items() if count}
        here = degree_of(pairs.values())
        degree, probability = max(degree, here), probability * fooled(here, functions)
    given = layer.whole
    return Lemma(layer.kind, tuple(shapes[n] for n in names), numbers, different, degree, points, probability, given)


def _at_a_point(
    model: Model, shapes: Mapping[str, tuple[int, ...]], whole: Mapping[str, Array], name: str
) -> tuple[Functions, dict[str, tuple[Array, Array]]]:
    """Both sides at a random point; one at which a denominator is 0 is drawn again."""
    for attempt in range(ATTEMPTS):
        functions = Functions(f"{name} {attempt}")

        def drawn(shape: tuple[int, ...], functions: Functions = functions) -> Array:
            return objects((Chosen(functions.uniform(), functions, n=1) for _ in range(prod(shape))), shape)

        inputs = {n: whole[n] if n in whole else drawn((*s, SAMPLES)) for n, s in shapes.items()}
        model.parameters = {n: drawn(p.shape) for n, p in model.parameters.items()}
        try:
            its = model.uses[0]
            at = At(
                **{r: inputs[n] for r, n in zip(its.layer.reads, its.reads, strict=True)},
                **{p: model.parameters[n] for p, n in its.parameters.items()},
            )
            its.layer.forward(at)
            weights = {use.reads[1]: drawn(getattr(at, use.reads[1][2:]).shape) for use in model.uses[1:]}
            pairs = both_sides(model, inputs | weights)
            return functions, {n: (_elements(a, functions), _elements(b, functions)) for n, (a, b) in pairs.items()}
        except ZeroDivisionError:
            continue
    raise ValueError(f"{name}: some divisor was 0 at each of {ATTEMPTS} random points")


def _elements(numbers: Array, functions: Functions) -> Array:
    """Constants (δ = 1 of a cost, the 0 of what nothing leads to) are elements of the field too."""
    return objects((n if isinstance(n, Chosen) else Chosen(n, functions) for n in numbers), numbers.shape)
