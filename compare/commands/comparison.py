"""``python -m compare`` alone: a network compared on two moons, or on digits."""

import argparse
import sys

from compare.commands.arguments import (
    activation_of,
    add_data,
    add_functions,
    add_json,
    data_of,
    finish,
    names,
    sizes_of,
)
from compare.comparing import compare
from compare.numbers.arithmetic import ARITHMETICS
from compare.referees.opinion import REFEREES
from explicit import Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data(parser, "2,3,1")
    add_functions(parser)
    parser.add_argument("--seed", type=int, default=0, help="of parameters and of the moons (%(default)s)")
    parser.add_argument("--samples", type=int, help="how many (4 points, or 100 digits)")
    parser.add_argument("--arithmetic", choices=list(ARITHMETICS), default="float64", help="(%(default)s)")
    parser.add_argument(
        "--referees",
        type=names(REFEREES),
        default=[],
        help=f"outside opinions on δ, parted by commas: {', '.join(REFEREES)}",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compare and print the report; 0 where all is identical, 1 where not.

    Raises
    ------
    ImportError, OSError, ValueError
        As `load_mnist`, `Network` and `compare`; the sizes are not those of the data.
    """
    units = sizes_of(options)
    samples = options.samples if options.samples is not None else 100 if options.mnist else 4
    x, y = data_of(options, "test", samples, samples)
    if (units[0], units[-1]) != (len(x), len(y)):
        raise ValueError(f"--sizes: the data need {len(x)} inputs and {len(y)} outputs, got {units}")
    network = Network(units, activation_of(options), options.cost, options.seed)
    report = compare(
        network, x, y, arithmetic=options.arithmetic, referees=options.referees, progress=sys.stderr.isatty()
    )
    return finish(options, report, report.exact)
