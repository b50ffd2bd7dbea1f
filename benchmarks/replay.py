"""Replay: one forward and backward pass of a recorded graph, against a C interpreter and CasADi.

The three workloads are those of the eager benchmark, with their data as inputs.  Each side records
or builds its graph once; a pass is then the cost and its derivatives by all inputs and parameters, for new
inputs.  The C interpreter walks the same operations one by one, compiled with -O3 -march=native
-ffp-contract=off; CasADi is an SX function of cost and gradient on its virtual machine.  An *op* is an
operation of the recorded graph; times are medians, sides alternate.  Every
side has one thread; the last column has as many as there are CPUs, each with a part of the lanes.  CasADi folds
constants when it builds a gradient: of the chain nothing but the forward pass is left.

JAX does not fit a graph of scalars of this size: the time in which XLA compiles one grows faster than its square.  So
it is measured with jax.jit of value and gradient on a few points of moons (eight points, 5,827 ops, took two minutes).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.peers import InC, interleaved, missing, one_thread_jax, report
from engine import Value, record


def dense(a: list[Any], p: Any, sizes: Sequence[int], relu: Callable[[Any], Any]) -> list[Any]:
    """micrograd's neurons, the last layer linear; p yields the parameters, of each neuron w, then b."""
    for layer, (m, n) in enumerate(zip(sizes, sizes[1:], strict=False), start=2):
        out = []
        for _ in range(n):
            w = [next(p) for _ in range(m)]
            z = next(p)
            for wi, ai in zip(w, a, strict=True):
                z = z + wi * ai
            out.append(z if layer == len(sizes) else relu(z))
        a = out
    return a


def moons(x: Any, p: Any, relu: Callable[[Any], Any]) -> Any:
    """2-16-16-1 on 100 points, hinge loss and regularisation."""
    total = None
    for i in range(0, len(x), 2):
        (score,) = dense([x[i], x[i + 1]], iter(p), (2, 16, 16, 1), relu)
        loss = relu(1 + (-1 if i % 4 else 1) * score)
        total = loss if total is None else total + loss
    squares = p[0] * p[0]
    for v in p[1:]:
        squares = squares + v * v
    return total * (2.0 / len(x)) + 1e-4 * squares


def digit(x: Any, p: Any, relu: Callable[[Any], Any]) -> Any:
    """784-30-10, quadratic cost, one sample."""
    outputs = dense(x[:784], iter(p), (784, 30, 10), relu)
    total = None
    for a, y in zip(outputs, x[784:], strict=True):
        part = (a - y) * (a - y)
        total = part if total is None else total + part
    return total * 0.5


def chain(x: Any, p: Any, relu: Callable[[Any], Any]) -> Any:
    """A million additions, one after the other."""
    v = x[0]
    for _ in range(1_000_000):
        v = v + x[0]
    return v


def numbers(count: int, seed: int, scale: float = 1.0) -> list[float]:
    draw = random.Random(seed)
    return [draw.uniform(-1, 1) * scale for _ in range(count)]


WORKLOADS: dict[str, tuple[Any, list[float], list[float]]] = {
    "moons, 2-16-16-1": (moons, numbers(200, 1), numbers(337, 2, 0.5)),
    "784-30-10, one sample": (digit, numbers(794, 3), numbers(23860, 4, 1 / math.sqrt(784))),
    "chain of 1,000,000": (chain, [1e-6], []),
}

LANES = (1, 10, 32, 128, 512)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeat", type=int, default=7, help="repetitions of each side (%(default)s)")
    parser.set_defaults(run=main)


def casadi_pass(function: Any, x: list[float], p: list[float]) -> Any:
    """The cost and its gradient as a function of numbers in preallocated buffers."""
    import casadi

    xs, ps = casadi.SX.sym("x", len(x)), casadi.SX.sym("p", len(p))
    cost = function(casadi.vertsplit(xs), casadi.vertsplit(ps) if p else [], lambda v: casadi.fmax(v, 0))
    both = casadi.vertcat(xs, ps)
    compiled = casadi.Function("pass", [xs, ps], [cost, casadi.densify(casadi.gradient(cost, both))])
    buffer, evaluate = compiled.buffer()
    arrays = [np.array(x), np.array(p or [0.0]), np.zeros(1), np.zeros(len(x) + len(p))]
    for i in range(2):
        buffer.set_arg(i, memoryview(arrays[i]))
        buffer.set_res(i, memoryview(arrays[2 + i]))

    def run() -> Any:
        evaluate()
        return arrays[2][0], arrays[3]

    run.keep = buffer, compiled, arrays  # type: ignore[attr-defined]
    return run


