"""What a diagnosis says: findings, remarks, and patterns in numbers that no mistake explains."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare.diagnosing.tried import Seen
from compare.diagnosing.walk import WalkedLayer
from compare.mistakes.known import Mistake, catalogue, find
from compare.mistakes.slots import B_SLOTS, DELTA_SLOTS, SLOTS, At
from compare.numbers.bounded import values
from engine.notation import symbol
from explicit import bp3, bp4
from explicit.elementwise import Array


@dataclass(frozen=True)
class Finding:
    """One mistake, and where.

    mistakes:  the mistake; several where their formulas are the same for this network: all of the class
    layers:    where, from the output backward; () where it is no matter of layers
    equation:  that fails
    numbers:   one unit's numbers substituted in the right formula and in the one that was computed
    text:      what is said where no mistake fits
    """

    mistakes: tuple[Mistake, ...]
    layers: tuple[int, ...]
    equation: str
    right: str
    numbers: str
    text: str = ""

    @classmethod
    def of(cls, names: Sequence[str], layers: tuple[int, ...] = (), numbers: str = "") -> "Finding":
        """The finding of mistakes that are one class."""
        mistakes = tuple(find(name) for name in names)
        return cls(mistakes, layers, mistakes[0].equation, mistakes[0].right, numbers)

    def lines(self) -> Iterator[str]:
        """The finding in words."""
        which = "layers" if len(self.layers) > 1 else "layer"
        where = f" at {which} {', '.join(map(str, self.layers))}" if self.layers else ""
        if not self.mistakes:
            yield f"{self.equation}{where}: {self.text}"
            return
        first = self.mistakes[0]
        yield f"{self.equation}{where}: {first.sentence} [{first.name}]"
        of = " in one of the equations" if first.parts else ""
        for other in self.mistakes[1:]:
            yield f"    the same numbers{of}: {other.sentence} [{other.name}]  {other.formula}"
        yield f"    computed: {first.formula}"
        if self.right:
            yield f"    right:    {self.right}"
        for line in self.numbers.splitlines():
            yield f"    {line}"
        yield f"    fix: {first.hint}"


# -- from layers to findings -------------------------------------------------------------------------

def findings(layers: list[WalkedLayer], displays: Iterable[tuple[list[At], Any]]) -> list[Finding]:
    """One finding for each mistake, however many layers show it.

    displays:  the same layers with the mistakes made in them, at points whose numbers can be shown: they are shown
               of the first at which the mistake changes them
    """
    found: list[tuple[list[str], list[int]]] = []
    for layer in layers:
        for mistakes in layer.classes:
            names = [mistake.name for mistake in mistakes]
            for known, where in found:
                common = [name for name in known if name in names]
                if common:
                    known[:] = common
                    where.append(layer.number)
                    break
            else:
                found.append((names, [layer.number]))
    _joined(found, layers[0].number)
    last = layers[0].number
    made = []
    for names, at_layers in sorted(found, key=lambda f: -max(f[1])):
        top = max(at_layers)
        shown = (_numbers(catalogue[names[0]], ats[last - top]) for ats, _ in displays)
        numbers = next(filter(None, shown), "")
        made.append(Finding.of(names, tuple(sorted(set(at_layers), reverse=True)), numbers))
    return made


def remarks(layers: list[WalkedLayer]) -> list[str]:
    """Other mistakes that make the same numbers, where they are not among the classes."""
    top = layers[0]
    named = {m.name for mistakes in top.classes for m in mistakes}
    doubled = ["nothing here says whether δ is doubled, or ∂C/∂w in each layer: nabla-w-doubled"]
    return (doubled if "factor-two" in named and not top.found.tells_delta else []) + [
        f"layer {layer.number}: the same numbers come from {' with '.join(m.name for m in other)}"
        for layer in layers
        for other in layer.others
    ]


def _joined(found: list[tuple[list[str], list[int]]], last: int) -> None:
    """A mistake made of others is named where all its parts are found, in every layer."""
    for mistake in catalogue.values():
        parts = [f for part in mistake.parts for f in found if part in f[0]]
        layers = {layer for _, where in parts for layer in where}
        if mistake.parts and len(parts) == len(mistake.parts) and layers >= set(range(2, last + 1)):
            names = [mistake.name, *(n for f in parts for n in f[0] if n not in mistake.parts)]
            found[:] = [f for f in found if f not in parts] + [(names, sorted(layers))]


def _numbers(mistake: Mistake, wrong: At) -> str:
    """The numbers of the unit that is most wrong, in the right and in the wrong formula; "" where they are alike."""
    right = replace(wrong, made={})
    try:
        if mistake.slot not in SLOTS:
            return ""
        if mistake.slot in DELTA_SLOTS:
            return _delta_numbers(right, wrong)
        right = right.put("delta", wrong.delta)
        products = ("nabla_w", "nabla_w_twice")
        if mistake.slot not in products:  # its factors, also where their product is transposed besides
            wrong = replace(wrong, made={slot: v for slot, v in wrong.made.items() if slot not in products})
        quantity = "nabla_b" if mistake.slot in B_SLOTS else "nabla_w"
        expected, computed = values(getattr(right, quantity)), values(getattr(wrong, quantity))
        if expected.shape != computed.shape:
            return f"shape {computed.shape} instead of {expected.shape}"
        j, k = _worst(expected, computed)
        if expected[j, k] == computed[j, k]:
            return ""
        if quantity == "nabla_b":
            name, terms = symbol("b", right.layer, j + 1), ["", ""]
        else:
            name = symbol("w", right.layer, j + 1, k + 1)
            terms = [f"{values(at.source)[j, 0]:.5g} × {values(at.input)[k, 0]:.5g} = " for at in (right, wrong)]
            if "nabla_w" in wrong.made:  # its numbers are not the product of one δ and one a
                terms[1] = ""
    except (ArithmeticError, ValueError):  # no such numbers at this point
        return ""
    return f"∂C/∂{name}: right {terms[0]}{expected[j, k]:.5g}, computed {terms[1]}{computed[j, k]:.5g}"


def _delta_numbers(right: At, wrong: At) -> str:
    j, s = _worst(values(right.delta), values(wrong.delta))
    if values(right.delta)[j, s] == values(wrong.delta)[j, s]:
        return ""
    said = []
    for at in (right, wrong):
        terms = [] if "delta" in at.made else [values(at.error)[j, s], values(at.slope)[j, s]]
        if "scale" in at.made:
            terms.insert(0, float(getattr(at.made["scale"], "value", at.made["scale"])))
        product = " × ".join(f"{term:.5g}" for term in terms)
        said.append(f"{product} = {values(at.delta)[j, s]:.5g}" if terms else f"{values(at.delta)[j, s]:.5g}")
    return f"{symbol('δ', right.layer, j + 1)}: right {said[0]}, computed {said[1]}"


def _worst(right: Array, wrong: Array) -> tuple[int, int]:
    j, k = np.unravel_index(int(np.argmax(np.abs(right - wrong))), right.shape)
    return int(j), int(k)


# -- what no mistake explains ---------------------------------------------------------------------------

def patterns(layers: list[WalkedLayer], displays: Iterable[tuple[list[At], Seen]]) -> list[str]:
    """For each quantity that no mistake explains, what holds between it and the right one, where that shows best.

    displays:  as for `findings`, with the points
    """
    said = []
    for i, layer in enumerate(layers):
        for tag in layer.unexplained:
            pairs = [_pair(tag, ats[i], seen) for ats, seen in displays]
            at, found, right = max(pairs, key=lambda pair: _departure(*pair[1:]))
            said.append(f"{tag} at layer {layer.number}: {_pattern(tag, at, found, right)}")
    return said


def _pair(tag: str, at: At, seen: Seen) -> tuple[At, Array, Array]:
    """A quantity as it was found, and as it should be."""
    quantity = {bp3.tag: "nabla_b", bp4.tag: "nabla_w"}.get(tag, "delta")
    found = getattr(seen.found[at.layer - 2], quantity)
    if quantity == "delta" or found is None:
        own, right = values(at.delta), values(at.error * at.slope)
        b = seen.found[at.layer - 2].nabla_b
        # Where only exact numbers said what δ is, `at` has the right one: of one sample ∂C/∂b is δ.
        if b is not None and b.shape == own.shape and np.array_equal(own, right):
            own = values(b)
        return at, own, right
    return at, values(found), values(seen.expected(at, quantity))


def _departure(found: Array, right: Array) -> tuple[bool, float]:
    """How well a point shows a departure: a large one by how many numbers are not 0, a small one by its size."""
    if found.shape != right.shape:
        return True, 0
    if np.allclose(found, right, **_CLOSE):
        return False, _size(found, right)
    return True, float(np.count_nonzero(right))


def _size(found: Array, right: Array) -> float:
    """The largest difference, relative to the largest right number."""
    return float(np.abs(found - right).max() / max(np.abs(right).max(), 5e-324))


def _pattern(tag: str, at: At, own: Array, right: Array) -> str:
    if tag in (bp3.tag, bp4.tag):
        return _relation(own, right)
    if not at.is_output and at.delta_next is not None and len(at.matrix) > 1:
        addends = [values(w[:, None] * d * at.slope) for w, d in zip(at.matrix, at.delta_next, strict=True)]
        for n, addend in enumerate(addends, 1):
            if np.allclose(own, right - addend, **_CLOSE):
                return f"the addend of unit {n} of layer {at.layer + 1} is missing"
            if np.allclose(own, addend, **_CLOSE) and len(addends) > 2:
                return f"of the sum only the addend of unit {n} of layer {at.layer + 1} is there"
    return _relation(own, right)


_CLOSE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-300}


def _relation(found: Array, right: Array) -> str:
    if found.shape != right.shape:
        if found.shape == right.T.shape and np.allclose(found, right.T, **_CLOSE):
            return "it is the transpose of the right one"
        return f"its shape is {found.shape}, expected {right.shape}"
    if not np.isfinite(found).all():
        return f"{np.count_nonzero(~np.isfinite(found))} of its {found.size} numbers are not finite"
    if not found.any():
        return "it is 0 everywhere"
    where = right != 0
    ratios = found[where] / right[where]
    if where.any() and not found[~where].any() and np.allclose(ratios, ratios[0], rtol=1e-9, atol=0):
        c = float(ratios[0])
        if abs(c + 1) < 1e-9:
            return "its sign is reversed"
        if abs(c - 1) > 1e-9:
            return f"it is {c:.10g} times the right one"
    if np.array_equal(found, right):
        return "it is right in floats, and not in exact arithmetic"
    if (size := _size(found, right)) < 1e-5:
        return f"it is right to {size:.1g} of its size (a finite difference, an ε, or rounding?)"
    if found.shape == right.T.shape and np.allclose(found, right.T, **_CLOSE):
        return "it is the transpose of the right one"
    if np.allclose(np.sort(found.ravel()), np.sort(right.ravel()), **_CLOSE):
        return "its numbers are the right ones in another order"
    if np.allclose(np.abs(found), np.abs(right), **_CLOSE):
        return "some signs are reversed"
    difference = found - right
    if difference.size > 1 and np.allclose(difference, difference.flat[0], rtol=1e-6, atol=0):
        return f"it is the right one plus {float(difference.flat[0]):.6g} everywhere"
    j, k = _worst(right, found)
    return f"no pattern; the largest difference is at [{j}, {k}]: {found[j, k]:.6g} instead of {right[j, k]:.6g}"
