"""`record`: a function run once on Values, kept as a flat tape, replayed without making a Value.

>>> from engine import record
>>> tape = record(lambda x, w: (w[0] * x[0]).tanh(), inputs=[0.5], parameters=[2.0], compiled=False)
>>> tape.forward([0.25]) == Value(0.5).tanh().data
True
>>> tape.backward()[0] == (1 - Value(0.5).tanh().data ** 2) * 0.25
True

The replay gives the bits of the eager pass: data by the same formulas, adjoints by the same
contributions in the same order, parameters summed over lanes in ascending order (as one
``backward()`` after the other does).  Source: taping as in Griewank & Walther, "Evaluating
Derivatives", 2nd ed., SIAM 2008, §6.1.
"""

from __future__ import annotations

import gc
import sys

from engine.ops import TABLE
from engine.replay.plain import Plain
from engine.replay.program import Program
from engine.replay.recording import Guard, Recording, where_defined
from engine.replay.schedule import SUM, Graph, Step, fusible, schedule
from engine.reverse import LOCK, nodes, reach
from engine.scalars import is_lanes, same_bits
from engine.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def record(
    function: Callable[..., Value],
    inputs: Iterable[Any] | None = None,
    parameters: Iterable[Any] | None = None,
    compiled: bool | None = None,
    threads: int | None = None,
    blocks: bool = True,
) -> Tape:
    """Run the function once on Values, and keep its graph as a tape.

    The function is called with a list of Values for `inputs`, then one for `parameters` (those that
    are given), and returns the Value to differentiate.  It runs once, in Python; what it does with
    Values is replayed, what it does with other things is frozen.  A comparison of Values becomes a
    guard, checked at each replay.  A branch on ``v.data`` cannot be seen: the tape stays on the
    branch that was taken.

    Parameters
    ----------
    inputs : numbers, one per input; they are what differs from sample to sample
    parameters : numbers, or Values (such as ``mlp.parameters()``), which are then read anew at each
        replay that is not given parameters
    compiled : True asks for numba (extra ``fast``), False for plain Python; by default numba where
        it is installed.  The bits are the same.
    threads : how many threads compiled kernels replay lanes in; by default as many as the environment
        variable DELTA_ADJOINT_THREADS says, or as the process has cores, and one where there is little
        work.  The bits are the same.
    blocks : False leaves the runs of a block apart (see `engine.replay.schedule`): each is then replayed by
        itself, which shows what blocks save.  The bits are the same.

    Returns
    -------
    a `Tape`

    Raises
    ------
    TypeError
        A number is not a float or an int that a float holds; the function does not return a Value,
        or asks for ``float()`` of one.
    ValueError
        Data was assigned to a node while recording.
    ModuleNotFoundError
        compiled=True without numba.
    """
    if not callable(function):
        raise TypeError(f"record(function): expected a function, got {type(function).__name__} {function!r:.60}")
    where = where_defined(function)
    if threads is not None and not (type(threads) is int and threads >= 1):
        raise ValueError(f"record({where}): threads: expected a whole number from 1 on, got {threads!r}")
    for name, option in (("compiled", compiled), ("blocks", blocks)):
        if not (isinstance(option, bool) or (option is None and name == "compiled")):
            raise TypeError(f"record({where}): {name}: expected True or False, got {option!r:.60}")
    if compiled:
        import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401
    if inputs is None and parameters is None:
        raise TypeError(f"record({where}): give inputs, parameters or both")
    given = [Value(x) for x in _numbers(() if inputs is None else inputs, "inputs")]
    weights = [
        p if isinstance(p, Value) else Value(_number(p, f"parameters[{i}]"))
        for i, p in enumerate(_sequence(() if parameters is None else parameters, "parameters"))
    ]
    for i, w in enumerate(weights):
        _number(w.data, f"parameters[{i}]")
        if w.parents:
            raise TypeError(f"record(parameters[{i}]): expected a leaf, got the result of an op")
    if len(set(weights)) != len(weights):
        raise ValueError("record(parameters): one Value stands there twice")
    arguments = [values for values, named in ((given, inputs), (weights, parameters)) if named is not None]
    collecting = gc.isenabled()
    gc.disable()  # what is made here stays: to look for garbage in it again and again takes most of the time
    try:
        with Recording() as recording:
            root = function(*(list(values) for values in arguments))
        if not isinstance(root, Value):
            raise TypeError(f"record({where}): the function must return a Value, got {type(root).__name__}")
        return Tape(root, given, weights, recording.guards, where, compiled, threads, blocks)
    finally:
        if collecting:
            gc.enable()


