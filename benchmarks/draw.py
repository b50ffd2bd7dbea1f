"""Pictures: time and size of each network at each level with each engine.

The time is that of `value.graph(level=…)` and `.svg(engine=…)` together, the best of so many runs, in one
process; the embedded engine's module is in the cache.  "–" stands for what is not drawn: Graphviz is not
given more than 3,000 shapes or edges.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine import Value
from engine.drawing.engines import ENGINES, LARGEST
from engine.files import write_whole
from engine.nn import MLP

PAGE = Path(__file__).with_name("draw.md")


def neuron() -> Value:
    """The reference picture's neuron, with a quadratic cost."""
    w1, w2, b = Value(-3.0, "w²₁₁"), Value(1.0, "w²₁₂"), Value(5.8, "b²₁")
    x1, x2, y = Value(2.0, "a¹₁"), Value(0.5, "a¹₂"), Value(1.0, "y₁")
    z = b + w1 * x1 + w2 * x2
    z.label = "z²₁"
    a = z.tanh()
    a.label = "a²₁"
    return _cost([a], [y])


def net(nin: int, *nouts: int) -> Callable[[], Value]:
    """A network of these sizes with a quadratic cost, after its backward pass."""

    def make() -> Value:
        random.seed(0)
        mlp = MLP(nin, list(nouts), activation="tanh", output="tanh")
        inputs = [Value(random.gauss(0, 1), f"a¹{_down(k)}") for k in range(1, nin + 1)]
        targets = [Value(random.random(), f"y{_down(k)}") for k in range(1, nouts[-1] + 1)]
        out = mlp(inputs)
        return _cost(out if isinstance(out, list) else [out], targets)

    return make


def chain() -> Value:
    """20,000 steps in a row, without labels of neurons."""
    y = Value(1.0, "x")
    for _ in range(20_000):
        y = y.sin()
    y.backward()
    return y


GRAPHS: dict[str, Callable[[], Value]] = {
    "neuron": neuron,
    "2-3-1": net(2, 3, 1),
    "2-16-16-1": net(2, 16, 16, 1),
    "784-30-10": net(784, 30, 10),
    "chain of 20,000": chain,
    "net of 50,000 nodes (540-30-10)": net(540, 30, 10),
}


def _cost(outputs: Sequence[Value], targets: Sequence[Value]) -> Value:
    total: Any = None
    for a, y in zip(outputs, targets, strict=True):
        d = a - y
        total = d * d if total is None else total + d * d
    cost: Value = total / 2
    cost.label = "C"
    cost.backward()
    return cost


def _down(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def measure(root: Value, level: str, engine: str, repeat: int) -> tuple[float, int, str] | str:
    """Seconds, bytes of SVG and the note; or why there is no picture."""
    best, svg, graph = float("inf"), "", None
    for _ in range(repeat):
        start = time.perf_counter()
        graph = root.graph(level=level)
        if engine != "grid" and graph._scene.size > LARGEST:
            return "–"
        try:
            svg = graph.svg(engine=engine)
        except RuntimeError as error:
            return str(error)
        best = min(best, time.perf_counter() - start)
    assert graph is not None
    return best, len(svg.encode()), graph.note


def table(repeat: int) -> str:
    """All of it, measured now, as Markdown."""
    from tabulate import tabulate

    rows = []
    for name, make in GRAPHS.items():
        root = make()
        nodes = f"{len(root.graph(level='value')._index):,}"
        for level in ("value",) if name.startswith("chain") else ("value", "unit", "layer"):
            cells, note, size = [], "", ""
            for engine in ENGINES:
                found = measure(root, level, engine, repeat)
                if isinstance(found, str):
                    cells.append(found)
                    continue
                seconds, length, note = found
                size = f"{length / 1e6:.2f} MB"
                cells.append(f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:.2f} s")
                print(f"{name}, {level}, {engine}: {cells[-1]}", file=sys.stderr)
            rows.append([name, nodes, level, *cells, size, note.rsplit("; drawn by", 1)[0]])
    head = ["graph", "nodes", "level", *ENGINES, "SVG (grid)", "what is drawn"]
    return str(tabulate(rows, head, tablefmt="github", disable_numparse=True))


def add_arguments(parser: Any) -> None:
    """Declare the command's options."""
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the best counts (%(default)s)")
    parser.set_defaults(run=run)


def run(arguments: Any) -> None:
    """Measure, print the table, and write it to draw.md."""
    if arguments.repeat < 1:
        sys.exit(f"benchmarks draw: --repeat needs a number of at least 1, got {arguments.repeat}")
    net(2, 1)().graph(level="unit").svg()  # the embedded engine's module is compiled, and the code is warm
    text = table(arguments.repeat)
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    page = f"# Pictures\n\n{(__doc__ or '').strip()}\n\nMeasured {datetime.date.today()}, {machine}.\n\n{text}\n"
    write_whole(PAGE, page)
    print(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The benchmark as a command of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks draw", description=__doc__)
    add_arguments(parser)
    run(parser.parse_args(arguments))
    return 0
