"""`diagnose`: what is wrong in somebody's backpropagation, by name.

The candidate is run at random points in exact arithmetic, where its code runs on such numbers: in GF(2⁶¹ − 1),
or in rational numbers for relu and its kin; there two formulas that agree are, but for a chance below 2⁻⁴⁰,
the same formula.  Else, and where exact numbers explain nothing, it is run on floats, and a formula fits
when it agrees within a running error bound.  `compare.walking` finds the formulas; here is what surrounds it:
conventions, repeated calls, batches, regularisation, precision.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from compare import conventions
from compare.arithmetic import _not_rational
from compare.candidates import Candidate, CandidateError, NotGradients, as_float64, lifted
from compare.diagnosis import Diagnosis, Finding, findings, patterns
from compare.field import Functions, NoOrder, Residue
from compare.mistakes import Pass, averaged
from compare.near import DOUBLE, SINGLE, Near, near, values, within
from compare.rational import Rational
from compare.walking import Found, Layer, Way, walk
from explicit import Activation, Cost, Network

Array = npt.NDArray[Any]
Point = tuple[list[Array], list[Array], Array, Array]

ETA = 0.375  # of a training step: its inverse is no factor that a mistake has
FLAT = ("relu", "leaky_relu")  # whose σ′ shows little at one point
MANY, KINKS = 12, 6  # points for these, and points at the kinks
RAISED = (CandidateError, NotGradients)


@dataclass(eq=False)
class _Question:
    """What was asked: the candidate in our convention, what was declared, and what was recognised."""

    candidate: Candidate
    network: Network
    x: Array
    y: Array
    reduction: str | None
    dtype: str | None
    regularisation: float | None
    eta: float | None
    seed: int
    floats_only: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(eq=False)
class _Answer:
    """What was found in one arithmetic."""

    walks: list[list[Layer]]
    arithmetic: str
    way: str = ""  # the record of regularisation that was needed
    decay: tuple[float, float] = (0.0, 0.0)

    @property
    def unexplained(self) -> int:
        return sum(len(layer.unexplained) for walked in self.walks for layer in walked)

    @property
    def score(self) -> tuple[int, int]:
        made = sum(len(layer.explanations[0]) for w in self.walks for layer in w if layer.explanations)
        return self.unexplained, made + bool(self.way)


def diagnose(
    candidate: Any,
    x: Any,
    y: Any,
    activation: str | Activation | Sequence[str | Activation] = "sigmoid",
    cost: str | Cost = "quadratic",
    *,
    weights: Sequence[Any] | None = None,
    biases: Sequence[Any] | None = None,
    sizes: Sequence[int] | None = None,
    reduction: str | None = None,
    layout: str | None = None,
    dtype: str | None = None,
    regularisation: float | None = None,
    eta: float | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Name the mistakes in somebody's backpropagation.

    Parameters
    ----------
    candidate : an object with `weights`, `biases` and ``backprop(x, y) -> (nabla_b, nabla_w)``; a function
        ``backprop(weights, biases, x, y)``; a training step ``step(weights, biases, x, y, eta)`` that
        returns (weights, biases) or changes them in place; or numbers: a list of δ², …, δᴸ, each
        (nₗ, B), a pair (nabla_b, nabla_w), or a list of ∂C/∂W alone
    x, y : inputs (n₁, B) and targets (n_L, B), samples in columns (in rows where the candidate has rows)
    activation, cost : what the candidate claims to differentiate, as for `explicit.Network`
    weights, biases, sizes : for a function or for numbers: the parameters, or sizes for random ones.  Without
        biases the weights have one more column, which holds them
    reduction : "sum" or "mean" over the samples of a batch, if that is part of the question
    layout : "columns" or "rows"
    dtype : "float64" or "float32"
    regularisation : λ of C + λ/2 Σw²
    eta : the learning rate that a step is called with
    seed : of the random points, and of the weights where only sizes are given

    What is not declared is recognised, and reported without accusing anybody.

    Returns
    -------
    a `Diagnosis`; its `mistakes` are the records found, in order, [] for right code

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a candidate without a known interface; parameters that do not fit together.

    >>> from explicit import Network
    >>> from compare.mistakes import mistaken
    >>> wrong = mistaken(Network([2, 3, 2], seed=1), "w-of-wrong-layer", "bias-halved")
    Traceback (most recent call last):
    ...
    ValueError: w-of-wrong-layer: cannot be made in Network([2, 3, 2], activation='sigmoid', cost='quadratic')
    >>> wrong = mistaken(Network([2, 3, 2], seed=1), "sigma-prime-of-a")
    >>> def backprop(weights, biases, x, y):
    ...     wrong.weights, wrong.biases = weights, biases
    ...     record = wrong.backprop(x, y)
    ...     return record.nabla_b, record.nabla_w
    >>> [m.name for m in diagnose(backprop, [[0.5], [1.0]], [[1.0], [0.0]], sizes=[2, 3, 2]).mistakes]
    ['sigma-prime-of-a']
    """
    _one_of("reduction", reduction, ("sum", "mean"))
    _one_of("layout", layout, ("columns", "rows"))
    _one_of("dtype", dtype, ("float64", "float32"))
    for name, number in (("regularisation", regularisation), ("eta", eta)):
        if number is not None and not (isinstance(number, (int, float)) and np.isfinite(number)):
            raise ValueError(f"{name}: expected a finite number, got {number!r}")
    if eta == 0:
        raise ValueError("eta: expected a number other than 0, got 0")
    declared = (reduction, dtype, regularisation, seed)
    if isinstance(candidate, (list, tuple)):
        return _of_numbers(candidate, x, y, activation, cost, weights, biases, sizes, declared)
    best = None
    for question in _questions(candidate, x, y, activation, cost, weights, biases, sizes, layout, eta, declared):
        diagnosis = _diagnosis(question)
        if diagnosis.right:
            return diagnosis
        best = best or diagnosis
    assert best is not None
    return best


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ValueError(f"{name}: expected {' or '.join(map(repr, known))}, got {value!r}")


