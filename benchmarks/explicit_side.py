"""Explicit δ in contract order, in samples per second, beside numpy with BLAS and the book's loop.

784-30-10, sigmoid and quadratic cost, float64, the sides of the training benchmark.  The contract asks for every
sum in one order, each product and sum rounded, where BLAS has fused multiply-adds and any order: that is what
*explicit* pays for.  *explicit* and *per sample* run in one thread; BLAS is measured beside them with one thread
and, in a run of its own with *explicit* again, with as many threads as there are CPUs.  Sides alternate; figures are
medians, ratios are those of one run.
"""

from __future__ import annotations

import argparse
import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import missing, report
from benchmarks.train import measure


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeat", type=int, default=9, help="repetitions of each side (%(default)s)")
    parser.set_defaults(run=main)


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the table, and write explicit.md."""
    cpus = os.cpu_count() or 1
    if not blas_threads(1):
        missing("a count of BLAS's threads", "numpy has not its own OpenBLAS; it uses as many as it likes")
    alone = measure(["explicit", "BLAS", "per sample"], arguments.repeat)
    many = measure(["explicit", "BLAS"], arguments.repeat) if cpus > 1 and blas_threads(cpus) else {}
    rows: list[list[Any]] = []
    for size, rates in alone.items():
        explicit, more = rates["explicit"], many.get(size)
        rows.append([
            size, *rates.values(), more and more["BLAS"], explicit / rates["BLAS"],
            more and more["explicit"] / more["BLAS"], explicit / rates["per sample"],
        ])  # fmt: skip
    head = [
        "batch", "explicit", "BLAS, 1 thread", "per sample", f"BLAS, {cpus} threads", "explicit ÷ BLAS, 1 thread",
        f"explicit ÷ BLAS, {cpus} threads", "explicit ÷ per sample",
    ]  # fmt: skip
    report(
        "explicit", "Explicit δ in contract order", f"python -m benchmarks explicit --repeat {arguments.repeat}",
        [("Samples per second", head, rows)], __doc__.partition("\n\n")[2] if __doc__ else "",
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    main(parser.parse_args())
