"""Eager speed: building a graph and one backward pass, against the `micrograd` package.

The code of a workload is one for both sides: it is given the Value class.  An *op* is a node with
parents in the engine's graph of the workload; both sides' times are divided by that number
(micrograd makes two nodes of a − b).  Parameters are made before the clock starts.  Repetitions
alternate, engine, micrograd, engine, micrograd, …, each from a collected heap; the table has medians.
With the collector off a repetition is one step (build, then backward).  With the collector's defaults
it is several steps in a row, as in training, and nothing is collected by hand in between: micrograd's
nodes are in cycles (a closure holds the node that holds it), so their memory waits for the collector.
Memory is tracemalloc's peak over build and backward, in a run of its own, garbage collector off.

micrograd sorts its graph recursively: the recursion limit is raised to 10,000,000 for both sides
(from Python 3.11 a Python function that calls another uses no C stack).  The chain's bytes per op are
those of a chain of 20,000, since tracemalloc walks the whole stack at each allocation.
"""

from __future__ import annotations

import datetime
import gc
import math
import os
import platform
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine import Value
from engine.files import write_whole
from engine.reverse import nodes

Workload = Callable[[Any], Callable[[], Any]]  # makes the parameters; what it returns builds the graph
REPORT = Path(__file__).with_name("eager.md")
SIDES = ("engine", "micrograd")


def network(make: Any, sizes: list[int]) -> list[list[tuple[list[Any], Any]]]:
    """Layers of neurons (weights, bias), uniform in ±1/√inputs."""
    rng = random.Random(0)
    return [
        [([make(rng.uniform(-1, 1) / math.sqrt(m)) for _ in range(m)], make(0.0)) for _ in range(n)]
        for m, n in pairwise(sizes)
    ]


def forward(layers: list[list[tuple[list[Any], Any]]], a: list[Any]) -> list[Any]:
    """micrograd's neurons: relu, the last layer linear."""
    for layer in layers:
        outputs = []
        for w, z in layer:
            for wi, ai in zip(w, a, strict=True):
                z = z + wi * ai
            outputs.append(z if layer is layers[-1] else z.relu())
        a = outputs
    return a


def moons(make: Any) -> Callable[[], Any]:
    """micrograd's demo: 2-16-16-1, hinge loss over 100 points of two moons, and regularisation."""
    rng = random.Random(1)
    angles = [rng.uniform(0, math.pi) for _ in range(100)]
    points = [
        (math.cos(t), math.sin(t)) if i % 2 else (1 - math.cos(t), 0.5 - math.sin(t)) for i, t in enumerate(angles)
    ]
    layers = network(make, [2, 16, 16, 1])
    parameters = [p for layer in layers for w, b in layer for p in (*w, b)]

    def build() -> Any:
        losses = []
        for i, point in enumerate(points):
            (score,) = forward(layers, [make(x) for x in point])
            losses.append((1 + (-1 if i % 2 else 1) * score).relu())
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)

    return build


def digit(make: Any) -> Callable[[], Any]:
    """784-30-10 with relu and quadratic cost, one sample."""
    rng = random.Random(2)
    x = [rng.random() for _ in range(784)]
    layers = network(make, [784, 30, 10])

    def build() -> Any:
        outputs = forward(layers, [make(xi) for xi in x])
        return sum((a - y) * (a - y) for a, y in zip(outputs, [1.0] + [0.0] * 9, strict=True)) * 0.5

    return build


def chain(make: Any, length: int = 1_000_000) -> Callable[[], Any]:
    """Nodes one after the other."""

    def build() -> Any:
        v = x = make(1e-6)
        for _ in range(length):
            v = v + x
        return v

    return build


def short_chain(make: Any) -> Callable[[], Any]:
    """The chain of which the memory is measured."""
    return chain(make, 20_000)


# Timed, measured for memory, repetitions, steps in a row with the collector's defaults.
WORKLOADS: dict[str, tuple[Workload, Workload, int, int]] = {
    "moons, 2-16-16-1": (moons, moons, 9, 10),
    "784-30-10, one sample": (digit, digit, 9, 10),
    "chain of 1,000,000": (chain, short_chain, 3, 2),
}


