"""``python -m compare draw``: the picture of a comparison."""

import argparse

from compare.commands.arguments import add_network, finish_picture, report_of_one_sample
from engine.drawing.engines import ENGINES, EngineError
from engine.drawing.picture import LEVELS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Draw the graph of a network with δ beside the adjoint in each z node: = where they are one number, ≠ "
        "where not. The input is a point of the moons (2 inputs, 1 output), else standard normal numbers."
    )
    add_network(parser)
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
    report = report_of_one_sample(options)
    try:
        note = report.graph(level=options.level, digits=options.digits).save(options.out, engine=options.engine)
    except EngineError as error:
        raise ValueError(str(error)) from error
    return finish_picture(options, report, note)
