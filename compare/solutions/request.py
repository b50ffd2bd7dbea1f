"""What is asked of a solution file, and what came of it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explicit import Network
from explicit.elementwise import Array


@dataclass(frozen=True)
class Request:
    """What is to be diagnosed, and the limits.

    path:         the solution file
    function:     the name in it that is checked; "" takes backprop, Network or step
    sizes, activation, cost, seed:  as for `explicit.Network`; samples: how many
    conventions:  what is declared of reduction, layout, dtype and regularisation, for `diagnose`
    timeout:      seconds, from the beginning of the file's import to the end of the diagnosis
    memory:       MiB that the solution may take, Python, numpy and this package not counted
    """

    path: str
    function: str = ""
    sizes: list[int] = field(default_factory=lambda: [3, 4, 2])
    activation: str | list[str] = "sigmoid"
    cost: str = "quadratic"
    seed: int = 0
    samples: int = 3
    conventions: dict[str, Any] = field(default_factory=dict)
    timeout: float = 20.0
    memory: int = 1024


@dataclass(frozen=True)
class Outcome:
    """What became of a solution in its child process.

    kind:       "ran"; else why it did not: "syntax" (the file is no Python), "interface" (nothing in it, or
                nothing it returned, can be compared), "exception", "exit" (it called sys.exit), "memory",
                "hang", "crash" (the process died); "internal" is an error of ours
    text:       the same in a sentence; "" where it ran
    traceback:  the frames of the user's code, innermost last; "" where there are none
    checked:    what of the file was checked: "function backprop"
    step:       whether that is a training step
    diagnosis:  right, equations (layer, equation, holds), text, html and data of the `Diagnosis`, and how far
                apart the gradients are from the right ones where no mistake fits; None where
                there is none.  Code that raises may have one: of layers of equal size, on which it runs
    notes:      a second name that was not checked; a limit that is not in force
    output:     what the solution printed, on stdout and on stderr
    """

    kind: str
    text: str = ""
    traceback: str = ""
    checked: str = ""
    step: bool = False
    diagnosis: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    output: str = ""

    @property
    def ran(self) -> bool:
        """Whether it ran, so that it has a diagnosis."""
        return self.kind == "ran"


def problem(request: Request) -> tuple[Network, Array, Array]:
    """Our network, with the parameters that a function is given; inputs x and targets y, samples in columns.

    Raises
    ------
    TypeError, ValueError
        As `explicit.Network`.
    """
    network = Network(request.sizes, request.activation, request.cost, request.seed)
    rng = np.random.RandomState(request.seed)
    x = rng.randn(request.sizes[0], request.samples)
    return network, x, rng.uniform(size=(request.sizes[-1], request.samples))