def measure(name: str, repeat: int) -> tuple[list[Any], list[list[Any]]]:
    """The row of one sample, and for the digit the rows over lanes."""
    function, x, p = WORKLOADS[name]

    def on_values(inputs: Any, parameters: Any) -> Any:
        return function(inputs, parameters, lambda v: v.relu())

    start = time.perf_counter()
    tape = record(on_values, x, p, threads=1)
    recording = time.perf_counter() - start
    xs, ps = np.array(x), np.array(p)
    sides: dict[str, Callable[[], Any]] = {"tape": lambda: (tape.forward(xs, ps), tape.backward())}
    if tape.ops <= 100_000:
        plain = record(on_values, x, p, compiled=False)
        sides["plain"] = lambda: (plain.forward(x, p), plain.backward())
    try:
        inputs = [Value(number) for number in x]
        c = InC(on_values(inputs, [Value(number) for number in p]), inputs)
        sides["C"] = lambda: c(xs)
        if c(xs) != tape.forward(xs, ps):
            raise AssertionError(f"{name}: C gives {c(xs)}, the tape {tape.forward(xs, ps)}")
    except OSError as error:
        missing("the C interpreter", error)
    try:
        sides["CasADi"] = casadi_pass(function, x, p)
    except ImportError as error:
        missing("CasADi", error)
    ns = {side: seconds / tape.ops * 1e9 for side, seconds in interleaved(sides, repeat).items()}
    to_c = ns["tape"] / ns["C"] if "C" in ns else None
    to_casadi = ns["CasADi"] / ns["tape"] if "CasADi" in ns else None
    row = [name, tape.ops, ns.get("plain"), ns["tape"], ns.get("C"), ns.get("CasADi"), to_c, to_casadi]
    lanes_rows = []
    if function is digit:
        threaded = record(on_values, x, p, threads=os.cpu_count())
        lanes_rows = [over_lanes(tape, threaded, ps, lanes, sides, repeat) for lanes in LANES]
    return [*row, recording / tape.ops * 1e9], lanes_rows


def over_lanes(
    tape: Any, threaded: Any, p: Any, lanes: int, sides: dict[str, Callable[[], Any]], repeat: int
) -> list[Any]:
    many = np.random.RandomState(0).rand(tape.program.graph.inputs, lanes)
    some: dict[str, Callable[[], Any]] = {
        "tape": lambda: (tape.forward(many, p), tape.backward()),
        "threaded": lambda: (threaded.forward(many, p), threaded.backward()),
    }
    some |= {name: side for name, side in sides.items() if name == "CasADi"}
    found = interleaved(some, repeat)
    each, peer = found["tape"] / lanes, found.get("CasADi")
    split = found["threaded"] / lanes
    return [lanes, each * 1e6, each / tape.ops * 1e9, peer and peer * 1e6, peer and peer / each, split * 1e6]


def under_jit(points: int, repeat: int) -> list[Any]:
    """moons on a few points: ops, ns per op of JAX and of the tape, and the seconds that jax.jit compiles."""
    jax = one_thread_jax()
    x, p = numbers(2 * points, 1), numbers(337, 2, 0.5)
    tape = record(lambda xs, ps: moons(xs, ps, lambda v: v.relu()), x, p, threads=1)
    xs, ps = np.array(x), np.array(p)

    def cost(xs: Any, ps: Any) -> Any:
        return moons(list(xs), list(ps), lambda v: jax.numpy.maximum(v, 0.0))

    start = time.perf_counter()
    compiled = jax.jit(jax.value_and_grad(cost, (0, 1))).lower(xs, ps).compile()
    compiling = time.perf_counter() - start
    sides = {
        "JAX": lambda: jax.block_until_ready(compiled(xs, ps)),
        "tape": lambda: (tape.forward(xs, ps), tape.backward()),
    }
    ns = {side: seconds / tape.ops * 1e9 for side, seconds in interleaved(sides, repeat).items()}
    return [points, tape.ops, ns["JAX"], ns["tape"], compiling]


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the tables, and write replay.md."""
    rows, lanes_rows = [], []
    for name in WORKLOADS:
        row, more = measure(name, arguments.repeat)
        rows.append(row)
        lanes_rows += more
    head = ["workload", "ops", "plain Python", "tape", "C", "CasADi", "tape ÷ C", "CasADi ÷ tape", "record"]
    head2 = [
        "lanes", "tape, µs per sample", "tape, ns per op", "CasADi, µs per sample", "CasADi ÷ tape",
        f"tape, {os.cpu_count()} threads, µs per sample",
    ]  # fmt: skip
    tables = [("One sample, ns per op, forward and backward", head, rows), ("784-30-10 over lanes", head2, lanes_rows)]
    try:
        jax_rows = [under_jit(points, arguments.repeat) for points in (1, 2, 4)]
        head3 = ["points", "ops", "JAX, ns per op", "tape, ns per op", "jax.jit, seconds to compile"]
        tables.append(("moons on a few points, JAX", head3, jax_rows))
    except ImportError as error:
        missing("JAX", error)
    command = f"python -m benchmarks replay --repeat {arguments.repeat}"
    report(
        "replay", "Replay of a recorded graph", command,
        tables, __doc__.partition("\n\n")[2] if __doc__ else "",
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    main(parser.parse_args())
