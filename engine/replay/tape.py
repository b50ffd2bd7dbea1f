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
from itertools import islice

from engine.ops import TABLE
from engine.replay.flat_graph import FlatGraph
from engine.replay.last_pass import LastPass
from engine.replay.numbers_given import number, numbers, replay_inputs, replay_parameters, sequence
from engine.replay.plain import Plain
from engine.replay.program import Program
from engine.replay.recording import Guard, Recording, where_defined
from engine.replay.schedule import Fused, schedule
from engine.scalars import same_bits
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
    given = [Value(x) for x in numbers(() if inputs is None else inputs, "inputs")]
    weights = [
        p if isinstance(p, Value) else Value(number(p, f"parameters[{i}]"))
        for i, p in enumerate(sequence(() if parameters is None else parameters, "parameters"))
    ]
    for i, w in enumerate(weights):
        number(w.data, f"parameters[{i}]")
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
        graph = FlatGraph(root, inputs, parameters, guards)
        self._ids = graph.ids
        self._labels: dict[str, int] | None = None
        self._constants = list(islice(graph.ids, len(inputs) + len(parameters), graph.leaves))
        self._frozen = [leaf.data for leaf in self._constants]
        self.ops = len(graph.rows)
        self._texts = [(op.name, op.forward, op.dx, op.dy) for op in graph.ops]
        steps, touched = schedule(graph, blocks)
        self.program = Program(graph, steps, touched)
        taken_together = [step for step in steps if isinstance(step, Fused) and len(step.outs) > 1]
        self.blocks = [(len(step.outs), len(step.read)) for step in taken_together]
        self._replay: Any = Plain(self.program)
        self._threads = threads
        self._owned = compiled  # which kernels to use, until the first replay settles it
        self._settled = False
        self._last: LastPass | None = None
        self._verify([float(x.data) for x in inputs], [float(p.data) for p in parameters])

    def __repr__(self) -> str:
        graph = self.program.graph
        return f"<Tape of {self.where}: {self.ops:,} ops, {graph.inputs} inputs, {graph.parameters} parameters>"

    def _verify(self, x: list[float], p: list[float]) -> None:
        """Replay the recorded sample: each stored number must be what was recorded."""
        self._replay.forward([x], p)
        (v,) = self._replay.v
        runs, slot = self.program.runs, self.program.slot
        for node, i in islice(self._ids.items(), self.program.graph.leaves, None):
            recorded, replayed = node.data, v[slot[i]]
            if recorded.__class__ is float and recorded == replayed != 0.0:
                continue
            run = runs.get(i)
            if run is not None and run[0].outs[run[1]] != i:
                continue  # a product or sum within a run
            if not isinstance(recorded, (int, float)):
                raise TypeError(f"record({self.where}): a tape holds floats, got {type(recorded).__name__}")
            if not same_bits(float(recorded), replayed):
                raise ValueError(
                    f"record({self.where}): the data of {node.label or 'a node'} ({node._row.name}) is "
                    f"{recorded!r}, but its op gives {replayed!r}: was data assigned while recording?"
                )

    def _settle(self) -> None:
        """Choose the kernels, once."""
        self._settled = True
        if self._owned is False:
            return
        from engine.replay.compiled import Compiled
        from engine.replay.kernel_store import why_not

        reason = why_not(self.program)
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
            self._settle()
        graph = self.program.graph
        given, many = replay_inputs(() if inputs is None else inputs, graph.inputs, self.where)
        if parameters is None:
            parameters = [p.data for p in self._parameters]
        p = self._replay.parameters(replay_parameters(parameters, graph.parameters, self.where))
        self._last = None
        try:
            out = self._replay.forward(self._replay.lanes(given), p)
        except (ArithmeticError, ValueError) as error:
            self._check_guards()  # a formula may fail just because its branch was left
            raise type(error)(f"tape.forward, recorded from {self.where}: {error}") from error
        self._check_guards()
        self._last = LastPass(self.program, self._replay, p, len(out) if many else 0)
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
        last = self._last
        if last is None:
            raise RuntimeError("tape.backward: there was no forward pass")
        count = last.lanes or 1
        if seed is None or isinstance(seed, (int, float)) or getattr(seed, "shape", None) == ():
            seeds = [1.0 if seed is None else number(seed, "seed", "tape.backward")] * count
        else:
            seeds = numbers(seed, "seed", "tape.backward")
            if len(seeds) != count:
                raise ValueError(f"tape.backward(seed): expected {count} numbers, got {len(seeds)}")
        last.totals = None
        try:
            last.totals = self._replay.backward(seeds, inputs)
        except ZeroDivisionError as error:
            raise ZeroDivisionError(f"tape.backward, recorded from {self.where}: {error}") from error
        last.with_inputs = inputs
        return last.totals

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
        return list(islice(self._ids, self.program.graph.inputs))

    @property
    def parameters(self) -> list[Value]:
        """The Values that stood for the parameters."""
        return list(self._parameters)

    def _read(self, what: str, nodes: Any) -> Any:
        if self._last is None:
            raise RuntimeError(f"tape.{what}: there was no forward pass")
        if isinstance(nodes, (Value, str)):
            return self._last.read(what, [self._id(nodes)])[0]
        some = sequence(getattr(nodes, "flat", nodes), "nodes", f"tape.{what}", "a Value, its label, or several")
        return self._last.read(what, [self._id(node) for node in some])

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