def peer() -> Any:
    """micrograd's Value, or an error that says what to install."""
    try:
        from micrograd.engine import Value as Micrograd
    except ImportError:
        sys.exit("benchmarks eager: the peer is missing; install it with: pip install 'delta-adjoint[bench]'")
    return Micrograd


def seconds(workload: Workload, make: Any, collector: bool, steps: int) -> tuple[float, float]:
    """Time to build and time for backward(), per step."""
    build = workload(make)
    gc.collect()
    (gc.enable if collector else gc.disable)()
    building = differentiating = 0.0
    try:
        for _ in range(steps):
            root = None  # the last step's graph goes before the clock starts
            start = time.perf_counter()
            root = build()
            built = time.perf_counter()
            root.backward()
            building += built - start
            differentiating += time.perf_counter() - built
        return building / steps, differentiating / steps
    finally:
        gc.enable()


def bytes_at_peak(workload: Workload, make: Any) -> int:
    """tracemalloc's peak over build and backward."""
    build = workload(make)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        build().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()


def count_ops(workload: Workload) -> int:
    """The engine's nodes that have parents."""
    return sum(1 for node in nodes(workload(Value)()) if node.parents)


def measure(workload: Workload, sized: Workload, repeat: int, steps: int, makes: tuple[Any, Any]) -> list[list[Any]]:
    """Rows (collector, ops, then build, backward and both in ns per op and bytes per op by side, ratios)."""
    ops = count_ops(workload)
    memory = [bytes_at_peak(sized, make) / count_ops(sized) for make in makes]
    rows = []
    for collector in (False, True):
        runs: list[list[tuple[float, float]]] = [[], []]
        for _ in range(repeat):
            for side, make in enumerate(makes):
                runs[side].append(seconds(workload, make, collector, steps if collector else 1))
        build_ns, backward_ns, total_ns = (
            [statistics.median(part(run) for run in side) / ops * 1e9 for side in runs]
            for part in (lambda run: run[0], lambda run: run[1], sum)
        )
        row: list[Any] = ["defaults" if collector else "off", ops]
        for side in range(2):
            row += [build_ns[side], backward_ns[side], total_ns[side], memory[side]]
        rows.append([*row, total_ns[1] / total_ns[0], memory[1] / memory[0]])
    return rows


def add_arguments(parser: Any) -> None:
    parser.add_argument("--repeat", type=int, help="repetitions of each workload (default: 9; the chain 3)")
    parser.set_defaults(run=run)


def run(arguments: Any) -> None:
    """Measure, print the table, and write it to eager.md."""
    if arguments.repeat is not None and arguments.repeat < 1:
        sys.exit(f"benchmarks eager: --repeat needs a number of at least 1, got {arguments.repeat}")
    makes = (Value, peer())
    try:
        from tabulate import tabulate
    except ImportError:
        sys.exit("benchmarks eager: tabulate is missing; install it with: pip install 'delta-adjoint[bench]'")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000_000)
    try:
        rows = [
            [name, *row]
            for name, (workload, sized, repeat, steps) in WORKLOADS.items()
            for row in measure(workload, sized, arguments.repeat or repeat, steps, makes)
        ]
    finally:
        sys.setrecursionlimit(limit)
    headers: list[str] = ["workload", "collector", "ops"]
    headers += [f"{side} {part}" for side in SIDES for part in ("build", "backward", "both", "bytes/op")]
    headers += ["time ratio", "memory ratio"]
    formats = ("", "", ",d", *(".0f",) * 8, ".2f", ".2f")
    command = "python -m benchmarks eager" + (f" --repeat {arguments.repeat}" if arguments.repeat else "")
    facts = (
        f"`{command}`, Python {platform.python_version()}, {os.cpu_count()} CPUs, "
        f"{datetime.date.today().isoformat()}.  Times in ns per op, medians; ratios are micrograd ÷ engine."
    )

    def table(style: str) -> str:
        return str(tabulate(rows, headers, tablefmt=style, floatfmt=formats, intfmt=formats))

    print(table("simple"), facts, sep="\n\n")
    notes = (__doc__ or "").partition("\n\n")[2].strip()
    write_whole(REPORT, f"# Eager: engine and micrograd\n\n{facts}\n\n{table('github')}\n\n{notes}\n")
