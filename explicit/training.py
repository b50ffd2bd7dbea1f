"""Stochastic gradient descent as in the book."""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from explicit import checks
from explicit.elementwise import Array
from explicit.network import Network


@dataclass(frozen=True, eq=False)
class Settings:
    """The checked arguments of a training: x (n₁, N) and y (n_L, N) of float64, and the numbers as `train` has them."""

    x: Array
    y: Array
    epochs: int
    batch_size: int
    eta: float
    seed: int


def settings(
    caller: str,
    network: Network,
    data: tuple[Any, Any],
    epochs: SupportsIndex,
    batch_size: SupportsIndex,
    eta: float,
    seed: SupportsIndex,
) -> Settings:
    """The arguments of a training, checked. Errors: TypeError or ValueError that name the argument (or the caller)."""
    if not isinstance(network, Network):
        raise TypeError(f"network: expected an explicit.Network, got {network!r:.60}")
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError("data: expected a pair (x, y) of arrays with samples in columns")
    x, y = checks.samples(data[0], data[1], network.sizes[0], network.sizes[-1])
    if any(np.asarray(array).dtype.hasobject for array in (x, y, *network.weights, *network.biases)):
        raise TypeError(f"{caller}: expected float64 data and parameters, got an object array")
    if isinstance(eta, bool) or not isinstance(eta, numbers.Real):
        raise TypeError(f"eta: expected a number > 0, got {eta!r}")
    if not (math.isfinite(eta) and eta > 0):
        raise ValueError(f"eta: expected a finite number > 0, got {float(eta)}")
    counts = checks.whole("epochs", epochs, least=1), checks.whole("batch_size", batch_size, least=1)
    return Settings(x, y, *counts, float(eta), checks.seed_number(seed))


def train(
    network: Network,
    data: tuple[Any, Any],
    epochs: SupportsIndex,
    batch_size: SupportsIndex,
    eta: float,
    seed: SupportsIndex = 0,
    progress: bool = True,
    on_epoch: Callable[[int, float], object] | None = None,
) -> list[float]:
    """Train the network in place by stochastic gradient descent; return the mean cost of each epoch.

    For every mini-batch of n samples: w → w − (η/n) Σₓ ∂Cₓ/∂w, b → b − (η/n) Σₓ ∂Cₓ/∂b.

    data:        (x, y), x (n₁, N) and y (n_L, N), samples in columns
    batch_size:  samples per mini-batch; the last one of an epoch may be smaller
    eta:         η, the learning rate, > 0
    seed:        of the shuffling before each epoch; the same seed gives the same bits
    progress:    True shows a progress bar on stderr
    on_epoch:    called after each epoch with its number, from 1 on, and its mean cost

    The cost of a sample is measured during the epoch, just before the update that its mini-batch makes. A run
    that diverges goes on, and shows it as a cost of inf or NaN.
    Errors: TypeError or ValueError that name the argument; TypeError for parameters or data that are not
    float64; those of `Network.backprop`.

    >>> network = Network([1, 1], activation="identity")
    >>> costs = train(network, ([[0.0, 1.0]], [[1.0, 3.0]]), epochs=50, batch_size=2, eta=0.5, progress=False)
    >>> costs[-1] < costs[0] / 100
    True
    """
    run = settings("train", network, data, epochs, batch_size, eta, seed)
    x, y, count = run.x, run.y, run.x.shape[1]
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch: expected a function of (epoch, mean cost), got {on_epoch!r}")

    from tqdm import tqdm  # only training needs it

    # The legacy generator: numpy promises that its stream never changes (NEP 19).
    random = np.random.RandomState(run.seed)
    mean_costs = []
    with tqdm(total=run.epochs * count, unit="sample", disable=not progress) as bar:
        for epoch in range(1, run.epochs + 1):
            order = random.permutation(count)
            total = 0.0
            for start in range(0, count, run.batch_size):
                batch = order[start : start + run.batch_size]
                total += update(network, x[:, batch], y[:, batch], run.eta)
                bar.update(len(batch))
            mean_costs.append(total / count)
            bar.set_postfix(epoch=epoch, cost=mean_costs[-1])
            if on_epoch is not None:
                on_epoch(epoch, mean_costs[-1])
    return mean_costs


def update(network: Network, x: Any, y: Any, eta: float) -> float:
    """One step of gradient descent on one mini-batch, in place; returns the summed cost before it.

    x: (n₁, n), y: (n_L, n). w → w − (η/n) Σₓ ∂Cₓ/∂w, and b likewise. Errors: those of `Network.backprop`.
    """
    record = network.backprop(x, y)
    n = len(record.costs)
    with np.errstate(over="ignore", invalid="ignore"):
        # Items are replaced, not assigned through the properties, which would refuse inf and NaN.
        for parameters, nablas in ((network.weights, record.nabla_w), (network.biases, record.nabla_b)):
            parameters[:] = [p - (eta / n) * nabla for p, nabla in zip(parameters, nablas, strict=True)]
    return float(record.cost)
