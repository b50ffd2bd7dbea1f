"""``python -m compare page``: the page that steps through the backward pass."""

import argparse

from compare.commands.arguments import add_network, finish_picture, report_of_one_sample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Write a self-contained HTML page that steps through the backward pass: the textbook's δ on the left, the "
        "graph's adjoints on the right. The input is a point of the moons (2 inputs, 1 output), else standard "
        "normal numbers."
    )
    add_network(parser)
    parser.add_argument("--out", default="backward.html", metavar="PATH", help="(%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Compare one sample, write its page, say what it shows; 0 where all is identical, 1 where not.

    Raises
    ------
    ValueError, OSError
        As `Network`, `compare` and `Report.page`.
    """
    report = report_of_one_sample(options)
    return finish_picture(options, report, report.page(options.out).note)
