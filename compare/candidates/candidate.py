"""Somebody's backpropagation, as a function of any kind of number.

Two interfaces are known: that of the book's network.py, an object with `weights`, `biases` and
`backprop(x, y)`, and a function `backprop(weights, biases, x, y)`.  Both return (nabla_b, nabla_w), lists
with one array per layer of weights, for one sample: x and y are columns.
"""

import copy
import random
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from compare.candidates.gradients import CandidateError, Gradients, NotGradients, kind_of, lists_of
from compare.candidates.held_arrays import HeldArray, copies, held_arrays
from compare.candidates.object_zeros import ObjectZeros
from compare.candidates.user_lines import Line, line_of
from explicit import checks
from explicit.elementwise import Array


class Candidate:
    """A candidate with its parameters, in its own form and in ours.

    weights, biases:  float64, (nₗ, nₗ₋₁) and (nₗ, 1), whatever containers the candidate keeps them in
    forced:           the line that forced floats upon exact numbers, after which np.zeros and its kin make
                      objects for these; None as long as there is none

    The object itself is never called and never changed: `fresh()` gives something to call.

    Raises
    ------
    TypeError, ValueError
        It has neither interface, or its parameters are no arrays of fitting shapes.
    """

    def __init__(
        self, candidate: Any, weights: Sequence[Any] | None = None, biases: Sequence[Any] | None = None
    ) -> None:
        self.is_object = hasattr(candidate, "backprop")
        if self.is_object:
            if weights is not None or biases is not None:
                raise ValueError("weights, biases: the candidate has its own; they are given for a function only")
            for name in ("weights", "biases"):
                if not hasattr(candidate, name):
                    raise TypeError(f"candidate: a {type(candidate).__name__} with backprop() lacks `{name}`")
            weights, biases = candidate.weights, candidate.biases
        elif not callable(candidate):
            raise TypeError(
                "candidate: expected an object with weights, biases and backprop(x, y), or a function "
                f"backprop(weights, biases, x, y); got {type(candidate).__name__} {candidate!r:.60}"
            )
        self.candidate = candidate
        self.own_weights, self.own_biases = _items("weights", weights), _items("biases", biases)
        self.weights = [_floats(f"weights[{i}]", w) for i, w in enumerate(self.own_weights)]
        biases_ = [_floats(f"biases[{i}]", b) for i, b in enumerate(self.own_biases)]
        _check(self.weights, biases_)
        self.bias_shapes = [b.shape for b in biases_]
        self.biases = [b.reshape(-1, 1) for b in biases_]
        self.forced: Line | str | None = None

    @property
    def sizes(self) -> list[int]:
        """Units per layer, input first."""
        return [self.weights[0].shape[1], *(len(w) for w in self.weights)]

    @cached_property
    def zeros(self) -> ObjectZeros:
        """What makes objects of np.zeros and its kin in the candidate's code."""
        return ObjectZeros(self.candidate)

    @property
    def layers(self) -> int:
        """How many layers of weights there are."""
        return len(self.weights)

    def kept(self) -> str:
        """Where the object keeps parameters a second time and computes with them; "" if nowhere.

        Such numbers cannot be replaced by others with certainty (`self.transposed = [w.T for w in …]`).
        Found by changing them and looking whether the results change, or whether it now raises.

        Raises
        ------
        CandidateError, NotGradients
            It does not run at the point where this was tried.
        """
        if not self.is_object:
            return ""
        rng = random.Random(0)
        x, y = (np.array([[rng.gauss(0, 1)] for _ in range(n)]) for n in (self.sizes[0], self.sizes[-1]))
        usual = self.fresh().own_returned(x, y)
        for number, place in enumerate(self.fresh().copies()):
            changed = self.fresh()
            try:
                changed.copies()[number].array[...] += 1.0
                found = changed.own_returned(x, y)
            except (CandidateError, NotGradients, ValueError, TypeError):  # ValueError: the array is read-only
                return place.path
            arrays = zip(chain(*usual), chain(*found), strict=True)
            if not all(np.array_equal(a, b) for a, b in arrays):
                return place.path
        return ""

    def fresh(self) -> "Runner":
        """A copy of the candidate that can be called; what it remembers between calls is the copy's own."""
        return Runner(self)


