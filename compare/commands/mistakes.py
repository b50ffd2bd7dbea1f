"""`python -m compare mistakes`: the catalogue, and the trial of every mistake."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from functools import partial

from tabulate import tabulate

from compare.diagnosing.trials import PAIRED, SHAPES, Planted, Progress, Shape, pairs, trials
from compare.mistakes import catalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument(
        "--try",
        dest="tried",
        action="store_true",
        help="plant every mistake in networks of several shapes, layers and batches, and count what is named "
        "(takes about a minute)",
    )
    parser.add_argument(
        "--pairs", action="store_true", help="with --try: plant every two mistakes together (takes about five minutes)"
    )
    parser.add_argument("--floats", action="store_true", help="plant them in code that runs on floats only")
    parser.add_argument("--seed", type=int, default=0, help="of parameters and data (default 0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; 1 if a mistake was missed or something else was named.  How far it is, on stderr."""
    if not arguments.tried:
        print(tabulate([[m.name, m.equation, m.sentence] for m in catalogue.values()], ["name", "equation", "mistake"]))
        return 0
    if arguments.pairs:
        made = [t for shape in PAIRED for t in pairs(shape, arguments.seed, arguments.floats, progress=_bar("pair"))]
        print(table(made, PAIRED))
    else:
        made = list(trials(SHAPES, arguments.seed, arguments.floats, progress=_bar("mistake")))
        print(table(made, SHAPES))
    missed, false = [t for t in made if not t.hit], [t for t in made if t.false]
    print(f"\n{len(made)} planted: {len(made) - len(missed)} hits, {len(missed)} misses, {len(false)} false names.")
    for t in (*missed, *false):
        print(f"{dict(t.plan)} in {t.shape}, batch of {t.samples}: named {[m.name for m in t.diagnosis.mistakes]}")
    return 1 if missed or false else 0


def _bar(unit: str) -> Progress:
    from tqdm import tqdm

    return partial(tqdm, unit=unit, desc="planted", leave=False, file=sys.stderr, disable=not sys.stderr.isatty())


def table(made: Iterable[Planted], shapes: Sequence[Shape]) -> str:
    """Records × shapes: hits of trials in which it was planted; "·": cannot be made, or has no effect there."""
    cells: dict[tuple[str, Shape], list[Planted]] = {}
    for t in made:
        for name in t.effect:
            cells.setdefault((name, t.shape), []).append(t)
    rows = []
    for name in catalogue:
        of = [cells.get((name, shape), []) for shape in shapes]
        told = [f"{sum(t.hit for t in ts)}/{len(ts)}" if ts else "·" for ts in of]
        every = [t for ts in of for t in ts]
        rows.append([name, *told, sum(not t.hit for t in every), sum(len(t.false) for t in every)])
    heads = ["-".join(map(str, s)) + f"\n{a}\n{c}" for s, a, c in shapes]
    return tabulate(rows, ["mistake", *heads, "misses", "false\nnames"], disable_numparse=True)