class Tape:
    """A recorded graph; made by `record`.

    Attributes
    ----------
    ops : how many operations were recorded
    blocks : (runs, pairs per run) of each block of several runs that was found (see `engine.replay.schedule`)
    where : the recorded function and its place
    """

    def __init__(
        self,
        root: Value,
        inputs: list[Value],
        parameters: list[Value],
        guards: list[Guard],
        where: str,
        compiled: bool | None,
        threads: int | None = None,
        blocks: bool = True,
    ) -> None:
        self.where, self._parameters, self._guards = where, parameters, guards
        for guard in guards:
            if not isinstance(guard.right, Value):
                guard.right = Value(guard.right)
        order, constants, reached = _collect(root, [*inputs, *parameters], guards)
        self._constants, self._frozen = constants, [leaf.data for leaf in constants]
        self.ops = len(order)
        ids = self._ids = {node: i for i, node in enumerate([*inputs, *parameters, *constants, *order])}
        self._labels: dict[str, int] | None = None
        graph = Graph(len(inputs), len(parameters), len(constants))
        graph.reached, graph.root = reached, ids[root]
        compared = [(g.symbol, ids[g.left], ids[g.right], g.answer) for g in guards]
        graph.kept = {graph.root, *(i for _, x, y, _ in compared for i in (x, y))}
        number: dict[str, int] = {}
        graph.rows = [number.setdefault(node._row.name, len(number)) for node in order]
        graph.xs = [ids[node._x] for node in order]
        graph.ys = [-1 if node._y is None else ids[node._y] for node in order]
        held = {
            i: _number(node._row.c, f"the constant of {node._row.name}")
            for i, node in enumerate(order, graph.leaves)
            if node._row.c is not None
        }
        rows = [TABLE[name] for name in number]
        self._texts = [(row.name, row.forward, row.dx, row.dy) for row in rows]
        fused = fusible(TABLE.get)
        mul, add = (number.get(name, -1) if fused else -1 for name in ("mul", "add"))
        steps, touched = schedule(graph, mul, add, blocks)
        values = [_number(number, "a constant") for number in self._frozen]
        self.program = Program(graph, steps, touched, rows, held, values, compared)
        taken_together = [step for step in steps if isinstance(step, Step) and len(step.outs) > 1]
        self.blocks = [(len(step.outs), len(step.read)) for step in taken_together]
        self._replay: Any = Plain(self.program)
        self._p: Any = [float(p.data) for p in parameters]
        self._threads = threads
        self._owned = compiled  # which kernels to use, until the first replay settles it
        self._settled = False
        self._lanes: int | None = None  # of the last forward; None before, 0 for one sample
        self._has: set[str] = set()
        self._verify(order, [float(x.data) for x in inputs])

    def __repr__(self) -> str:
        graph = self.program.graph
        return (
            f"<Tape of {self.where}: {self.ops:,} ops, {graph.inputs} inputs, {graph.parameters} parameters>"
        )

    def _verify(self, order: list[Value], x: list[float]) -> None:
        """Replay the recorded sample: each stored number must be what was recorded."""
        self._replay.forward([x], self._p)
        (v,) = self._replay.v
        runs, slot = self.program.runs, self.program.slot
        for i, node in enumerate(order, self.program.graph.leaves):
            number, replayed = node.data, v[slot[i]]
            if number.__class__ is float and number == replayed != 0.0:
                continue
            run = runs.get(i)
            if run is not None and run[0].outs[run[1]] != i:
                continue  # a product or sum within a run
            if not isinstance(number, (int, float)):
                raise TypeError(f"record({self.where}): a tape holds floats, got {type(number).__name__}")
            if not same_bits(float(number), replayed):
                raise ValueError(
                    f"record({self.where}): the data of {node.label or 'a node'} ({node._row.name}) is "
                    f"{number!r}, but its op gives {replayed!r}: was data assigned while recording?"
                )

    def _settle(self, lanes: bool) -> None:
        """Choose the kernels, once."""
        self._settled = True
        if self._owned is False:
            return
        from engine.replay.compiled import Compiled
        from engine.replay.kernel_store import why_not

        reason = why_not(self.program, lanes)
        if reason is None:
            self._replay = Compiled(self.program, self._threads)
        elif self._owned:
            raise reason
        elif not isinstance(reason, ModuleNotFoundError):
            print(f"replaying in plain Python: {reason}", file=sys.stderr, flush=True)

    # -- replay --------------------------------------------------------------------------------

    def forward(self, inputs: Any = None, parameters: Any = None) -> Any:
        """The root's data for other inputs and parameters.

        Parameters
        ----------
        inputs : numbers, one per recorded input, for one sample; or an array (inputs, B) of B lanes,
            one sample per column
        parameters : numbers, one per parameter; by default those of the recorded Values as they are
            now

        Returns
        -------
        a float for one sample, an array (B,) for lanes

        Raises
        ------
        TypeError, ValueError
            Wrong shapes or numbers; ValueError for a math domain.
        RuntimeError
            A guard no longer holds (the message names the line of the comparison); a recorded
            constant or the op table was changed since.
        ArithmeticError
            Division by 0, or overflow where Python's `math` raises; names the op, its operands and
            the lane.
        """
        self._check_unchanged()
        if not self._settled:
            self._settle(len(getattr(inputs, "shape", ())) == 2)
        graph = self.program.graph
        lanes, many = self._lanes_of(() if inputs is None else inputs, graph.inputs)
        p = self._parameters_of(parameters)
        self._lanes = None
        self._has = set()
        try:
            out = self._replay.forward(lanes, p)
        except (ArithmeticError, ValueError) as error:
            self._check_guards()  # a formula may fail just because its branch was left
            raise type(error)(f"tape.forward, recorded from {self.where}: {error}") from error
        self._check_guards()
        self._lanes = len(out) if many else 0
        self._has = {"data"}
        if not many:
            return float(out[0])
        import numpy

        return numpy.array(out, dtype=numpy.float64)

    def backward(self, seed: Any = None, inputs: bool = True) -> Any:
        """The adjoints of the parameters at the point of the last `forward`, summed over lanes.

        Parameters
        ----------
        seed : the adjoint of the root, 1 unless given; for lanes one number or one per lane
        inputs : False leaves out inputs' adjoints where that saves work (they cannot be read then)

        Returns
        -------
        one number per parameter (a list, or an array of the compiled kernels); `adjoints` has the
        other nodes'

        Raises
        ------
        RuntimeError
            There was no forward pass.
        ZeroDivisionError
            A partial does not exist (√ at 0); names the op and the lane.
        """
        if self._lanes is None:
            raise RuntimeError("tape.backward: there was no forward pass")
        count = self._lanes or 1
        if seed is None or isinstance(seed, (int, float)) or getattr(seed, "shape", None) == ():
            seeds = [1.0 if seed is None else _number(seed, "seed", "tape.backward")] * count
        else:
            seeds = _numbers(seed, "seed", "tape.backward")
            if len(seeds) != count:
                raise ValueError(f"tape.backward(seed): expected {count} numbers, got {len(seeds)}")
        self._has = {"data"}
        try:
            self._totals = self._replay.backward(seeds, inputs)
        except ZeroDivisionError as error:
            raise ZeroDivisionError(f"tape.backward, recorded from {self.where}: {error}") from error
        self._has = {"data", "adjoints"} if inputs else {"data", "adjoints", "but of inputs"}
        return self._totals

    def data(self, nodes: Any) -> Any:
        """The data of recorded nodes in the last `forward`: see `adjoints`."""
        return self._read("data", nodes)

    def adjoints(self, nodes: Any) -> Any:
        """The adjoints of recorded nodes after `backward`.

        Parameters
        ----------
        nodes : a recorded Value, its label, or a sequence of these (an array of Values too)

        Returns
        -------
        for one node: a float, or (B,) for lanes; for a sequence, those in a list or (len, B).  A
        parameter's adjoint is its total over the lanes, in every lane the same.

        Raises
        ------
        KeyError
            No such node was recorded.
        RuntimeError
            There was no pass to read from.

        >>> from engine import record
        >>> tape = record(lambda x: (x[0] * 3).exp(), inputs=[0.0], compiled=False)
        >>> tape.forward([0.0]), tape.backward()
        (1.0, [])
        >>> tape.adjoints(tape.inputs)
        [3.0]
        """
        return self._read("adjoints", nodes)

    @property
    def inputs(self) -> list[Value]:
        """The Values that stood for the inputs."""
        return list(self._ids)[: self.program.graph.inputs]

    @property
    def parameters(self) -> list[Value]:
        """The Values that stood for the parameters."""
        return list(self._parameters)

    def _read(self, what: str, nodes: Any) -> Any:
        if what not in self._has:
            raise RuntimeError(f"tape.{what}: there was no {'forward' if what == 'data' else 'backward'} pass")
        if isinstance(nodes, (Value, str)):
            return self._shaped([self._lane_numbers(what, self._id(nodes))])[0]
        some = _sequence(getattr(nodes, "flat", nodes), "nodes", f"tape.{what}", "a Value, its label, or several")
        return self._shaped([self._lane_numbers(what, self._id(node)) for node in some])

    def _id(self, node: Any) -> int:
        if isinstance(node, str):
            if self._labels is None:
                self._labels = {v.label: i for v, i in self._ids.items() if v.label}
            node_id = self._labels.get(node)
        else:
            node_id = self._ids.get(node) if isinstance(node, Value) else None
        if node_id is None:
            raise KeyError(f"{node!r:.80} was not recorded in {self!r}")
        return node_id

    def _lane_numbers(self, what: str, i: int) -> Any:
        program, replay = self.program, self._replay
        graph, slot = program.graph, program.slot[i]
        if graph.is_parameter(i):
            number = (self._p if what == "data" else self._totals)[i - graph.inputs]
            return [float(number)] * (self._lanes or 1)
        if what == "adjoints":
            if i < graph.inputs and "but of inputs" in self._has:
                raise RuntimeError("tape.adjoints: backward(inputs=False) left out the inputs' adjoints")
            if i >= graph.leaves + graph.reached:
                return [0.0] * (self._lanes or 1)
            return replay.adjoint_at(slot)
        run = program.runs.get(i)
        if run is None or i in run[0].outs:
            return replay.data_at(slot)
        return self._within_run(i, *run)

    def _within_run(self, i: int, step: Any, u: int, k: int) -> list[float]:
        """The data of a product or sum within a run: not stored, so computed again."""
        product, x, y = step.pairs[u][k]
        if step.kind == SUM:
            return self._sum_before(step, u, k + 1)
        factors = zip(self._lane_numbers("data", x), self._lane_numbers("data", y), strict=True)
        products = [float(a * b) for a, b in factors]
        if i == product:
            return products
        sums = zip(self._sum_before(step, u, k), products, strict=True)
        return [float(s + p) for s, p in sums]

    def _sum_before(self, step: Any, u: int, k: int) -> list[float]:
        total = self._lane_numbers("data", step.starts[u])
        for _, x, y in step.pairs[u][:k]:
            xs = self._lane_numbers("data", x)
            ys = [1.0] * len(xs) if step.kind == SUM else self._lane_numbers("data", y)
            total = [float(s + a * b) for s, a, b in zip(total, xs, ys, strict=True)]
        return total

    def _shaped(self, rows: list[Any]) -> Any:
        if not self._lanes:
            return [float(row[0]) for row in rows]
        import numpy

        return numpy.array(rows, dtype=numpy.float64).reshape(len(rows), self._lanes)

    # -- checks --------------------------------------------------------------------------------

    def _check_unchanged(self) -> None:
        for name, *texts in self._texts:
            row = TABLE.get(name)
            if row is None or [row.forward, row.dx, row.dy] != texts:
                raise RuntimeError(f"tape.forward: the op {name!r} was changed since {self.where} was recorded")
        now = [leaf.data for leaf in self._constants]
        if now != self._frozen:  # identity first, so that a NaN is itself
            i = next(i for i, (a, b) in enumerate(zip(now, self._frozen, strict=True)) if a is not b and a != b)
            leaf = self._constants[i]
            raise RuntimeError(
                f"tape.forward: the graph was changed since it was recorded from {self.where}: the constant "
                f"{leaf.label or f'number {i}'} was {self._frozen[i]!r} and is {leaf.data!r}; record again, "
                f"or make it an input or a parameter"
            )

    def _check_guards(self) -> None:
        if not self._guards:
            return
        broken = self._replay.broken_guard()
        if broken is None:
            return
        guard, lane = self._guards[broken[0]], broken[1]
        raise RuntimeError(
            f"tape.forward: the comparison {guard.symbol} at {guard.where} was {guard.answer} while "
            f"{self.where} was recorded, and is {not guard.answer} in lane {lane}: the tape has the graph of "
            f"the other branch; record with such inputs"
        )

    def _lanes_of(self, inputs: Any, count: int) -> tuple[Any, bool]:
        """The inputs in the form that the kernels take, and whether they are lanes."""
        expected = f"expected {count} numbers, or an array ({count}, B)"
        shape = getattr(inputs, "shape", None)
        if shape is None:
            row = _numbers(inputs, "inputs", "tape.forward")
            if len(row) != count:
                raise ValueError(f"tape.forward(inputs): {expected} as recorded from {self.where}, got {len(row)}")
            return self._replay.one(row), False
        if inputs.dtype.kind not in "fiub" or inputs.dtype.itemsize > 8:
            raise TypeError(f"tape.forward(inputs): expected real numbers, got dtype {inputs.dtype}")
        if len(shape) not in (1, 2) or shape[0] != count or 0 in shape[1:]:
            raise ValueError(f"tape.forward(inputs): {expected} as recorded from {self.where}, got {shape}")
        return self._replay.many(inputs), len(shape) == 2

    def _parameters_of(self, parameters: Any) -> Any:
        if parameters is None:
            parameters = [p.data for p in self._parameters]
        count = len(self._parameters)
        shape = getattr(parameters, "shape", None)
        if shape is None:
            parameters = _numbers(parameters, "parameters", "tape.forward")
        got = len(parameters) if shape is None else shape
        if got not in (count, (count,)):
            raise ValueError(
                f"tape.forward(parameters): expected {count} numbers as recorded from {self.where}, got {got}"
            )
        if shape is not None and (parameters.dtype.kind not in "fiub" or parameters.dtype.itemsize > 8):
            raise TypeError(f"tape.forward(parameters): expected real numbers, got dtype {parameters.dtype}")
        self._p = self._replay.parameters(parameters)
        return self._p