class Runner:
    """One copy of a candidate.  Call it with numbers of any kind, any number of times.

    Results are copied at once: the candidate may write into its arrays again.  After an error the copy is made anew.

    changed:  what the candidate changed of what it was given; ""
    """

    def __init__(self, candidate: Candidate) -> None:
        self._of = candidate
        self.changed = ""
        self._renew()

    def _renew(self) -> None:
        of = self._of
        self._copy = copy.deepcopy(of.candidate) if of.is_object else of.candidate
        self._aliases = _aliases(self._copy) if of.is_object else []

    def copies(self) -> list[HeldArray]:
        """Where this copy keeps the numbers of its parameters a second time."""
        own = [*self._copy.weights, *self._copy.biases]
        return copies(self._copy, [array for array in own if isinstance(array, np.ndarray)])

    def on_floats(self, x: Array, y: Array) -> Gradients:
        """For one sample, with the candidate's own parameters, as it keeps them."""
        return self._gradients(self.own_returned(x, y))

    def on(self, weights: list[Array], biases: list[Array], x: Array, y: Array) -> Gradients:
        """For one sample, with other numbers, given to the candidate in the containers of its own parameters."""
        return self._gradients(self.returned(weights, biases, x, y))

    def own_returned(self, x: Array, y: Array) -> list[list[Array]]:
        """As `returned`, with the candidate's own parameters."""
        of = self._of
        return lists_of(self._called(copy.deepcopy(of.own_weights), copy.deepcopy(of.own_biases), x, y), of.layers)

    def returned(self, weights: list[Array], biases: list[Array], x: Array, y: Array) -> list[list[Array]]:
        """[nabla_b, nabla_w] in whatever shapes they came, with other numbers; x and y may hold several samples.

        Where the candidate forces floats upon exact numbers, it is run again with zeros of objects.

        Raises
        ------
        CandidateError, NotGradients
            It raised; it returned no pair of lists with one array per layer of weights.
        """
        of = self._of

        def called() -> Any:
            return self._called(_like(of.own_weights, weights), _like(of.own_biases, biases), x, y)

        try:
            found = called()
        except CandidateError as error:
            if of.forced is not None or x.dtype != object or not error.forces_floats:
                raise
            of.forced = error.line or "the candidate"
            try:
                found = called()
            except CandidateError as second:
                # If it fails there too, or elsewhere, the zeros were not what stood in the way, or not alone.
                if not (second.is_of_arithmetic or second.has_no_order):
                    of.forced = None
                raise
        return lists_of(found, of.layers)

    def _called(self, weights: Any, biases: Any, x: Array, y: Array) -> Any:
        of = self._of
        given = {"weights": weights, "biases": biases, "x": x.copy(), "y": y.copy()}
        before = {name: _flat(value) for name, value in given.items()}
        objects = of.forced is not None and x.dtype == object
        try:
            # Its own warnings (overflow in exp, say) are not the question here.
            with np.errstate(all="ignore"), of.zeros.made() if objects else nullcontext():
                if of.is_object:
                    _set(self._copy, "weights", weights)
                    _set(self._copy, "biases", biases)
                    for container, key, i in self._aliases:
                        container[key] = [*weights, *biases][i]
                    self._check_taken(before)
                    returned = self._copy.backprop(given["x"], given["y"])
                else:
                    returned = self._copy(weights, biases, given["x"], given["y"])
        except NotGradients:
            raise
        except (Exception, SystemExit) as error:
            self._renew()
            raise CandidateError(error, line_of(error)) from error
        for name, value in given.items():
            after = _flat(value)
            if len(after) != len(before[name]) or any(
                a is not b and not _same(a, b) for a, b in zip(after, before[name], strict=True)
            ):
                self.changed = self.changed or name
        return returned

    def _check_taken(self, given: dict[str, list[Any]]) -> None:
        """Refuse a candidate whose parameters are not those that were just set."""
        for name in ("weights", "biases"):
            first, wanted = _flat(getattr(self._copy, name))[0], given[name][0]
            if first is not wanted and not bool(first == wanted):
                raise NotGradients(f"other numbers cannot be put in the place of its {name}")

    def _gradients(self, found: list[list[Array]]) -> Gradients:
        of = self._of
        shapes = {"nabla_b": of.bias_shapes, "nabla_w": [w.shape for w in of.weights]}
        got = [[a.shape for a in arrays] for arrays in found]
        if got != list(shapes.values()):
            if got == list(shapes.values())[::-1]:
                raise NotGradients("backprop returned (nabla_w, nabla_b); the book's order is (nabla_b, nabla_w)")
            for (name, expected), shapes_ in zip(shapes.items(), got, strict=True):
                for i, (wanted, given) in enumerate(zip(expected, shapes_, strict=True)):
                    if wanted != given:
                        of_what = f"{'biases' if name == 'nabla_b' else 'weights'}[{i}]"
                        raise NotGradients(f"{name}[{i}] has shape {given}, and {of_what} has {wanted}")
        return Gradients([b.reshape(-1, 1) for b in found[0]], found[1])


