"""The certificate of a proof over the finite field: identities, degrees and the chance of being fooled."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from compare.comparison.rows import FORWARD, Row
from compare.numbers.identity import as_plain, log2
from compare.readable import Readable


@dataclass(frozen=True)
class Identity:
    """One equation at one layer: what it says, how many numbers it made, how many equal their adjoint."""

    equation: str
    formula: str
    layer: int
    equal: int
    total: int

    @property
    def holds(self) -> bool:
        """Whether every number equals its adjoint."""
        return self.equal == self.total


@dataclass(frozen=True)
class Certificate(Readable):
    """What `prove` found.

    proved:          True if every identity held in every trial, and the forward pass was the same on both sides
    identities:      per layer and equation, with counts over all trials
    trials:          how many independent random points
    samples:         B, the samples of a point: gradients of parameters are sums over them
    degree:          the bound on the degree of a difference
    arguments:       the distinct arguments of σ per trial; of the caller's own equations, of σ and of σ′
    probability:     of being fooled: that a false identity passed all trials; an exact fraction
    counterexample:  where proved is False, the first `Row` that differs, walking backward from the cost
    """

    sizes: tuple[int, ...]
    cost: str
    seed: int
    proved: bool
    identities: tuple[Identity, ...]
    trials: int
    samples: int
    degree: int
    arguments: int
    probability: Fraction
    counterexample: Row | None

    SAYS = (
        "For every differentiable σ, in every layer its own, BP1 to BP4 give the adjoints of the network's "
        "own forward code, and their sums over {} samples, as identities of rational functions over GF(2⁶¹ − 1).",
        "An identity that is false over the rationals could hold modulo p only if p divided every "
        "coefficient of the difference.",
        "Not said: that a given σ′ is the derivative of σ (the tests of the activation tables show that), "
        "and how floats round (compare() shows that).",
    )

    def _parts(self) -> Iterator[str]:
        net = f"{'-'.join(map(str, self.sizes))}, any σ, {self.cost} cost"
        lines = [f"{'PROVED' if self.proved else 'REFUTED'}: BP1–BP4 for {net}", ""]
        for i in self.identities:
            mark = "=" if i.holds else "≠"
            counts = f"{i.equal:,}/{i.total:,}"
            lines.append(f"  {i.equation}  layer {i.layer}: {i.formula:32} {mark} adjoint  {counts}")
        points = f"{self.trials}, each of {self.samples} samples"
        lines += ["", f"Random points of GF(2⁶¹ − 1): {points}, seed {self.seed}."]
        if self.counterexample is not None:
            row = self.counterexample
            theirs = "the graph's" if row.quantity in FORWARD else "its adjoint"
            lines.append(f"Counter-example: {row.name} is {row.delta}, {theirs} {row.adjoint} (mod p).")
            yield "\n".join(lines)
            return
        lines += [
            f"A difference has degree at most {self.degree:,}; σ has {self.arguments:,} arguments a trial:",
            f"a false identity passes all trials with probability at most 2^{log2(self.probability):.1f} "
            f"(Schwartz 1980, Zippel 1979).",
            *self.says,
        ]
        yield "\n".join(lines)

    @property
    def says(self) -> list[str]:
        """What is proved and what is not, in words; [] of what is refuted."""
        return [line.format(self.samples) for line in self.SAYS] if self.proved else []

    def to_dict(self) -> dict[str, Any]:
        """The certificate as plain data."""
        row = self.counterexample
        return {
            "sizes": list(self.sizes),
            "cost": self.cost,
            "field": "GF(2^61 - 1)",
            "seed": self.seed,
            "proved": self.proved,
            "trials": self.trials,
            "samples": self.samples,
            "degree": self.degree,
            "arguments": self.arguments,
            "probability": as_plain(self.probability),
            "identities": [dataclasses.asdict(i) for i in self.identities],
            "counterexample": row
            and {"name": row.name, "explicit": str(row.delta), "adjoint": str(row.adjoint)},
            "says": self.says,
        }