def _collect(root: Value, named: list[Value], guards: list[Guard]) -> tuple[list[Value], list[Value], int]:
    """(inner nodes in the order of the pass, then those of guards only; constants; how many are the pass's)."""
    with LOCK:
        inner, leaves, *_ = reach(root)
        for node in (*inner, *leaves):
            node._adj = None
    reached = len(inner)
    own = set(named)
    constants = [leaf for leaf in leaves if leaf not in own]
    known = own.union(inner, leaves)
    for guard in guards:
        for side in (guard.left, guard.right):
            if side in known:
                continue
            for node in nodes(side):
                if node not in known:
                    known.add(node)
                    (inner if node.parents else constants).append(node)
    return inner, constants, reached


def _sequence(values: Any, name: str, where: str = "record", expected: str = "a sequence of numbers") -> list[Any]:
    """The values in a list, or a TypeError that names the argument."""
    try:
        return list(values)
    except TypeError:
        raise TypeError(f"{where}({name}): expected {expected}, got {type(values).__name__} {values!r:.60}") from None


def _numbers(values: Any, name: str, where: str = "record") -> list[float]:
    """The values as the floats that they are; a TypeError names the first that is none."""
    return [_number(x, f"{name}[{i}]", where) for i, x in enumerate(_sequence(values, name, where))]


def _number(x: Any, name: str, where: str = "record") -> float:
    """x as the float that it is."""
    if x.__class__ is float:
        return x
    if isinstance(x, bool) or is_lanes(x) or not (isinstance(x, (int, float)) or hasattr(x, "dtype")):
        raise TypeError(f"{where}({name}): a tape holds float64 numbers, got {type(x).__name__} {x!r:.60}")
    number = float(x)
    if number != x and x == x:
        raise TypeError(f"{where}({name}): no float is equal to {x!r:.60}")
    return number
