"""What the commands of ``python -m compare`` have in common: options, data, one sample of a small network, the end."""

import argparse
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from compare.comparing import compare
from compare.data import load_mnist, moons
from compare.report import Report
from explicit import ACTIVATIONS, COSTS, Network
from explicit.elementwise import Array


def sizes(text: str) -> list[int]:
    """Units per layer, "2,3,1", for argparse.

    Raises
    ------
    argparse.ArgumentTypeError
        The text is no such list.

    >>> sizes("2,3,1")
    [2, 3, 1]
    """
    try:
        parsed = [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected sizes such as 2,3,1, got {text!r}") from None
    if len(parsed) < 2 or min(parsed) < 1:
        raise argparse.ArgumentTypeError(f"expected at least two positive sizes, got {text!r}")
    return parsed


def names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A parser of names parted by commas, for argparse, that refuses unknown ones and lists the known."""

    def parse(text: str) -> list[str]:
        parsed = text.split(",")
        for name in parsed:
            if name not in known:
                raise argparse.ArgumentTypeError(f"unknown {name!r}; known: {', '.join(known)}")
        return parsed

    return parse


def add_network(parser: argparse.ArgumentParser) -> None:
    """The options of a small network that is shown at one sample."""
    parser.add_argument("--sizes", type=sizes, default=[2, 3, 1], help="units per layer (2,3,1)")
    parser.add_argument("--activation", choices=list(ACTIVATIONS), default="sigmoid", help="(%(default)s)")
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of parameters and of the input (%(default)s)")


def add_functions(parser: argparse._ActionsContainer) -> None:
    """The options for σ, one for all layers or one per layer, and for C; read by `activation_of`."""
    parser.add_argument(
        "--activation",
        type=names(ACTIVATIONS),
        default=["sigmoid"],
        help=f"one for all layers, or one per layer: {', '.join(ACTIVATIONS)} (sigmoid)",
    )
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")


def activation_of(options: argparse.Namespace) -> str | list[str]:
    """What `--activation` says, as `Network` takes it."""
    return options.activation[0] if len(options.activation) == 1 else options.activation


def add_data(parser: argparse.ArgumentParser, small: str) -> None:
    """The option for real digits, and the one for the sizes, which without digits are small; read by `sizes_of`."""
    parser.add_argument("--sizes", type=sizes, help=f"units per layer ({small}; with --mnist 784,30,10)")
    parser.add_argument("--mnist", metavar="DIR", help="take real digits: a folder of idx files (two moons)")
    parser.set_defaults(small=sizes(small))


def sizes_of(options: argparse.Namespace) -> list[int]:
    """What `--sizes` says, or else what is usual for the data."""
    return options.sizes or ([784, 30, 10] if options.mnist else options.small)


def data_of(options: argparse.Namespace, part: str, points: int, samples: int | None) -> tuple[Array, Array]:
    """The first so many (None: all) of the digits in a part of MNIST, or of so many points of the moons.

    Raises
    ------
    OSError, ValueError
        As `load_mnist`; there are not so many.
    """
    x, y = load_mnist(options.mnist, part) if options.mnist else moons(points, options.seed)
    if samples is not None and not 1 <= samples <= x.shape[1]:
        raise ValueError(f"--samples: expected 1 to {x.shape[1]}, got {samples}")
    return x[:, :samples], y[:, :samples]


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option for the result as JSON; see `finish`."""
    parser.add_argument("--json", metavar="PATH", help="write the result there as well")


class Result(Protocol):
    """What a command ends with."""

    def to_json(self, path: str) -> None:
        """Write it as JSON. Errors: OSError."""


def finish(options: argparse.Namespace, result: Result, good: bool) -> int:
    """Print the result, write it where `--json` says; the exit code. Errors: OSError."""
    print(result)
    if options.json:
        result.to_json(options.json)
    return 0 if good else 1


def report_of_one_sample(options: argparse.Namespace) -> Report:
    """The comparison at a point of the moons (2 inputs, 1 output), else at standard normal inputs."""
    if (options.sizes[0], options.sizes[-1]) == (2, 1):
        x, y = moons(1, options.seed)
    else:
        random = np.random.RandomState(options.seed)
        x, y = random.randn(options.sizes[0], 1), random.uniform(size=(options.sizes[-1], 1))
    return compare(Network(options.sizes, options.activation, options.cost, options.seed), x, y)


def finish_picture(options: argparse.Namespace, report: Report, note: str) -> int:
    """Say what was drawn where, and what it shows; the exit code."""
    print(f"{options.out}: {note}", report.verdict, sep="\n")
    return 0 if report.exact else 1
