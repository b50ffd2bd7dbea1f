"""A run of training in lock-step: what is kept of it, resumed, verified; hashes of its numbers."""

import hashlib
import json
import math
import os
import platform
import random
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from compare.readable import Readable
from compare.rounding.ulp import identical, ulps
from compare.training.sides import Stretch, first_difference
from engine.notation import symbol
from explicit import Network
from explicit.elementwise import Array
from explicit.fast.stepper import flatten
from explicit.storage import read_arrays, write_arrays
from explicit.training import Settings

FORMAT = "delta-adjoint lock-step 1"


@dataclass(frozen=True)
class Epoch:
    """One epoch of a run: mean cost, test accuracy, samples per second of each side, sha256 of all parameters after it.

    >>> print(Epoch(1, "0.25", 2e4, 3e4, None, "…"))
    epoch 1: cost 0.250000; samples/s: graph 20,000, explicit 30,000; identical
    """

    epoch: int
    cost: str  # repr: JSON has no NaN
    graph_rate: float
    explicit_rate: float
    accuracy: float | None
    parameters: str

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f", test accuracy {self.accuracy:.2%}"
        return (
            f"epoch {self.epoch}: cost {float(self.cost):.6f}{accuracy}; samples/s: graph "
            f"{self.graph_rate:,.0f}, explicit {self.explicit_rate:,.0f}; identical"
        )


@dataclass(frozen=True)
class Difference:
    """The first parameter that differs in bits: where it is, both sides' numbers, and how many differ with it."""

    epoch: int
    update: int
    parameter: str
    explicit: str
    graph: str
    explicit_hex: str
    graph_hex: str
    ulps: str
    differing: int


@dataclass
class Run(Readable):
    """A run; its fields are what is written as JSON (`to_dict`), numbers that JSON has not as text.

    What makes it this run: sizes, activations, cost, shortcut, seed, batch_size, eta (in hex), every, the number of
    samples, the sha256 of the data and of the initial parameters, and the fingerprint of this machine's exp, tanh
    and log1p.  What became of it: updates made, comparisons made, the `Difference` (None while all bits are
    identical), and its epochs, `history`.
    """

    sizes: list[int]
    activations: list[str]
    cost: str
    shortcut: bool
    seed: int
    epochs: int
    batch_size: int
    eta: str
    every: int
    samples: int
    parameters: int
    data: str
    initial: str
    fingerprint: str
    versions: dict[str, str | None]
    updates: int = 0
    compared: int = 0
    difference: Difference | None = None
    history: list[Epoch] = field(default_factory=list)

    @classmethod
    def begin(cls, network: Network, rows: Array, given: Settings, every: int) -> "Run":
        """A run of which nothing is made yet; rows: a sample in each, inputs and targets side by side."""
        parameters, names = flatten(network), [sigma.name for sigma in network.activation_functions]
        return cls(
            network.sizes, names, network.cost.name, network.shortcut, given.seed, given.epochs, given.batch_size,
            given.eta.hex(), every, len(rows), len(parameters), digest(rows), digest(parameters), fingerprint(),
            versions(),
        )  # fmt: skip

    @classmethod
    def from_dict(cls, data: Any) -> "Run":
        """The run that `to_dict` told of. Errors: ValueError."""
        found = data.get("format") if isinstance(data, dict) else data
        if found != FORMAT:
            raise ValueError(f"not the record of a lock-step run: expected format {FORMAT!r}, got {found!r:.60}")
        try:
            run = cls(**{part.name: data[part.name] for part in fields(cls)})
            if run.difference is not None:
                run.difference = Difference(**data["difference"])
            run.history = [Epoch(**part) for part in data["history"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the record of a lock-step run ({error!r})") from error
        return run

    def to_dict(self) -> dict[str, Any]:
        """The run as plain data."""
        return {"format": FORMAT, **asdict(self), "identical": self.identical}

    def save(self, path: str | os.PathLike[str], parameters: Array) -> None:
        """Write a checkpoint, whole or not at all. Errors: OSError."""
        write_arrays(path, {"about": np.array(json.dumps(self.to_dict())), "parameters": parameters})

    def resume(self, path: str | os.PathLike[str]) -> Array:
        """Go on from a checkpoint, whose parameters are returned.

        Raises
        ------
        OSError, ValueError
            It cannot be read, is not one of this run, or is of a later epoch than the last one asked for.
        """
        name, arrays = os.fspath(path), read_arrays(path)
        try:
            before, parameters = Run.from_dict(json.loads(str(arrays["about"]))), arrays["parameters"]
            whole = digest(parameters) == before.history[-1].parameters
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"{name}: not a checkpoint of a lock-step run ({error!r})") from error
        told = ("epochs", "versions", "updates", "compared", "difference", "history")
        same = [part.name for part in fields(self) if part.name not in told]
        wrong = [part for part in same if getattr(before, part) != getattr(self, part)]
        if wrong or not whole:
            differing = ", ".join(wrong or ["contents"])
            raise ValueError(f"{name}: a checkpoint of another run: it differs in {differing}")
        if len(before.history) > self.epochs:
            raise ValueError(f"epochs: expected at least the {len(before.history)} of {name}, got {self.epochs}")
        self.updates, self.compared, self.history = before.updates, before.compared, before.history
        return parameters

    def compare(self, epoch: int, kept: list[bool], graph: Stretch, explicit: Stretch) -> None:
        """Count some updates of both sides, up to the first after which kept parameters differ: the `difference`."""
        numbers = [self.updates + i for i, keep in enumerate(kept, start=1) if keep]
        place = first_difference(graph, explicit)
        if place is None:
            self.compared += len(numbers)
            self.updates += len(kept)
            return
        self.compared += place + 1
        self.updates = numbers[place]
        ours, theirs = explicit.parameters[place], graph.parameters[place]
        differs = ~identical(ours, theirs)
        index = int(np.argmax(differs))
        a, b = float(ours[index]), float(theirs[index])
        self.difference = Difference(
            epoch, self.updates, name_of_parameter(self.sizes, index), repr(a), repr(b), a.hex(), b.hex(),
            str(ulps(a, b)), int(differs.sum()),
        )  # fmt: skip

    @property
    def identical(self) -> bool:
        """Whether all parameters had the same bits after each comparison."""
        return self.difference is None

    @property
    def verdict(self) -> str:
        """The answer, in one sentence."""
        each = "after each" if self.every == 1 else f"every {self.every}"
        made = f"{self.updates:,} updates, {self.parameters:,} parameters compared {each}"
        d = self.difference
        if d is None:
            return f"IDENTICAL: {made}: not one bit differs."
        return (
            f"DIFFERENT: {made}; the first to differ is {d.parameter} after update {d.update:,} (epoch "
            f"{d.epoch}): {d.explicit} by δ, {d.graph} by the graph ({d.ulps} ULP apart)."
        )

    def _parts(self) -> Iterator[str]:
        yield "\n".join([*map(str, self.history), self.verdict])


def name_of_parameter(sizes: list[int], index: int) -> str:
    """The book's name of a parameter, by its place in `explicit.fast.stepper.flatten`.

    >>> [name_of_parameter([2, 3, 1], i) for i in (0, 6, 12)]
    ['w²₁₁', 'b²₁', 'b³₁']
    """
    for layer, (m, n) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=2):
        if index < n * m:
            return symbol("w", layer, index // m + 1, index % m + 1)
        index -= n * m
        if index < n:
            return symbol("b", layer, index + 1)
        index -= n
    raise IndexError("no such parameter")


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