# -- conventions -------------------------------------------------------------------------------------


def _questions(
    candidate: Any, x: Any, y: Any, activation: Any, cost: Any, weights: Any, biases: Any,
    sizes: Any, layout: str | None, eta: float | None, declared: tuple[Any, ...],
) -> Iterator[_Question]:  # fmt: skip
    """The candidate in our convention: in each of the ways in which its shapes can be read."""
    x, y = _matrix("x", x), _matrix("y", y)
    is_object = hasattr(candidate, "backprop")
    if not is_object and not callable(candidate):
        raise TypeError(
            "candidate: expected an object with backprop(x, y), a function or lists of arrays, "
            f"got {type(candidate).__name__} {candidate!r:.60}"
        )
    if is_object and (weights is not None or biases is not None or sizes is not None):
        raise ValueError("weights, biases, sizes: the candidate has its own; they are given for a function only")
    notes: list[str] = []
    rate = None
    if is_object:
        for name in ("weights", "biases"):
            if not hasattr(candidate, name):
                raise TypeError(f"candidate: a {type(candidate).__name__} with backprop() lacks `{name}`")
        weights, biases = candidate.weights, candidate.biases
    elif conventions.is_step(candidate):
        rate = ETA if eta is None else eta
        candidate = conventions.as_backward(candidate, rate)
    if sizes is not None:
        if weights is not None or biases is not None:
            raise ValueError("sizes: give either sizes or weights and biases")
        drawn = Network(sizes, seed=declared[-1])
        weights, biases = drawn.weights, drawn.biases
        if layout == "rows":
            weights, biases = [w.T for w in weights], [b[:, 0] for b in biases]
    if weights is None:
        raise TypeError("weights: needed for a function backprop(weights, biases, x, y); or give sizes=[…]")
    if conventions.is_folded(weights, biases, x.shape[0], y.shape[0]):
        for first in (False, True):
            parts = conventions.unfolded(weights, first)
            where = "first" if first else "last"
            said = [f"the biases are folded into W as its {where} column"]
            yield _question(conventions.of_folded(candidate, first), x, y, activation, cost, *parts, rate, declared, said)
        return
    for rows_x, rows_w in _layouts(weights, x, y, layout):
        if not (rows_x or rows_w):
            of = (candidate, x, y, activation, cost, None if is_object else weights, None if is_object else biases)
            yield _question(*of, rate, declared, list(notes))
            continue
        function = _as_function(candidate) if is_object else candidate
        shapes = [np.shape(b) for b in biases or ()]
        turned = conventions.of_rows(function, shapes, rows_x, rows_w)
        ws = [np.asarray(w).T if rows_w else np.asarray(w) for w in weights]
        bs = [np.asarray(b).reshape(-1, 1) for b in biases or ()]
        said = [s for s, is_so in (("samples are rows", rows_x), ("W is (inputs, units)", rows_w)) if is_so]
        a, b = (x.T, y.T) if rows_x else (x, y)
        yield _question(turned, a, b, activation, cost, ws, bs, rate, declared, ["; ".join(said)])


