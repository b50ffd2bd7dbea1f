"""``python -m compare train``: a network trained twice in lock-step, on MNIST or on two moons."""

import argparse
import json
import math
import sys

from compare.commands.arguments import activation_of, add_data, add_functions, add_json, data_of, finish, sizes_of
from compare.data import load_mnist, moons
from compare.training.lockstep import train_in_lockstep, verify
from compare.training.run import Run, digest
from explicit import Network
from explicit.fast.stepper import flatten


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data(parser, "2,8,1")
    add_functions(parser)
    parser.add_argument("--epochs", type=int, default=30, help="(%(default)s)")
    parser.add_argument("--batch", type=int, default=10, help="samples per update (%(default)s)")
    parser.add_argument("--eta", type=float, default=3.0, help="learning rate (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of parameters and shuffling (%(default)s)")
    parser.add_argument("--samples", type=int, help="the first so many only (of 1,000 points, or 60,000 digits)")
    parser.add_argument(
        "--scaled", action="store_true", help="divide the initial weights by √inputs, against saturation"
    )
    parser.add_argument("--every", type=int, default=1, help="compare after every so many updates (%(default)s)")
    parser.add_argument("--checkpoint", metavar="PATH", help="written after each epoch; resumes if it is there")
    add_json(parser)
    parser.add_argument("--verify", metavar="PATH", help="make the run again that --json wrote, and compare its hashes")


def run(options: argparse.Namespace) -> int:
    """Train, or verify; 0 if all bits were identical, 1 if not.

    Errors: OSError, TypeError, ValueError, as `train_in_lockstep`.
    """
    bar = sys.stderr.isatty()
    if options.verify:
        with open(options.verify, encoding="utf-8") as file:
            told = json.load(file)
        before = Run.from_dict(told)
        options.seed = before.seed
        network = Network(before.sizes, before.activations, before.cost, before.seed)
        if digest(flatten(network)) != before.initial:
            _scale(network)
        same = verify(told, network, data_of(options, "train", 1000, before.samples), progress=bar)
        print("VERIFIED: the same bits." if same else "NOT VERIFIED: other bits than then.")
        return 0 if same else 1
    network = Network(sizes_of(options), activation_of(options), options.cost, options.seed)
    if options.scaled:
        _scale(network)
    data = data_of(options, "train", 1000, options.samples)
    result = train_in_lockstep(
        network, data, options.epochs, options.batch, options.eta, options.seed,
        test=load_mnist(options.mnist, "test") if options.mnist else moons(500, options.seed + 1),
        every=options.every, checkpoint=options.checkpoint, progress=bar,
        on_epoch=None if bar else lambda epoch: print(epoch, file=sys.stderr, flush=True),
    )  # fmt: skip
    return finish(options, result, result.identical)


def _scale(network: Network) -> None:
    network.weights = [w / math.sqrt(w.shape[1]) for w in network.weights]
