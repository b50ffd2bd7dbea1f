"""Train one network twice in lock-step: by the scalar graph and by explicit δ, every bit compared.

Both sides start from the same parameters and make the same updates, w → w − (η/n) Σₓ ∂Cₓ/∂w, on
the same mini-batches (shuffled as `explicit.train` does).  One side replays the graph of scalars that
the network's forward code makes on Values (`engine.record`); the other runs BP1–BP4.  A single bit
that differs would be fed back into both, so that equality after many thousand updates is a hard
test; training stops where it fails.

The two sides run in two threads (compiled kernels let go of Python's lock), some updates at a time;
each keeps its parameters after each update, and then they are compared.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np

from compare.training.run import Epoch, Run, digest, fingerprint
from compare.training.sides import ExplicitSide, GraphSide
from explicit import Network, checks
from explicit.elementwise import Array
from explicit.fast.stepper import flatten, share
from explicit.training import settings

MEMORY = 16_000_000  # bytes of parameters that a side keeps before they are compared


def train_in_lockstep(
    network: Network,
    data: tuple[Any, Any],
    epochs: int,
    batch_size: int,
    eta: float,
    seed: int = 0,
    *,
    test: tuple[Any, Any] | None = None,
    every: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
    compiled: bool | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Run:
    """Train the network twice from the same parameters, and compare all parameters in bits.

    Parameters
    ----------
    network : an explicit `Network` of float64; it is trained in place
    data : (x, y), x (n₁, N) and y (n_L, N), samples in columns
    epochs, batch_size, eta, seed : as for `explicit.train`
    test : (x, y) on which the accuracy is measured after each epoch, y one-hot or labels
    every : compare after every update (1), or after every so many; the last update is always compared
    checkpoint : a file that is written, whole, after each epoch; if it is there, the run goes on from it,
        to the same bits
    progress : whether to show a progress bar on stderr
    compiled : numba on both sides: True to require it, False to do without, None where it is installed
    on_epoch : called with each `Epoch`

    Returns
    -------
    a `Run`; ``run.identical`` tells whether no bit differed, ``run.verdict`` says it

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a checkpoint of another run or another machine's arithmetic; a cost that does
        not exist (cross_entropy at an output of 0 or 1).

    >>> x, y = np.array([[0.0, 1.0, 0.5]]), np.array([[0.0, 1.0, 1.0]])
    >>> run = train_in_lockstep(Network([1, 2, 1]), (x, y), 2, 2, 0.5, progress=False, compiled=False)
    >>> run.identical, run.updates
    (True, 4)
    """
    given = settings("train_in_lockstep", network, data, epochs, batch_size, eta, seed)
    rows = np.ascontiguousarray(np.vstack([given.x, given.y]).T)  # one sample per row, inputs and targets side by side
    run = Run.begin(network, rows, given, checks.whole("every", every, least=1))
    if checkpoint is not None and os.path.exists(checkpoint):
        share(network, run.resume(checkpoint).copy())
    explicit = ExplicitSide(network, rows, compiled)
    sides = (GraphSide(network, rows, compiled), explicit)
    shuffle = np.random.RandomState(run.seed)
    orders = islice((shuffle.permutation(len(rows)) for _ in range(run.epochs)), len(run.history), None)

    from tqdm import tqdm  # only training needs it

    bar = tqdm(total=run.epochs * len(rows), initial=len(run.history) * len(rows), unit="sample", disable=not progress)
    with bar, ThreadPoolExecutor(2) as threads:
        for number, order in enumerate(orders, start=len(run.history) + 1):
            cost, seconds = _epoch(run, number, order, sides, threads, bar)
            if not run.identical:
                break
            epoch = Epoch(
                number, repr(cost / len(order)), len(order) / seconds[0], len(order) / seconds[1],
                None if test is None else explicit.accuracy(*test), digest(explicit.parameters),
            )  # fmt: skip
            run.history.append(epoch)
            if checkpoint is not None:
                run.save(checkpoint, explicit.parameters)
            if progress:
                bar.write(str(epoch), file=sys.stderr)
            if on_epoch is not None:
                on_epoch(epoch)
    return run


def _epoch(
    run: Run, number: int, order: Array, sides: tuple[GraphSide, ExplicitSide], threads: ThreadPoolExecutor, bar: Any
) -> tuple[float, list[float]]:
    """One epoch of both sides, unless a bit differs: the sum of the costs, and the seconds of each side."""
    batches = [order[i : i + run.batch_size] for i in range(0, len(order), run.batch_size)]
    stretch = max(1, min(len(batches), MEMORY // (8 * run.parameters))) * run.every
    total, seconds = 0.0, [0.0, 0.0]
    for first in range(0, len(batches), stretch):
        some = batches[first : first + stretch]
        kept = [(run.updates + i) % run.every == 0 for i in range(1, len(some) + 1)]
        kept[-1] |= first + stretch >= len(batches)
        jobs = [threads.submit(side.advance, some, kept, float.fromhex(run.eta)) for side in sides]
        graph, explicit = (job.result() for job in jobs)
        run.compare(number, kept, graph, explicit)
        if not run.identical:
            break
        for cost in explicit.costs:
            total += cost
        seconds = [seconds[0] + graph.seconds, seconds[1] + explicit.seconds]
        bar.update(sum(map(len, some)))
    return total, seconds


def verify(
    told: dict[str, Any], network: Network, data: tuple[Any, Any], progress: bool = True, **options: Any
) -> bool:
    """Make a run again, and compare the hashes of all parameters after each epoch.

    Parameters
    ----------
    told : what `Run.to_json` wrote, as ``json.load`` gives it
    network : with the initial parameters of that run (they are checked); it is trained in place
    data, options : as for `train_in_lockstep`

    Returns
    -------
    whether each epoch ended with the same bits as then, and both sides were identical

    Raises
    ------
    ValueError
        `told` is of no run, or of other data, other initial parameters, or of a machine whose exp,
        tanh or log1p round otherwise: then the bits cannot be expected to be the same.
    """
    before = Run.from_dict(told)
    if before.fingerprint != fingerprint():
        raise ValueError("record: made on a machine whose exp, tanh or log1p round otherwise; run it there")
    x, y = checks.samples(data[0], data[1], network.sizes[0], network.sizes[-1])
    for what, then, now in (
        ("initial", before.initial, digest(flatten(network))),
        ("data", before.data, digest(np.vstack([x, y]).T)),
    ):
        if then != now:
            raise ValueError(f"record: made with other {what} ({then[:12]}…, here {now[:12]}…)")
    run = train_in_lockstep(
        network, (x, y), before.epochs, before.batch_size, float.fromhex(before.eta), before.seed,
        every=before.every, progress=progress, **options,
    )  # fmt: skip
    hashes = [[epoch.parameters for epoch in r.history] for r in (before, run)]
    return hashes[0] == hashes[1] and (before.updates, before.difference) == (run.updates, run.difference)
