"""Explicit δ in contract order, in samples per second, beside numpy with BLAS and the book's loop.

784-30-10, sigmoid and quadratic cost, float64, one thread, the sides of the training benchmark.  The contract
asks for every sum in one order, each product and sum rounded: that is what *explicit* pays for.
Sides alternate; figures are medians.
"""

from __future__ import annotations

import argparse

from benchmarks.peers import report
from benchmarks.train import measure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeat", type=int, default=9, help="repetitions of each side (%(default)s)")
    parser.set_defaults(run=main)


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the table, and write explicit.md."""
    names = ["explicit", "BLAS", "per sample"]
    found = measure(names, arguments.repeat)
    rows = [
        [size, *(rates[name] for name in names), *(rates["explicit"] / rates[name] for name in names[1:])]
        for size, rates in found.items()
    ]
    head = ["batch", *names, "explicit ÷ BLAS", "explicit ÷ per sample"]
    report(
        "explicit", "Explicit δ in contract order", f"python -m benchmarks explicit --repeat {arguments.repeat}",
        [("Samples per second", head, rows)], __doc__.partition("\n\n")[2] if __doc__ else "",
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    main(parser.parse_args())
