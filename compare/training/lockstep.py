"""Train one network twice in lock-step: by the scalar graph and by explicit δ, every bit compared.

Both sides start from the same parameters and make the same updates, w → w − (η/n) Σₓ ∂Cₓ/∂w, on
the same mini-batches (shuffled as `explicit.train` does).  One side replays the graph of scalars that
the network's forward code makes on Values (`engine.record`); the other runs BP1–BP4.  A single bit
that differs would be fed back into both, so that equality after many thousand updates is a hard
test; training stops where it fails.

The two sides run in two threads (compiled kernels let go of Python's lock), some updates at a time;
each keeps its parameters after each update, and then they are compared.
"""

import json
import math
import numbers
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from compare.rounding.ulp import identical, ulps
from compare.training.run import FORMAT, Run, digest, epoch_line, fingerprint, resume_run, versions
from compare.training.sides import ExplicitSide, GraphSide, Stretch, accuracy, advance
from engine.notation import symbol
from explicit import Network, checks
from explicit.elementwise import Array
from explicit.fast.stepper import flatten
from explicit.storage import write_arrays

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
    on_epoch: Callable[[dict[str, Any]], object] | None = None,
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
    on_epoch : called with each epoch's part of the record

    Returns
    -------
    a `Run`; ``run.identical`` is the verdict

    Raises
    ------
    TypeError, ValueError
        A wrong argument; a checkpoint of another run or another machine's arithmetic; a cost that does
        not exist (cross_entropy at an output of 0 or 1).

    >>> x, y = np.array([[0.0, 1.0, 0.5]]), np.array([[0.0, 1.0, 1.0]])
    >>> run = train_in_lockstep(Network([1, 2, 1]), (x, y), 2, 2, 0.5, progress=False, compiled=False)
    >>> run.identical, run.record["updates"]
    (True, 4)
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit.Network, got {network!r:.60}")
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError("data: expected a pair (x, y) of arrays with samples in columns")
    x, y = checks.samples(data[0], data[1], network.sizes[0], network.sizes[-1])
    if x.dtype.hasobject or y.dtype.hasobject or flatten(network).dtype != np.float64:
        raise TypeError("train_in_lockstep: expected float64 data and parameters")
    epochs, batch_size = checks.whole("epochs", epochs, least=1), checks.whole("batch_size", batch_size, least=1)
    every, seed = checks.whole("every", every, least=1), checks.seed_number(seed)
    if isinstance(eta, bool) or not isinstance(eta, numbers.Real) or not (math.isfinite(eta) and eta > 0):
        raise ValueError(f"eta: expected a finite number > 0, got {eta!r}")
    eta = float(eta)
    rows = np.ascontiguousarray(np.vstack([x, y]).T)  # one sample per row, inputs and targets side by side
    report: dict[str, Any] = {
        "format": FORMAT,
        "sizes": network.sizes,
        "activations": [sigma.name for sigma in network.activation_functions],
        "cost": network.cost.name,
        "shortcut": network.shortcut,
        "seed": seed,
        "epochs": epochs,
        "batch_size": batch_size,
        "eta": eta.hex(),
        "every": every,
        "samples": len(rows),
        "parameters": len(flatten(network)),
        "data": digest(rows),
        "initial": digest(flatten(network)),
        "fingerprint": fingerprint(),
        "versions": versions(),
        "updates": 0,
        "compared": 0,
        "identical": True,
        "difference": None,
        "history": [],
    }
    if checkpoint is not None and os.path.exists(checkpoint):
        resume_run(checkpoint, report, network)
    graph, explicit = GraphSide(network, rows, compiled), ExplicitSide(network, rows, compiled)
    shuffle = np.random.RandomState(seed)
    orders = (shuffle.permutation(len(rows)) for _ in range(epochs))
    done = len(report["history"])
    with _Bar(epochs * len(rows), progress) as bar, ThreadPoolExecutor(2) as threads:
        for epoch, order in enumerate(orders, start=1):
            if epoch <= done:
                bar.update(len(order))
                continue
            part = _epoch(epoch, order, graph, explicit, threads, report, bar)
            if part is None:
                break
            part["accuracy"] = None if test is None else accuracy(explicit.stepper, *test)
            part["parameters"] = digest(explicit.parameters)
            report["history"].append(part)
            if checkpoint is not None:
                about = np.array(json.dumps(report))
                write_arrays(checkpoint, {"about": about, "parameters": explicit.parameters})
            bar.show(epoch_line(part))
            if on_epoch is not None:
                on_epoch(part)
    return Run(report, network)


