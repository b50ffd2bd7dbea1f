"""``python -m compare prove``: BP1–BP4 proved for an architecture and every σ."""

import argparse

from compare.checking.prove import prove
from compare.commands.arguments import add_json, finish, sizes
from explicit import COSTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--sizes", type=sizes, required=True, help="units per layer, e.g. 784,30,10")
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random points (%(default)s)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prove, and print the certificate; 0 if it is proved, 1 if not. Errors: as `prove`; OSError."""
    certificate = prove(options.sizes, options.cost, seed=options.seed)
    return finish(options, certificate, certificate.proved)
