"""``python -m compare train``: a network trained twice in lock-step, on MNIST or on two moons."""

import argparse
import json
import math
import sys

from compare.data import load_mnist, moons
from compare.training.lockstep import train_in_lockstep, verify
from compare.training.run import epoch_line
from explicit import ACTIVATIONS, COSTS, Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command, and the function that runs it."""
    parser.set_defaults(run=run)
    parser.add_argument("--mnist", metavar="DIR", help="train on digits: a folder of idx files (two moons)")
    parser.add_argument("--sizes", help="units per layer (784,30,10 with --mnist, 2,8,1 without)")
    parser.add_argument(
        "--activation", default="sigmoid", help=f"one, or one per layer: {', '.join(ACTIVATIONS)} (%(default)s)"
    )
    parser.add_argument("--cost", choices=list(COSTS), default="quadratic", help="(%(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="(%(default)s)")
    parser.add_argument("--batch", type=int, default=10, help="samples per update (%(default)s)")
    parser.add_argument("--eta", type=float, default=3.0, help="learning rate (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of parameters and shuffling (%(default)s)")
    parser.add_argument("--samples", type=int, help="train on the first so many samples only")
    parser.add_argument(
        "--scaled", action="store_true", help="divide the initial weights by √inputs, against saturation"
    )
    parser.add_argument("--every", type=int, default=1, help="compare after every so many updates (%(default)s)")
    parser.add_argument("--checkpoint", metavar="PATH", help="written after each epoch; resumes if it is there")
    parser.add_argument("--json", metavar="PATH", help="write the record there")
    parser.add_argument("--verify", metavar="PATH", help="make the recorded run again and compare its hashes")


def run(options: argparse.Namespace) -> int:
    """Train, or verify; 0 if all bits were identical, 1 if not.

    Errors: OSError, TypeError, ValueError, as `train_in_lockstep`.
    """
    record = None
    if options.verify:
        with open(options.verify, encoding="utf-8") as file:
            record = json.load(file)
    network = _network(options, record)
    if options.mnist:
        data, test = load_mnist(options.mnist, "train"), load_mnist(options.mnist, "test")
    else:
        data, test = moons(1000, options.seed), moons(500, options.seed + 1)
    samples = options.samples if record is None else record.get("samples")
    if samples is not None:
        if not 1 <= samples <= data[0].shape[1]:
            raise ValueError(f"--samples: expected 1 to {data[0].shape[1]}, got {samples}")
        data = (data[0][:, :samples], data[1][:, :samples])
    bar = sys.stderr.isatty()
    if record is not None:
        same = verify(record, network, data, progress=bar)
        print("VERIFIED: the recorded bits." if same else "NOT VERIFIED: other bits than recorded.")
        return 0 if same else 1
    result = train_in_lockstep(
        network, data, options.epochs, options.batch, options.eta, options.seed, test=test,
        every=options.every, checkpoint=options.checkpoint, progress=bar,
        on_epoch=None if bar else lambda epoch: print(epoch_line(epoch), file=sys.stderr, flush=True),
    )  # fmt: skip
    result.record["scaled"] = options.scaled
    if options.json:
        result.to_json(options.json)
    print(result)
    return 0 if result.identical else 1


def _network(options: argparse.Namespace, record: dict[str, object] | None) -> Network:
    if record is None:
        text = options.sizes or ("784,30,10" if options.mnist else "2,8,1")
        try:
            sizes = [int(part) for part in text.split(",")]
        except ValueError:
            raise ValueError(f"--sizes: expected sizes such as 784,30,10, got {text!r}") from None
        names = options.activation.split(",")
        cost, seed, scaled = options.cost, options.seed, options.scaled
    else:
        try:
            sizes, names, cost = record["sizes"], record["activations"], record["cost"]  # type: ignore[assignment]
            seed, scaled = record["seed"], record.get("scaled", False)
        except (KeyError, TypeError, AttributeError):
            raise ValueError(f"{options.verify}: not the record of a lock-step run") from None
    network = Network(sizes, names[0] if len(names) == 1 else names, cost, seed)
    if scaled:
        network.weights = [w / math.sqrt(w.shape[1]) for w in network.weights]
    return network
