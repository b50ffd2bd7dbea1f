"""The commands of ``python -m compare``.

Exit codes: 0 all identical (or right), 1 not, 2 bad usage or input; `check` also 3, it did not run, and 4, we failed.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from compare.commands import check, comparison, draw, layers, mistakes, page, prove, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m compare",
        description="Differentiate a network twice, by reverse mode on a graph of scalars and by the "
        "textbook's δ, and compare the two at every z node, bit by bit.",
    )
    comparison.add_arguments(parser)
    parser.set_defaults(run=comparison.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command, name, what in (
        (prove, "prove", "prove BP1–BP4 for an architecture and every σ"),
        (layers, "layers", "every kind of layer beside the graph, in bits, and proved"),
        (draw, "draw", "draw the graph, δ beside the adjoint"),
        (page, "page", "a page that steps through the backward pass"),
        (check, "check", "what is wrong with a solution file, and its points"),
        (mistakes, "mistakes", "the catalogue of mistakes, and its trial"),
        (train, "train", "train twice in lock-step, bit by bit"),
    ):
        its_parser = commands.add_parser(name, help=what)
        command.add_arguments(its_parser)
        its_parser.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
        return code
    except BrokenPipeError:  # the reader has gone (`… | head`): not our error, and nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