def _items(name: str, value: Any) -> list[Any]:
    if value is None:
        raise TypeError(f"{name}: needed for a function backprop(weights, biases, x, y); or give sizes=[…]")
    if not isinstance(value, (list, tuple, np.ndarray)) or not len(value):
        raise TypeError(f"{name}: expected a list of arrays, one per layer of weights, got {kind_of(value)}")
    return list(value)


def _floats(name: str, value: Any) -> Array:
    array = checks.real_array(name, value)
    if array.dtype.hasobject:
        raise TypeError(f"{name}: expected real numbers, got an array of dtype {array.dtype}")
    floats = array.astype(np.float64)
    checks.finite(name, floats)
    return floats


def _check(weights: list[Array], biases: list[Array]) -> None:
    if len(weights) != len(biases):
        raise ValueError(f"biases: expected {len(weights)} arrays as in weights, got {len(biases)}")
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.ndim != 2 or not w.size:
            raise ValueError(f"weights[{i}]: expected a matrix (units, inputs), got shape {w.shape}")
        if i and w.shape[1] != len(weights[i - 1]):
            raise ValueError(
                f"weights[{i}]: expected {len(weights[i - 1])} columns, the units of the layer below, "
                f"got shape {w.shape}"
            )
        if b.shape not in ((len(w), 1), (len(w),)):
            raise ValueError(f"biases[{i}]: expected shape ({len(w)}, 1), got {b.shape}")


def _like(own: list[Any], arrays: list[Array]) -> list[Any]:
    return [
        a.reshape(np.shape(o)).copy() if isinstance(o, np.ndarray) else a.reshape(np.shape(o)).tolist()
        for o, a in zip(own, arrays, strict=True)
    ]


def _aliases(candidate: Any) -> list[tuple[Any, Any, int]]:
    """Where else the very arrays of weights and biases hang: container, key, and which one it is."""
    parameters = [*candidate.weights, *candidate.biases]
    found = []
    for place in held_arrays(candidate):
        for i, array in enumerate(parameters):
            if place.array is array and not (place.is_parameter or isinstance(place.container, tuple)):
                found.append((place.container, place.key, i))
    return found


def _set(candidate: Any, name: str, value: list[Any]) -> None:
    try:
        setattr(candidate, name, value)
    except AttributeError:  # a property that cannot be set: its list may be filled
        getattr(candidate, name)[:] = value


def _flat(value: Any) -> list[Any]:
    arrays = value if isinstance(value, list) else [value]
    return [number for array in arrays for number in np.asarray(array).ravel().tolist()]


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b or a != a)
