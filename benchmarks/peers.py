"""What the speed benchmarks share: interleaved medians, tables written whole, and the peers' code."""

from __future__ import annotations

import ctypes
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.files import write_whole


def interleaved(sides: dict[str, Callable[[], Any]], repeat: int, least: float = 0.05) -> dict[str, float]:
    """Median seconds per call of each side; the sides alternate, each called for at least `least` seconds."""
    calls = {}
    for name, side in sides.items():
        side()
        start = time.perf_counter()
        side()
        calls[name] = max(1, int(least / max(time.perf_counter() - start, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeat):
        for name, side in sides.items():
            start = time.perf_counter()
            for _ in range(calls[name]):
                side()
            times[name].append((time.perf_counter() - start) / calls[name])
    return {name: statistics.median(some) for name, some in times.items()}


def report(
    name: str, title: str, command: str, tables: list[tuple[str, list[str], list[list[Any]]]], notes: str
) -> None:
    """Print the tables, and write them to benchmarks/<name>.md, whole or not at all."""
    from tabulate import tabulate

    today = datetime.date.today().isoformat()
    facts = f"`{command}`, Python {platform.python_version()}, {os.cpu_count()} CPUs, {today}."
    parts = [f"# {title}", facts]
    for heading, head, rows in tables:
        cells = [[_cell(cell) for cell in row] for row in rows]
        print(heading, tabulate(cells, head, disable_numparse=True), "", sep="\n")
        parts += [f"## {heading}", str(tabulate(cells, head, tablefmt="github", disable_numparse=True))]
    write_whole(Path(__file__).with_name(f"{name}.md"), "\n\n".join([*parts, notes.strip()]) + "\n")


def _cell(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 1000 else f"{cell:.2f}" if cell < 10 else f"{cell:.1f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def missing(name: str, why: Exception | str) -> None:
    """Say that a peer is left out."""
    print(f"without {name}: {why}", file=sys.stderr)


# -- a tape interpreter in C: the limit of one-lane replay ---------------------------------------

C_SOURCE = r"""
#include <math.h>
#include <stdint.h>
enum { ADD, SUB, MUL, DIV, RELU, TANH, SIGMOID, NEG };
void forward(int64_t n, const int32_t *code, const int32_t *o, const int32_t *x, const int32_t *y, double *v) {
    for (int64_t i = 0; i < n; i++) {
        double a = v[x[i]], r;
        switch (code[i]) {
        case ADD: r = a + v[y[i]]; break;
        case SUB: r = a - v[y[i]]; break;
        case MUL: r = a * v[y[i]]; break;
        case DIV: r = a / v[y[i]]; break;
        case RELU: r = a > 0 ? a : 0.0; break;
        case TANH: r = tanh(a); break;
        case NEG: r = -a; break;
        default: if (a >= 0) r = 1 / (1 + exp(-a)); else { double e = exp(a); r = e / (1 + e); }
        }
        v[o[i]] = r;
    }
}
void backward(int64_t n, const int32_t *code, const int32_t *o, const int32_t *x, const int32_t *y,
              const double *v, double *g) {
    for (int64_t i = n - 1; i >= 0; i--) {
        double d = g[o[i]], r = v[o[i]];
        switch (code[i]) {
        case ADD: g[x[i]] += d; g[y[i]] += d; break;
        case SUB: g[x[i]] += d; g[y[i]] -= d; break;
        case MUL: g[x[i]] += d * v[y[i]]; g[y[i]] += d * v[x[i]]; break;
        case DIV: g[x[i]] += d * (1 / v[y[i]]); g[y[i]] += d * (-r / v[y[i]]); break;
        case RELU: g[x[i]] += d * (v[x[i]] > 0 ? 1.0 : 0.0); break;
        case TANH: g[x[i]] += d * (1 - r * r); break;
        case NEG: g[x[i]] -= d; break;
        default: g[x[i]] += d * (r * (1 - r));
        }
    }
}
"""
C_CODES = {name: i for i, name in enumerate(("add", "sub", "mul", "div", "relu", "tanh", "sigmoid", "neg"))}


class InC:
    """A graph's tape, op by op in the order of the pass, interpreted by compiled C.

    Raises OSError without a compiler, KeyError for an op that the interpreter has not.
    """

    def __init__(self, root: Any, inputs: list[Any]) -> None:
        from engine.reverse import nodes

        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise OSError("no C compiler")
        order = nodes(root)
        inner = [node for node in order if node.parents]
        leaves = [*inputs, *(node for node in order if not node.parents and node not in set(inputs))]
        place = {node: i for i, node in enumerate([*leaves, *inner])}
        self.leaves = np.array([float(leaf.data) for leaf in leaves])
        self.v, self.g = np.empty(len(place)), np.empty(len(place))
        self.v[: len(leaves)] = self.leaves
        self.n, self.inputs = len(inner), len(inputs)
        columns = [
            [C_CODES[node._row.name] for node in inner],
            [place[node] for node in inner],
            [place[node._x] for node in inner],
            [place[node._y if node._y is not None else node._x] for node in inner],
        ]
        self.columns = [np.array(column, dtype=np.int32) for column in columns]
        with tempfile.TemporaryDirectory() as folder:
            source, library = Path(folder) / "tape.c", Path(folder) / "tape.so"
            source.write_text(C_SOURCE)
            flags = ["-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC"]
            subprocess.run([compiler, *flags, str(source), "-o", str(library), "-lm"], check=True)
            self.library = ctypes.CDLL(str(library))
        pointer = [column.ctypes.data_as(ctypes.c_void_p) for column in self.columns]
        v, g = (array.ctypes.data_as(ctypes.c_void_p) for array in (self.v, self.g))
        self.to_forward = [ctypes.c_int64(self.n), *pointer, v]
        self.to_backward = [*self.to_forward, g]

    def __call__(self, x: Any) -> float:
        self.v[: self.inputs] = x
        self.library.forward(*self.to_forward)
        self.g.fill(0.0)
        self.g[-1] = 1.0
        self.library.backward(*self.to_backward)
        return float(self.v[-1])


def blas_threads(count: int) -> bool:
    """Let numpy's own OpenBLAS use so many threads; False where numpy has another BLAS."""
    folders = [Path(np.__file__).parent.with_name("numpy.libs"), Path(np.__file__).with_name(".dylibs")]
    for path in (path for folder in folders for path in folder.glob("*openblas*")):
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads"):
            if hasattr(library, name):
                getattr(library, name)(count)
                return True
    return False


def one_thread_jax() -> Any:
    """JAX on the CPU, with float64 and one thread. Errors: ImportError."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax  # type: ignore[import-not-found, import-untyped, unused-ignore]

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # or a second thread works ahead
    return jax
