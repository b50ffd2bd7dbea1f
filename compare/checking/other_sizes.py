"""A candidate at other sizes than the given ones: a function takes any weights, a class makes networks of any sizes.

A class says that it is right at all sizes.  A function does not: it may fix its layers, which is a limit and no
mistake.  Of an object its class is asked, if what it makes computes what the object does.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.candidates.candidate import Candidate
from compare.candidates.gradients import CandidateError, NotGradients
from compare.checking.float_verdict import Sample, float_verdict
from explicit import Network
from explicit.elementwise import Array


@dataclass(frozen=True)
class OtherSizes:
    """What floats say at other sizes.

    sizes:  those that were asked; () where none could be
    holds:  True, False, or None where it is not known, or is a limit and no mistake
    said:   in words
    fixed:  the layers, in words, beside which it is wrong, where that is a limit; else ""
    """

    sizes: tuple[int, ...]
    holds: bool | None
    said: str
    fixed: str = ""


def takes_sizes(thing: Any) -> bool:
    """Whether a class is made from sizes alone."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(needed) == 1 and "size" in needed[0].name


def at_other_sizes(
    of: Candidate, is_of_class: bool, network: Network, sample: Sample, reduction: str | None, seed: int
) -> OtherSizes:
    """Ask the candidate for deeper layers than the given ones, or for fewer; is_of_class: a class was given."""
    names = "-".join(map(str, of.sizes))
    fixed = OtherSizes((), None, f"it was asked at {names} alone")
    inside = network.activation_functions[:-1]
    if any(f != inside[0] for f in inside):
        return fixed  # which σ a layer more would have is not said
    sizes = [of.sizes[0], 4, 5, 3, of.sizes[-1]] if len(of.sizes) != 5 else [of.sizes[0], 4, 3, of.sizes[-1]]
    last = network.activation_functions[-1]
    other = Network(sizes, [*[inside[0] if inside else last] * (len(sizes) - 2), last], network.cost, seed=seed)
    where = "-".join(map(str, sizes))
    try:
        made = _made(of, is_of_class, other, sample)
        if made is None:
            return fixed
        other.weights, other.biases = made.weights, made.biases
        found = float_verdict(made, other, [], None, reduction, np.random.RandomState(seed))
    except (Exception, SystemExit) as error:  # the class is the user's, and may raise anything
        return OtherSizes((), None, f"{fixed.said}: at {where} it does not run ({error})")
    if found.holds:
        return OtherSizes(tuple(sizes), True, f"at {where} it is right, in floats")
    if found.holds is None:
        return OtherSizes(tuple(sizes), None, f"{fixed.said}: at {where} {found.reason}")
    if of.is_object and all(f == last for f in inside):  # else it is a guess which σ a layer more has
        return OtherSizes(tuple(sizes), False, f"at {where} {found.reason}")
    return OtherSizes(tuple(sizes), None, f"it was asked at other layers, too: at {where} {found.reason}", names)


def _made(of: Candidate, is_of_class: bool, other: Network, sample: Sample) -> Candidate | None:
    if not of.is_object:
        return Candidate(of.candidate, _like(of.own_weights, other.weights), _like(of.own_biases, other.biases))
    kind = type(of.candidate)
    if not takes_sizes(kind) or not (is_of_class or _is_the_same(of, kind(list(of.sizes)), sample)):
        return None
    made = Candidate(kind(list(other.sizes)))
    return made if made.sizes == other.sizes else None


def _is_the_same(of: Candidate, fresh: Any, sample: Sample) -> bool:
    """Whether a new object computes what the given one does, with its parameters: nothing was set by hand."""
    new = Candidate(fresh)
    if new.sizes != of.sizes:
        return False
    try:
        found = [c.fresh().on(of.weights, of.biases, *sample) for c in (of, new)]
    except (CandidateError, NotGradients):
        return False
    return all(p.tobytes() == q.tobytes() for p, q in zip(*found, strict=True))


def _like(own: Sequence[Any], arrays: list[Array]) -> list[Any]:
    """Arrays of other sizes in the containers and the forms of the candidate's own: (n, 1) or (n,), lists or arrays."""
    formed = [a[:, 0] if np.ndim(own[0]) == 1 else a for a in arrays]
    return [a if isinstance(own[0], np.ndarray) else a.tolist() for a in formed]
