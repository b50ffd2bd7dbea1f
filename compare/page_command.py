"""``python -m compare page``: the page that steps through the backward pass."""

import argparse
import os

import numpy as np

from compare.comparing import compare
from compare.data import moons
from explicit import ACTIVATIONS, COSTS, Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.set_defaults(run=run)
    parser.description = (
        "Write a self-contained HTML page that steps through the backward pass: the textbook's δ on the left, the "
        "graph's adjoints on the right. The input is a point of the moons (2 inputs, 1 output), else standard "
        "normal numbers."
    )
    parser.add_argument("--sizes", type=_sizes, default=[2, 3, 1], help="units per layer (2,3,1)")
    parser.add_argument("--activation", choices=list(ACTIVATIONS), default="sigmoid", help="(%(default)s)")
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of parameters and of the input (%(default)s)")
    parser.add_argument("--out", default="backward.html", metavar="PATH", help="(%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Compare one sample, write its page, say what it shows; 0 where all is identical, 1 where not.

    Raises
    ------
    ValueError, OSError
        As `Network`, `compare` and `Report.page`.
    """
    sizes = options.sizes
    if (sizes[0], sizes[-1]) == (2, 1):
        x, y = moons(1, options.seed)
    else:
        random = np.random.RandomState(options.seed)
        x, y = random.randn(sizes[0], 1), random.uniform(size=(sizes[-1], 1))
    network = Network(sizes, activation=options.activation, cost=options.cost, seed=options.seed)
    report = compare(network, x, y)
    print(f"{os.fspath(options.out)}: {report.page(options.out).note}")
    print(report.verdict)
    return 0 if report.exact else 1


def _sizes(text: str) -> list[int]:
    from compare.commands import _sizes as parse  # commands imports this module

    return parse(text)