def _epoch(
    epoch: int, order: Array, graph: GraphSide, explicit: ExplicitSide, threads: ThreadPoolExecutor,
    report: dict[str, Any], bar: "_Bar",
) -> dict[str, Any] | None:  # fmt: skip
    """One epoch of both sides; None if a bit differed, which the report then tells."""
    size, eta, every = report["batch_size"], float.fromhex(report["eta"]), report["every"]
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    stretch = max(1, min(len(batches), MEMORY // (8 * report["parameters"]))) * every
    held = [np.empty((min(stretch, len(batches)) // every + 2, report["parameters"])) for _ in range(2)]
    total, seconds = 0.0, [0.0, 0.0]
    for first in range(0, len(batches), stretch):
        some = batches[first : first + stretch]
        number = report["updates"]  # updates made so far
        kept = [(number + i + 1) % every == 0 or first + i + 1 == len(batches) for i in range(len(some))]
        jobs = [
            threads.submit(advance, graph, some, kept, eta, held[0]),
            threads.submit(advance, explicit, some, kept, eta, held[1]),
        ]
        by_graph, by_explicit = (job.result() for job in jobs)
        report["updates"] += len(some)
        at = _difference(by_graph, by_explicit)
        compared = [number + i + 1 for i, keep in enumerate(kept) if keep]
        if at is not None:
            place, index = at
            report["compared"] += place + 1
            report["updates"] = compared[place]
            a, b = float(by_explicit.parameters[place, index]), float(by_graph.parameters[place, index])
            report["identical"] = False
            report["difference"] = {
                "epoch": epoch, "update": compared[place], "parameter": name(report["sizes"], index),
                "explicit": repr(a), "graph": repr(b), "explicit_hex": a.hex(), "graph_hex": b.hex(),
                "ulps": str(ulps(a, b)), "differing": int((~identical(
                    by_explicit.parameters[place], by_graph.parameters[place])).sum()),
            }  # fmt: skip
            return None
        report["compared"] += len(compared)
        for c in by_explicit.costs:
            total += c
        seconds = [s + stretch.seconds for s, stretch in zip(seconds, (by_graph, by_explicit), strict=True)]
        bar.update(sum(map(len, some)))
    rates = [len(order) / s for s in seconds]
    mean = total / len(order)
    return {"epoch": epoch, "cost": repr(mean), "graph_rate": rates[0], "explicit_rate": rates[1]}


def _difference(a: Stretch, b: Stretch) -> tuple[int, int] | None:
    """(comparison, parameter) of the first that differs in bits."""
    p, q = a.parameters, b.parameters
    if np.array_equal(p.view(np.int64), q.view(np.int64)):
        return None
    same = identical(p, q)  # a NaN equals a NaN, whatever its bits
    if same.all():
        return None
    place, index = np.unravel_index(int(np.argmin(same)), same.shape)
    return int(place), int(index)


def name(sizes: list[int], index: int) -> str:
    """The book's name of a parameter, by its place in `explicit.fast.stepper.flatten`.

    >>> name([2, 3, 1], 0), name([2, 3, 1], 6), name([2, 3, 1], 12)
    ('w²₁₁', 'b²₁', 'b³₁')
    """
    for layer, (m, n) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=2):
        if index < n * m:
            return symbol("w", layer, index // m + 1, index % m + 1)
        index -= n * m
        if index < n:
            return symbol("b", layer, index + 1)
        index -= n
    raise IndexError("no such parameter")


def verify(
    report: dict[str, Any], network: Network, data: tuple[Any, Any], progress: bool = True, **options: Any
) -> bool:
    """Make a recorded run again, and compare the hashes of all parameters after each epoch.

    Parameters
    ----------
    report : a `Run`'s record, such as ``json.load`` gives
    network : with the initial parameters of that run (they are checked); it is trained in place
    data, options : as for `train_in_lockstep`

    Returns
    -------
    whether each epoch ended with the recorded bits, and both sides were identical

    Raises
    ------
    ValueError
        The record is none, or is of other data, other initial parameters, or of a machine whose exp,
        tanh or log1p round otherwise: then the bits cannot be expected to be the same.
    """
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise ValueError("record: not the record of a lock-step run")
    if report["fingerprint"] != fingerprint():
        raise ValueError("record: made on a machine whose exp, tanh or log1p round otherwise; run it there")
    eta = float.fromhex(report["eta"])
    x, y = checks.samples(data[0], data[1], network.sizes[0], network.sizes[-1])
    given = {"initial": digest(flatten(network)), "data": digest(np.vstack([x, y]).T)}
    for what, found in given.items():
        if report[what] != found:
            raise ValueError(f"record: made with other {what} ({report[what][:12]}…, here {found[:12]}…)")
    run = train_in_lockstep(
        network, (x, y), report["epochs"], report["batch_size"], eta, report["seed"],
        every=report["every"], progress=progress, **options,
    )  # fmt: skip
    hashes = [[part["parameters"] for part in r["history"]] for r in (report, run.record)]
    same = ("identical", "updates", "difference")
    return hashes[0] == hashes[1] and all(report[key] == run.record[key] for key in same)


class _Bar:
    """tqdm's bar, or nothing."""

    def __init__(self, total: int, shown: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=total, unit="sample", disable=not shown, file=sys.stderr)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def update(self, count: int) -> None:
        """Some samples further."""
        self._bar.update(count)

    def show(self, text: str) -> None:
        """A line above the bar."""
        if not self._bar.disable:
            self._bar.write(text, file=sys.stderr)
