"""``python -m compare draw``: the picture of a comparison."""

import argparse
import os

import numpy as np

from compare.comparing import compare
from compare.data import moons
from engine.drawing.engines import ENGINES, EngineError
from engine.drawing.picture import LEVELS
from explicit import ACTIVATIONS, COSTS, Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.set_defaults(run=run)
    parser.description = (
        "Draw the graph of a network with δ beside the adjoint in each z node: = where they are one number, ≠ "
        "where not. The input is a point of the moons (2 inputs, 1 output), else standard normal numbers."
    )
    parser.add_argument("--sizes", type=_sizes, default=[2, 3, 1], help="units per layer (2,3,1)")
    parser.add_argument("--activation", choices=list(ACTIVATIONS), default="sigmoid", help="(%(default)s)")
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of parameters and of the input (%(default)s)")
    parser.add_argument(
        "--level", choices=list(LEVELS), default="auto", help="how much is put into one box (%(default)s)"
    )
    parser.add_argument("--digits", type=int, default=5, help="significant digits (%(default)s)")
    parser.add_argument("--engine", choices=list(ENGINES), help="who lays it out (the first that can)")
    parser.add_argument("--out", default="net.svg", metavar="PATH", help=".svg, .dot, .png or .pdf (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Compare one sample, draw it, say what was drawn; 0 where all is identical, 1 where not.

    Raises
    ------
    ValueError, OSError
        As `Network`, `Report.graph` and `Graph.save`; a .png without the program dot.
    """
    sizes = options.sizes
    if (sizes[0], sizes[-1]) == (2, 1):
        x, y = moons(1, options.seed)
    else:
        random = np.random.RandomState(options.seed)
        x, y = random.randn(sizes[0], 1), random.uniform(size=(sizes[-1], 1))
    network = Network(sizes, activation=options.activation, cost=options.cost, seed=options.seed)
    report = compare(network, x, y)
    try:
        note = report.graph(level=options.level, digits=options.digits).save(options.out, engine=options.engine)
    except EngineError as error:
        raise ValueError(str(error)) from error
    print(f"{os.fspath(options.out)}: {note}")
    print(report.verdict)
    return 0 if report.exact else 1


def _sizes(text: str) -> list[int]:
    from compare.commands import _sizes as parse  # commands imports this module

    return parse(text)
