"""A run of training in lock-step: what is kept of it, resumed, verified; hashes of its numbers."""

import hashlib
import json
import math
import os
import platform
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from compare.readable import Readable
from explicit import Network
from explicit.elementwise import Array
from explicit.fast.stepper import share
from explicit.storage import read_arrays

FORMAT = "delta-adjoint lock-step 1"


# What makes a run the same run.
SETTINGS = (
    "sizes", "activations", "cost", "shortcut", "seed", "batch_size", "eta", "every", "initial", "data", "samples",
)  # fmt: skip


@dataclass
class Run(Readable):
    """The record of a run: `record` is what is written as JSON; `network` has the last parameters.

    The dictionary's keys: the settings (sizes, activations, cost, seed, epochs, batch_size, eta, …), the
    sha256 of the initial parameters and of the data; per epoch the mean cost, the test accuracy, the
    sha256 of all parameters and the samples per second of each side; updates and comparisons made;
    `identical` and `difference` (None, or where and what); library versions; the fingerprint of this
    machine's exp, tanh and log1p.
    """

    record: dict[str, Any]
    network: Network

    @property
    def identical(self) -> bool:
        """Whether all parameters had the same bits after each comparison."""
        return bool(self.record["identical"])

    @property
    def verdict(self) -> str:
        """The answer, in one sentence."""
        r = self.record
        made = f"{r['updates']:,} updates, {r['parameters']:,} parameters compared after each"
        if r["every"] > 1:
            made = f"{r['updates']:,} updates, {r['parameters']:,} parameters compared every {r['every']}"
        if self.identical:
            return f"IDENTICAL: {made}: not one bit differs."
        d = r["difference"]
        return (
            f"DIFFERENT: {made}; the first to differ is {d['parameter']} after update {d['update']:,} (epoch "
            f"{d['epoch']}): {d['explicit']} by δ, {d['graph']} by the graph ({d['ulps']} ULP apart)."
        )

    def _parts(self) -> Iterator[str]:
        yield "\n".join([*(epoch_line(e) for e in self.record["history"]), self.verdict])

    def to_dict(self) -> dict[str, Any]:
        """The record."""
        return self.record


def epoch_line(epoch: dict[str, Any]) -> str:
    """One epoch in words.

    >>> epoch_line({"epoch": 1, "cost": "0.25", "accuracy": None, "graph_rate": 2e4, "explicit_rate": 3e4})
    'epoch 1: cost 0.250000; samples/s: graph 20,000, explicit 30,000; identical'
    """
    accuracy = "" if epoch["accuracy"] is None else f", test accuracy {epoch['accuracy']:.2%}"
    return (
        f"epoch {epoch['epoch']}: cost {float(epoch['cost']):.6f}{accuracy}; samples/s: graph "
        f"{epoch['graph_rate']:,.0f}, explicit {epoch['explicit_rate']:,.0f}; identical"
    )


def resume_run(path: str | os.PathLike[str], report: dict[str, Any], network: Network) -> None:
    """Take up the state of a checkpoint; ValueError if it is not one of this run."""
    arrays = read_arrays(path)
    try:
        before = json.loads(str(arrays["about"]))
        parameters = arrays["parameters"]
        wrong = [key for key in (*SETTINGS, "fingerprint") if before[key] != report[key]]
        if before["format"] != FORMAT or digest(parameters) != before["history"][-1]["parameters"]:
            wrong.append("contents")
        kept = {key: before[key] for key in ("updates", "compared", "identical", "difference", "history")}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: not a checkpoint of a lock-step run ({error!r})") from error
    if wrong:
        raise ValueError(f"{os.fspath(path)}: a checkpoint of another run: it differs in {', '.join(wrong)}")
    report.update(kept)
    report["history"] = report["history"][: report["epochs"]]
    share(network, parameters.copy())


def digest(array: Array) -> str:
    """sha256 of the numbers as little-endian float64, row by row."""
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<f8").tobytes()).hexdigest()


def fingerprint() -> str:
    """sha256 of this machine's exp, tanh and log1p on 4,096 points: where it is equal, bits are."""
    draw = random.Random(0)
    points = [draw.uniform(-1, 1) * scale for scale in (1e-8, 1.0, 30.0, 700.0) for _ in range(1024)]
    values = [f(p) for p in points for f in (math.exp, math.tanh, lambda z: math.log1p(abs(z)))]
    return hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest()


def versions() -> dict[str, str | None]:
    """Of Python and the libraries that compute; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for library in ("numpy", "numba", "llvmlite"):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = None
    return found
