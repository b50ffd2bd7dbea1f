"""``python -m compare layers``: every kind of layer beside the graph, in bits, and its lemmas."""

import argparse
import sys

import numpy as np
from tabulate import tabulate

from compare.checking.lemmas import Lemma, lemmas
from compare.comparison.layer_trials import KINDS, Trial, trial
from compare.numbers.identity import log2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--cases", type=int, default=20, help="random models of each kind (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of models and data (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Print the table; 0 if no bit differs and every lemma is proved.  Errors: ValueError for no cases."""
    if options.cases < 1:
        raise ValueError(f"--cases: expected at least 1, got {options.cases}")
    from tqdm import tqdm

    rows = []
    for name in tqdm(KINDS, unit="kind", leave=False, file=sys.stderr, disable=not sys.stderr.isatty()):
        model, inputs = KINDS[name](np.random.default_rng(options.seed))
        rows.append((trial(name, options.cases, options.seed), lemmas(model, inputs, options.seed)))
    print(table(rows))
    numbers, different = (sum(getattr(t, part) for t, _ in rows) for part in ("numbers", "different"))
    refuted = [str(lemma) for _, found in rows for lemma in found if not lemma.proved]
    print(f"\n{numbers:,} numbers compared, {different:,} differ in a bit; {len(refuted)} lemmas are not proved.")
    for text in refuted:
        print(text)
    return 1 if different or refuted else 0


def table(rows: list[tuple[Trial, list[Lemma]]]) -> str:
    """A row a kind: cases, numbers compared, numbers that differ, lemmas, and the weakest of their bounds."""
    body = []
    for tried, found in rows:
        proved = sum(lemma.proved for lemma in found)
        bound = max((lemma.probability for lemma in found), key=float)
        body.append([tried.name, tried.cases, f"{tried.numbers:,}", tried.different, f"{proved}/{len(found)}",
                     f"2^{log2(bound):.0f}"])  # fmt: skip
    head = ["models with", "cases", "numbers", "differ", "lemmas\nproved", "fooled\nat most"]
    return tabulate(body, head, disable_numparse=True)
