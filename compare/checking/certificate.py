"""The certificate of a proof over the finite field: identities, degrees and the chance of being fooled."""

import dataclasses
import math
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from compare.comparison.rows import Row
from engine.files import write_json


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
class Certificate:
    """What `prove` found.

    proved:          True if every identity held in every trial
    identities:      per layer and equation, with counts over all trials
    trials:          how many independent random points
    degree:          d, the bound on the degree of a difference
    arguments:       q, the distinct arguments of σ per trial
    probability:     of being fooled: that a false identity passed all trials; an exact fraction
    counterexample:  where proved is False, the first `Row` that differs, walking backward from the cost
    """

    sizes: tuple[int, ...]
    cost: str
    seed: int
    proved: bool
    identities: tuple[Identity, ...]
    trials: int
    degree: int
    arguments: int
    probability: Fraction
    counterexample: Row | None

    SAYS = (
        "For every differentiable σ, in every layer its own, BP1 to BP4 give the adjoints of the network's "
        "own forward code, as identities of rational functions over GF(2⁶¹ − 1).",
        "An identity that is false over the rationals could hold modulo p only if p divided every "
        "coefficient of the difference.",
        "Not said: that a given σ′ is the derivative of σ (the tests of the activation tables show that), "
        "and how floats round (compare() shows that).",
    )

    def __str__(self) -> str:
        net = f"{'-'.join(map(str, self.sizes))}, any σ, {self.cost} cost"
        lines = [f"{'PROVED' if self.proved else 'REFUTED'}: BP1–BP4 for {net}", ""]
        for i in self.identities:
            mark = "=" if i.holds else "≠"
            counts = f"{i.equal:,}/{i.total:,}"
            lines.append(f"  {i.equation}  layer {i.layer}: {i.formula:32} {mark} adjoint  {counts}")
        lines += ["", f"Random points of GF(2⁶¹ − 1): {self.trials}, seed {self.seed}."]
        if self.counterexample is not None:
            row = self.counterexample
            lines.append(f"Counter-example: {row.name} is {row.delta}, its adjoint {row.adjoint} (mod p).")
            return "\n".join(lines)
        lines += [
            f"A difference has degree at most {self.degree:,}; σ has {self.arguments:,} arguments a trial:",
            f"a false identity passes one trial with probability at most "
            f"({self.degree:,} + {self.arguments:,}·{self.arguments - 1:,}/2)/p, "
            f"all of them with at most 2^{_log2(self.probability):.1f} (Schwartz 1980, Zippel 1979).",
            *self.SAYS,
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The certificate as plain data."""
        row = self.counterexample
        return {
            "sizes": list(self.sizes),
            "cost": self.cost,
            "field": "GF(2^61 - 1)",
            "seed": self.seed,
            "proved": self.proved,
            "trials": self.trials,
            "degree": self.degree,
            "arguments": self.arguments,
            "probability": {"at_most": str(self.probability), "log2": _log2(self.probability)},
            "identities": [dataclasses.asdict(i) for i in self.identities],
            "counterexample": row
            and {"name": row.name, "explicit": str(row.delta), "adjoint": str(row.adjoint)},
            "says": list(self.SAYS) if self.proved else [],
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate as JSON, whole or not at all.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        write_json(path, self.as_dict())


def _log2(probability: Fraction) -> float:
    return math.log2(probability.numerator) - math.log2(probability.denominator)
