"""The command line of the benchmarks."""

from __future__ import annotations

import argparse

from benchmarks import draw, eager, explicit_side, growth, replay, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    eager.add_arguments(commands.add_parser("eager", help="build and backward, against micrograd"))
    replay.add_arguments(commands.add_parser("replay", help="a recorded graph, against C and CasADi"))
    explicit_side.add_arguments(commands.add_parser("explicit", help="δ in contract order, against BLAS"))
    train.add_arguments(commands.add_parser("train", help="training 784-30-10, against PyTorch and others"))
    growth.add_arguments(commands.add_parser("growth", help="time and memory per op over the size of a graph"))
    draw.add_arguments(commands.add_parser("draw", help="pictures: time per engine"))
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