def _question(
    candidate: Any, x: Array, y: Array, activation: Any, cost: Any, weights: Any, biases: Any,
    eta: float | None, declared: tuple[Any, ...], notes: list[str],
) -> _Question:  # fmt: skip
    of = Candidate(candidate, weights, biases)
    network = Network(of.sizes, activation=activation, cost=cost)
    network.weights, network.biases = of.weights, of.biases
    for name, array, rows in (("x", x, of.sizes[0]), ("y", y, of.sizes[-1])):
        if array.shape[0] != rows or array.shape[1] != x.shape[1]:
            raise ValueError(f"{name}: expected shape ({rows}, {x.shape[1]}), samples in columns, got {array.shape}")
    reduction, dtype, regularisation, seed = declared
    return _Question(of, network, x, y, reduction, dtype, regularisation, eta, seed, notes=notes)


def _matrix(name: str, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.ndim != 2 or not array.size:
        raise ValueError(f"{name}: expected a matrix of floats, one column per sample, got shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array


def _layouts(weights: Any, x: Array, y: Array, layout: str | None) -> list[tuple[bool, bool]]:
    """(samples in rows, W as (inputs, units)): all readings that fit, ours first."""
    shapes = [np.shape(w) for w in weights]
    if any(len(s) != 2 for s in shapes):
        return [(False, False)]
    chains = [w for w, fits in (
        (False, all(b[1] == a[0] for a, b in pairwise(shapes))),
        (True, all(b[0] == a[1] for a, b in pairwise(shapes))),
    ) if fits]  # fmt: skip
    found = []
    for rows_x in {None: (False, True), "columns": (False,), "rows": (True,)}[layout]:
        inputs, outputs = (x.shape[1], y.shape[1]) if rows_x else (x.shape[0], y.shape[0])
        for rows_w in chains:
            if (shapes[0][0 if rows_w else 1], shapes[-1][1 if rows_w else 0]) == (inputs, outputs):
                found.append((rows_x, rows_w))
    return found or [(False, False)]


def _as_function(candidate: Any) -> Callable[..., Any]:
    """An object of the book's interface as a function of its parameters."""
    import copy

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        fresh = copy.deepcopy(candidate)
        fresh.weights, fresh.biases = weights, biases
        return fresh.backprop(x, y)

    return backprop


# -- running the candidate -----------------------------------------------------------------------------


def _diagnosis(q: _Question) -> Diagnosis:
    try:
        calls = _calls(q)
        if calls and calls[0].mistakes[0].name == "nondeterministic":
            return Diagnosis(q.network, calls, [], [], notes=q.notes)
        answer = _answer(q)
        display = _display(q, answer)
    except RAISED as error:
        return _raised(q, error)
    found = findings(answer.walks, display)
    if answer.way:
        found.append(Finding.of(answer.way.split()))
    if answer.arithmetic == "float32":
        _say_float32(q, found)
    found = [*calls, *found]
    batch = _batch(q, answer)
    unknown = patterns(answer.walks, display)
    return Diagnosis(q.network, [*found, *batch], unknown, answer.walks[0], answer.arithmetic, "", q.notes)


def _raised(q: _Question, error: Exception) -> Diagnosis:
    """The candidate does not run.  On square layers every product has a shape: what does it do there?"""
    failure = f"it raised at {error}" if isinstance(error, CandidateError) else str(error)
    sizes = [3] * len(q.network.sizes)
    if isinstance(error, CandidateError) and not q.candidate.is_object and q.network.sizes != sizes:
        square = Network(sizes, activation=q.network.activation_functions, cost=q.network.cost, seed=q.seed)
        x, y = square.weights[0][:, :1], abs(square.weights[0][:, 1:2]) / 4
        try:
            of = Candidate(q.candidate.candidate, square.weights, square.biases)
            asked = _Question(of, square, x, y, None, q.dtype, q.regularisation, q.eta, q.seed)
            answer = _answer(asked)
            if not answer.unexplained:
                named = findings(answer.walks, _display(asked, answer))
                note = "it runs on layers of equal size; what is said of the equations was found there"
                return Diagnosis(q.network, named, [], answer.walks[0], answer.arithmetic, failure, [*q.notes, note])
        except RAISED:
            pass
    return Diagnosis(q.network, [], [], [], failure=failure, notes=q.notes)


def _calls(q: _Question) -> list[Finding]:
    """Whether a second call gives what the first gave."""
    x, y = q.x[:, :1], q.y[:, :1]
    runner = q.candidate.fresh()
    first, second, third = (_flat(runner.returned(q.candidate.weights, q.candidate.biases, x, y)) for _ in range(3))
    other = _flat(q.candidate.fresh().returned(q.candidate.weights, q.candidate.biases, x, y))
    if len({a.tobytes() for a in (first, second, third)}) == 1:
        return [] if not q.candidate.is_object or _bits(first, other) else [Finding.of(["nondeterministic"])]
    if not len(first) == len(second) == len(third):
        return [Finding.of(["nondeterministic"])]
    grown, again = second - first, third - second
    size = np.abs(third).max() * 2.0**-40
    if np.abs(grown - again).max() <= size and np.abs(grown).max() > size:
        if not q.candidate.is_object:
            q.floats_only = True  # what it keeps between calls must not be mixed with other numbers
            q.candidate = Candidate(_differences(q.candidate.candidate), q.candidate.own_weights, q.candidate.own_biases)
        return [Finding.of(["accumulated-over-calls"])]
    return [Finding.of(["nondeterministic"])]


def _differences(function: Callable[..., Any]) -> Callable[..., Any]:
    """What each call of a function adds to what the call before returned: two calls, and their difference."""

    def backprop(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        import copy

        before = copy.deepcopy(function(copy.deepcopy(weights), copy.deepcopy(biases), x.copy(), y.copy()))
        after = function(weights, biases, x, y)
        return tuple([np.asarray(a) - np.asarray(b) for a, b in zip(*two, strict=True)]
                     for two in zip(after, before, strict=True))  # fmt: skip

    return backprop


def _flat(returned: list[list[Array]]) -> Array:
    return np.concatenate([as_float64(a).ravel() for group in returned for a in group])


def _bits(a: Array, b: Array) -> bool:
    return a.tobytes() == b.tobytes()


def _call(q: _Question, point: Point) -> list[list[Array]]:
    """The candidate at a point; np.zeros is made to hold objects if it has to."""
    of = q.candidate
    try:
        return of.fresh().returned(*point)
    except CandidateError as error:
        if of.objects or point[2].dtype != object or not isinstance(error.error, (TypeError, ValueError)):
            raise
        of.objects = True
        try:
            return of.fresh().returned(*point)
        except CandidateError:
            of.objects = False
            raise error from None


def _found(q: _Question, returned: list[list[Array]], number: Callable[[Array], Array]) -> list[Found]:
    nabla_b, nabla_w = returned
    shapes = [w.shape for w in q.candidate.weights]
    if [b.shape for b in nabla_b] == shapes and [w.size for w in nabla_w] == [s[0] for s in shapes] and all(
        s[1] > 1 for s in shapes
    ):
        nabla_b, nabla_w = nabla_w, nabla_b
        _note(q, "it returns (nabla_w, nabla_b); the book's order is (nabla_b, nabla_w)")
    return [
        Found(number(b.reshape(-1, 1) if b.ndim == 1 else b), number(w))
        for b, w in zip(nabla_b, nabla_w, strict=True)
    ]


def _note(q: _Question, said: str) -> None:
    if said not in q.notes:
        q.notes.append(said)


# -- arithmetics -----------------------------------------------------------------------------------------


def _answer(q: _Question) -> _Answer:
    """In exact arithmetic, if that explains all; else in floats; else with the precision of float32."""
    tried: list[_Answer] = []
    exact = () if q.floats_only else (_in_field, _in_rationals)
    for arithmetic in (*exact, _in_doubles, _in_singles):
        try:
            answer = _with_decay(q, lambda decay, run=arithmetic: run(q, decay))  # type: ignore[misc]
        except _Unusable:
            continue
        if not answer.unexplained:
            return answer
        tried.append(answer)
    return min((a for a in tried if a.arithmetic != "float32"), key=lambda a: a.score)


class _Unusable(Exception):
    """The candidate, or the network, does not run in the arithmetic."""


def _with_decay(q: _Question, run: Callable[[tuple[float, float]], _Answer]) -> _Answer:
    lam = q.regularisation
    if lam is None:
        answer = run((0.0, 0.0))
        if not answer.unexplained:
            return answer
        for decay in _decays(answer):
            other = run(decay)
            if not other.unexplained and other.score < answer.score:
                biases = " (and of the biases)" if decay[1] else ""
                _note(q, f"equal under this convention: C has a regularisation term with λ = {decay[0]:.6g}{biases}")
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


def _decays(answer: _Answer) -> list[tuple[float, float]]:
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


def _pass(q: _Question, point: Point) -> Pass:
    weights, biases, x, y = point
    zs, activations = q.network.forward(x, weights, biases)
    functions = q.network.activation_functions
    return Pass(weights, biases, zs, activations, y, functions, q.network.cost, q.eta)


def _draw(q: _Question, number: Callable[[int], Any], samples: int = 1) -> Point:
    def array(rows: int, columns: int, inputs: int = 1) -> Array:
        made = (number(inputs) for _ in range(rows * columns))
        return np.fromiter(made, dtype=object, count=rows * columns).reshape(rows, columns)

    sizes = q.network.sizes
    weights = [array(n, m, m) for m, n in pairwise(sizes)]
    return weights, [array(n, 1) for n in sizes[1:]], array(sizes[0], samples), array(sizes[-1], samples)


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and all(bool(p == r) for p, r in zip(a.flat, b.flat, strict=True))


@dataclass(eq=False)
class _Run:
    """One point in one arithmetic: the pass, the numbers for the candidate, and how its results are read."""

    point: Point
    passed: Pass
    read: Callable[[Array], Array]
    same: Callable[[Array, Array], bool]

    def walk(self, q: _Question, decay: tuple[float, float]) -> list[Layer]:
        found = _found(q, _call(q, self.point), self.read)
        return walk(self.passed, found, Way(self.same, 1, *decay))


def _field_run(q: _Question, samples: int = 1) -> _Run:
    functions = Functions(f"diagnose {q.seed}")

    def lift(value: Any) -> Residue:
        return value if isinstance(value, Residue) else Residue(value, functions)

    point = _draw(q, lambda inputs: Residue(functions.uniform(), functions, n=1), samples)
    return _Run(point, _pass(q, point), lambda array: lifted(array, lift), _equal)


def _rational_runs(q: _Question, samples: int = 1) -> Iterator[_Run]:
    """Points at which units are on and off; at the last, half of the z are 0, where a kink is."""
    names = {f.name for f in q.network.activation_functions}
    for number in range(MANY + KINKS if names & set(FLAT) else 1):
        bits = random.Random(f"diagnose {q.seed} rational {number}").getrandbits
        point = _draw(q, lambda inputs, bits=bits: Rational(2 * bits(12) + 1 - 2**12, 2**10), samples)  # type: ignore[misc]
        if number >= MANY:
            _to_kinks(q, point, number % 2)
        yield _Run(point, _pass(q, point), lambda a: lifted(a, lambda v: v if isinstance(v, Rational) else Rational(v)), _equal)


def _to_kinks(q: _Question, point: Point, first: int) -> None:
    """Change biases so that every other z is 0, from the unit `first` on."""
    weights, biases, x, _ = point
    for i, sigma in enumerate(q.network.activation_functions):
        if sigma.name in FLAT:
            z = q.network.forward(x, weights, biases)[0][i]
            biases[i][first::2] = biases[i][first::2] - z[first::2, :1]


def _in_field(q: _Question, decay: tuple[float, float]) -> _Answer:
    try:
        return _Answer([_field_run(q).walk(q, decay)], "finite field", "", decay)
    except (*RAISED, NoOrder, ArithmeticError, TypeError, ValueError) as error:
        raise _Unusable from error


def _in_rationals(q: _Question, decay: tuple[float, float]) -> _Answer:
    if _not_rational(q.network):
        raise _Unusable
    try:
        return _Answer([run.walk(q, decay) for run in _rational_runs(q)], "rational", "", decay)
    except (*RAISED, ArithmeticError, TypeError, ValueError) as error:
        raise _Unusable from error


def _in_doubles(q: _Question, decay: tuple[float, float], u: float = DOUBLE) -> _Answer:
    walks = [run.walk(q, decay) for run in _float_runs(q, u)]
    return _Answer(walks, "float64" if u == DOUBLE else "float32", "", decay)


def _in_singles(q: _Question, decay: tuple[float, float]) -> _Answer:
    return _in_doubles(q, decay, SINGLE)


def _float_runs(q: _Question, u: float = DOUBLE, samples: int = 1) -> Iterator[_Run]:
    """Random points.  Where relu is, they are small dyadic numbers, with which floats are exact."""
    flat = {f.name for f in q.network.activation_functions} & set(FLAT)
    kinks = 0 if "leaky_relu" in flat else KINKS  # 0.01 is no dyadic number: such z are 0 up to rounding only
    for number in range(MANY + kinks if flat else 2):
        generator = random.Random(f"diagnose {q.seed} float {number}")
        if flat:
            point = _draw(q, lambda inputs, g=generator: (2 * g.getrandbits(4) - 15) / 8, samples)  # type: ignore[misc]
        else:
            point = _draw(q, lambda inputs, g=generator: g.gauss(0, 1) / inputs**0.5, samples)  # type: ignore[misc]
        point[3][...] = [[0.1 + 0.8 * generator.random() for _ in row] for row in point[3]]
        if number >= MANY:
            _to_kinks(q, point, number % 2)
        yield _float_run(q, _floats(point), u)


def _floats(point: Point) -> Point:
    weights, biases, x, y = point
    return [w.astype(float) for w in weights], [b.astype(float) for b in biases], x.astype(float), y.astype(float)


def _float_run(q: _Question, point: Point, u: float = DOUBLE) -> _Run:
    weights, biases, x, y = point
    numbers = [near(w, u) for w in weights], [near(b, u) for b in biases], near(x, u), near(y, u)

    def read(array: Array) -> Array:
        return near(as_float64(array), u)

    if q.eta is None:
        return _Run(point, _pass(q, numbers), read, within)
    # A step's gradient is (W − W′)/η: it has the rounding of W in it.
    largest = max(float(np.abs(a).max()) for a in (*weights, *biases))
    blur = 4 * u * (largest / abs(q.eta) + 1)

    return _Run(point, _pass(q, numbers), read, lambda found, expected: within(found, expected, blur))


def _display(q: _Question, answer: _Answer) -> list[Layer]:
    """The walk at the caller's own first sample, in floats: for the numbers that are shown."""
    point = q.candidate.weights, q.candidate.biases, q.x[:, :1], q.y[:, :1]
    u = SINGLE if answer.arithmetic == "float32" else DOUBLE
    return _float_run(q, point, u).walk(q, answer.decay)


def _say_float32(q: _Question, found: list[Finding]) -> None:
    runner = q.candidate.fresh()
    returned = runner.returned(q.candidate.weights, q.candidate.biases, q.x[:, :1], q.y[:, :1])
    openly = all(a.dtype == np.float32 for group in returned for a in group)
    if q.dtype == "float32" or (openly and q.dtype is None):
        _note(q, "equal under this convention: float32 (right to the rounding of float32)")
    else:
        found.append(Finding.of(["float32-inside"]))


# -- batches -----------------------------------------------------------------------------------------------


def _batch(q: _Question, answer: _Answer) -> list[Finding]:
    """How the samples of a batch are put together; asked if there are several, or if it was declared."""
    if q.x.shape[1] == 1 and q.reduction is None:
        return []
    u = SINGLE if answer.arithmetic == "float32" else DOUBLE
    runs = _float_runs(q, u, samples=2)
    if answer.arithmetic == "finite field":
        runs = iter([_field_run(q, samples=2)])
    elif answer.arithmetic == "rational":
        runs = _rational_runs(q, samples=2)
    common: list[set[str]] = []
    for run in runs:
        try:
            here = _ways(q, run, answer, u)
        except RAISED as error:
            if q.reduction is not None:
                raise
            _note(q, f"it takes one sample at a time (a batch raised: {error})")
            return []
        common = [a & b for a, b in zip(common, here, strict=True)] if common else here
    both = common[0] & common[1]
    names = [next((way for way in WAYS if way in (both or ways)), "") for ways in common]
    return _reduction(q, names[0], names[1])


WAYS: dict[str, Callable[[Array, Array], Array]] = {
    "sum": lambda a, b: a + b,
    "mean": lambda a, b: (a + b) / 2,
    "mean twice": lambda a, b: (a + b) / 4,
    "last": lambda a, b: b,
    "columns": lambda a, b: np.hstack([a, b]),
    "averaged": lambda a, b: a,  # found by a walk of its own
}


def _ways(q: _Question, run: _Run, answer: _Answer, u: float) -> list[set[str]]:
    """How ∂C/∂b and ∂C/∂w of a batch of two may follow from those of its samples, for all layers alike."""
    weights, biases, x, y = run.point
    batch = _found(q, _call(q, run.point), run.read)
    singles = [_found(q, _call(q, (weights, biases, x[:, s : s + 1], y[:, s : s + 1])), run.read) for s in (0, 1)]
    found = []
    for slot, own, each in (
        ("nabla_b", run.passed.biases, answer.decay[1]),
        ("nabla_w", run.passed.weights, answer.decay[0]),
    ):
        parts = [[_without(getattr(f, slot), w, each) for f, w in zip(s, own, strict=True)] for s in singles]
        whole = [_without(getattr(f, slot), w, each) for f, w in zip(batch, own, strict=True)]
        found.append({name for name, way in WAYS.items() if name != "averaged" and _fits(way, whole, parts, u)})
    flat = {f.name for f in q.network.activation_functions} & set(FLAT)
    if (flat or not all(found)) and _is_averaged(q, run, batch, answer):
        return [ways | {"averaged"} for ways in found]
    return found


def _without(array: Array | None, own: Array, decay: float) -> Array:
    assert array is not None
    return array - own * decay if decay and array.shape == own.shape else array


def _fits(way: Callable[[Array, Array], Array], whole: list[Array], parts: list[list[Array]], u: float) -> bool:
    for found, a, b in zip(whole, *parts, strict=True):
        if a.shape != b.shape:
            return False
        expected = way(a, b)
        if found.shape != expected.shape or not _alike(found, expected, np.hstack([a, b]), u):
            return False
    return True


def _alike(found: Array, expected: Array, scale: Array, u: float) -> bool:
    if not isinstance(expected.flat[0], Near):
        return _equal(found, expected)
    # Both are sums of the same few hundred products: u times their size, with room.
    bound = 4096 * u * max(float(np.abs(values(scale)).max()), 1.0)
    return bool((np.abs(values(found) - values(expected)) <= bound).all())


def _is_averaged(q: _Question, run: _Run, batch: list[Found], answer: _Answer) -> bool:
    """Whether these are the gradients of the mean sample, or twice them."""
    singly = [layer.explanations for layer in answer.walks[0]]
    for made in (averaged(run.passed), *_mean_inputs(q, run)):
        for factor in (1, 2):
            walked = walk(made, batch, Way(run.same, factor, *answer.decay))
            if [layer.explanations for layer in walked] == singly:
                return True
    return False


def _mean_inputs(q: _Question, run: _Run) -> Iterator[Pass]:
    """The pass of the mean input: x and y averaged before the forward pass."""
    p = run.passed
    x, y = (a.sum(axis=1, keepdims=True) / a.shape[1] for a in (p.activations[0], p.y))
    zs, activations = q.network.forward(x, p.weights, p.biases)
    yield Pass(p.weights, p.biases, zs, activations, y, p.functions, p.cost, p.eta)


def _reduction(q: _Question, b: str, w: str) -> list[Finding]:
    declared = q.reduction
    accused = {
        ("mean twice", "mean twice"): "averaged-twice",
        ("last", "last"): "last-sample-only",
        ("averaged", "averaged"): "activations-averaged",
        ("sum", "mean"): "reductions-differ",
        ("mean", "sum"): "reductions-differ",
    }.get((b, w))
    if accused:
        return [Finding.of([accused])]
    if b == w and b in ("sum", "mean"):
        if declared is None:
            _note(q, f"equal under this convention: the samples of a batch are {'summed' if b == 'sum' else 'averaged'}")
        elif b != declared:
            return [Finding.of(["mean-for-sum" if b == "mean" else "sum-for-mean"])]
        return []
    if b == "columns" and w in ("sum", "mean"):
        if declared is not None:
            return [Finding.of(["bias-not-summed-over-batch"])]
        _note(q, "it takes one sample at a time: of a batch, ∂C/∂b is one column per sample, and not summed")
        return []
    if declared is None:
        _note(q, "it takes one sample at a time: of a batch, its gradients are no sum or mean over the samples")
        return []
    return [Finding((), (), "batch", "", "", "the gradients of a batch are no sum or mean of those of its samples")]


# -- numbers alone -----------------------------------------------------------------------------------------


def _of_numbers(
    given: Any, x: Any, y: Any, activation: Any, cost: Any, weights: Any, biases: Any,
    sizes: Any, declared: tuple[Any, ...],
) -> Diagnosis:  # fmt: skip
    """δ, or gradients, that somebody computed: compared at the caller's own x and y."""
    if sizes is not None:
        raise ValueError("sizes: for numbers give the weights and biases with which they were computed")
    if weights is None or biases is None:
        raise TypeError("weights, biases: needed for numbers: those with which they were computed")
    q = _question(lambda *_: None, _matrix("x", x), _matrix("y", y), activation, cost, weights, biases, None, declared, [])
    given_arrays = _read(q, given)
    point = q.candidate.weights, q.candidate.biases, q.x, q.y
    m = q.x.shape[1]
    answers = []
    for u, arithmetic in ((DOUBLE, "float64"), (SINGLE, "float32")):
        run = _float_run(q, point, u)
        found = [_rounded(f, u) for f in given_arrays]
        reductions = {None: ("sum", "mean"), "sum": ("sum", "mean"), "mean": ("mean", "sum")}[q.reduction]
        for reduction in reductions[: 1 if m == 1 else 2]:
            factor = 1 / m if reduction == "mean" and m > 1 else 1

            def attempt(decay: tuple[float, float], run: _Run = run, found: list[Found] = found, factor: float = factor, of: str = arithmetic) -> _Answer:
                return _Answer([walk(run.passed, found, Way(run.same, factor, *decay))], of, "", decay)

            answers.append((_with_decay(q, attempt), reduction))
    answer, reduction = min(answers, key=lambda a: (a[0].score, a[0].arithmetic == "float32"))
    named = findings(answer.walks, answer.walks[0])
    if answer.way:
        named.append(Finding.of(answer.way.split()))
    if answer.arithmetic == "float32":
        if q.dtype == "float64":
            named.append(Finding.of(["float32-inside"]))
        else:
            _note(q, "equal under this convention: float32 (right to the rounding of float32)")
    if m > 1 and given_arrays[0].delta is None and not answer.unexplained:
        if q.reduction is not None and reduction != q.reduction:
            named.append(Finding.of(["mean-for-sum" if reduction == "mean" else "sum-for-mean"]))
        elif q.reduction is None:
            _note(q, f"equal under this convention: the samples are {'summed' if reduction == 'sum' else 'averaged'}")
    unknown = patterns(answer.walks, answer.walks[0])
    return Diagnosis(q.network, named, unknown, answer.walks[0], answer.arithmetic, "", q.notes)


def _rounded(found: Found, u: float) -> Found:
    arrays = (None if a is None else near(a, u) for a in (found.nabla_b, found.nabla_w, found.delta))
    return Found(*arrays)


def _read(q: _Question, given: Any) -> list[Found]:
    """(nabla_b, nabla_w), or a list of δ, or a list of ∂C/∂W: told apart by shapes."""
    shapes, count = [w.shape for w in q.candidate.weights], len(q.candidate.weights)

    def arrays(values: Any) -> list[Array]:
        return [as_float64(np.asarray(v)) for v in values]

    try:
        if len(given) == 2 and all(isinstance(g, (list, tuple)) and len(g) == count for g in given):
            pair = [arrays(g) for g in given]
            if [w.shape for w in pair[1]] == shapes or [b.size for b in pair[0]] == [s[0] for s in shapes]:
                return _found(q, pair, lambda a: a)
        items = arrays(given)
    except (TypeError, ValueError, NotGradients) as error:
        raise ValueError(f"candidate: expected lists of arrays of floats ({error})") from error
    samples = q.x.shape[1]
    if [i.shape for i in items] == shapes and any(s[1] != samples for s in shapes):
        return [Found(None, w) for w in items]
    deltas = [i.reshape(-1, 1) if i.ndim == 1 else i for i in items]
    wanted = [(s[0], samples) for s in shapes]
    if [d.shape for d in deltas] != wanted:
        raise ValueError(
            f"candidate: expected δ of shapes {wanted}, or (nabla_b, nabla_w), or ∂C/∂W of shapes {shapes}; "
            f"got {[i.shape for i in items]}"
        )
    return [Found(None, None, d) for d in deltas]


