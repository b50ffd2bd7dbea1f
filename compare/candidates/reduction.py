"""How the samples of a batch are put together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explicit.elementwise import Array

TAKEN: dict[str, Callable[[list[Array]], Array]] = {
    "all": lambda samples: sum(samples[1:], samples[0]),
    "last": lambda samples: samples[-1],
    "first": lambda samples: samples[0],
    "columns": np.hstack,
}
"""What may be taken of the arrays of single samples: their sum, one of them, one column each."""


@dataclass(frozen=True)
class Reduction:
    """What is made of the samples, and how often it is divided by their number m.

    taken:    one of TAKEN, or what is no function of single samples: "averaged", the pass of the mean sample, and
              "spread", the targets of all samples against each output
    divided:  0, 1, 2
    """

    taken: str
    divided: int = 0

    def of(self, samples: list[Array]) -> Array:
        """What it makes of the arrays of single samples."""
        return self.over(TAKEN[self.taken](samples), len(samples))

    def over(self, whole: Array, m: int) -> Array:
        """What was taken of m samples, divided by m as often as it says."""
        return whole / m**self.divided if self.divided else whole
