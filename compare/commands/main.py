"""The commands of ``python -m compare``.

Exit codes: 0 all identical (or right), 1 not, 2 bad usage or input; `check` also 3, it did not run, and 4, we failed.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from compare.checking.prove import prove
from compare.commands import check as check_command
from compare.commands import draw as draw_command
from compare.commands import mistakes as mistakes_command
from compare.commands import page as page_command
from compare.commands import train as train_command
from compare.commands.arguments import activation_of, add_functions, names, sizes
from compare.comparing import compare
from compare.data import load_mnist, moons
from compare.numbers.arithmetic import ARITHMETICS
from compare.referees.opinion import REFEREES
from explicit import COSTS, Network


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m compare",
        description="Differentiate a network twice, by reverse mode on a graph of scalars and by the "
        "textbook's δ, and compare the two at every z node, bit by bit.",
    )
    _add_comparison(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_proof(commands.add_parser("prove", help="prove BP1–BP4 for an architecture and every σ"))
    draw_command.add_arguments(commands.add_parser("draw", help="draw the graph, δ beside the adjoint"))
    page_command.add_arguments(commands.add_parser("page", help="a page that steps through the backward pass"))
    check_command.add_arguments(commands.add_parser("check", help="what is wrong with a solution file, and its points"))
    mistakes_command.add_arguments(commands.add_parser("mistakes", help="the catalogue of mistakes, and its trial"))
    train_command.add_arguments(commands.add_parser("train", help="train twice in lock-step, bit by bit"))
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


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_compare)
    parser.add_argument("--sizes", type=sizes, help="units per layer (2,3,1; with --mnist 784,30,10)")
    add_functions(parser)
    parser.add_argument("--seed", type=int, default=0, help="of parameters and of the moons (%(default)s)")
    parser.add_argument("--samples", type=int, help="how many (4 points, or 100 digits)")
    parser.add_argument("--mnist", metavar="DIR", help="compare on real digits: a folder of idx files")
    parser.add_argument(
        "--arithmetic", choices=list(ARITHMETICS), default="float64", help="(%(default)s)"
    )
    parser.add_argument(
        "--referees",
        type=names(REFEREES),
        default=[],
        help=f"outside opinions on δ, parted by commas: {', '.join(REFEREES)}",
    )
    parser.add_argument("--json", metavar="PATH", help="write the report there as well")


def _compare(options: argparse.Namespace) -> int:
    units = options.sizes or ([784, 30, 10] if options.mnist else [2, 3, 1])
    samples = options.samples if options.samples is not None else 100 if options.mnist else 4
    if samples < 1:
        raise ValueError(f"--samples: expected at least 1, got {samples}")
    x, y = load_mnist(options.mnist) if options.mnist else moons(samples, options.seed)
    if samples > x.shape[1]:
        raise ValueError(f"--samples: expected at most {x.shape[1]}, the digits there are, got {samples}")
    if (units[0], units[-1]) != (len(x), len(y)):
        raise ValueError(f"--sizes: the data need {len(x)} inputs and {len(y)} outputs, got {units}")
    network = Network(units, activation=activation_of(options), cost=options.cost, seed=options.seed)
    report = compare(
        network,
        x[:, :samples],
        y[:, :samples],
        arithmetic=options.arithmetic,
        referees=options.referees,
        progress=sys.stderr.isatty(),
    )
    print(report)
    if options.json:
        report.to_json(options.json)
    return 0 if report.exact else 1


def _add_proof(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_prove)
    parser.add_argument("--sizes", type=sizes, required=True, help="units per layer, e.g. 784,30,10")
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random points (%(default)s)")
    parser.add_argument("--json", metavar="PATH", help="write the certificate there as well")


def _prove(options: argparse.Namespace) -> int:
    certificate = prove(options.sizes, options.cost, seed=options.seed)
    print(certificate)
    if options.json:
        certificate.to_json(options.json)
    return 0 if certificate.proved else 1
