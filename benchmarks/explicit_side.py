"""Explicit δ in contract order, in samples per second, beside numpy with BLAS and the book's loop.

784-30-10, sigmoid and quadratic cost, float64, the sides of the training benchmark.  The contract asks for every
sum in one order, each product and sum rounded, where BLAS has fused multiply-adds and any order: that is what
*explicit* pays for.  *explicit* and *per sample* run in one thread; BLAS is measured beside them with one thread
and, in a run of its own with *explicit* again, with as many threads as there are CPUs.  Sides alternate; figures are
medians, ratios are those of one run.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from benchmarks.peers import blas_threads, missing, report
from benchmarks.train import measure


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
