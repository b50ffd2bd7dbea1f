"""Training 784-30-10, sigmoid and quadratic cost, in samples per second, beside its peers.

Every side makes the same updates of stochastic gradient descent on the same mini-batches of rows of
one array, float64, one thread.  *graph*: the recorded graph of scalars over the lanes of a batch.  *lanes alone*:
the same, recorded with blocks=False, so that no kernel takes several units at once.  *explicit*: BP1–BP4 in
contract order, compiled.  These three give the same bits; the others sum in orders of their own.
*per sample*: the loop of Nielsen's book in numpy, forward and backward for one sample after the other.
*BLAS*: the whole mini-batch by matrix products.  *PyTorch*: nn.Linear, Sigmoid and optim.SGD.  *autograd*: HIPS
autograd on the whole mini-batch.  *JAX*: one jax.jit of choosing the rows, gradient and update, on the CPU, its
parameters donated and its dispatch not asynchronous, which would be a second thread.  Sides alternate; figures are
medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import blas_threads, interleaved, missing, one_thread_jax, report
from compare.training.sides import ExplicitSide, GraphSide
from explicit import Network

SIZES = [784, 30, 10]
BATCHES = (10, 32, 128)
ETA = 3.0


def sigmoid(z: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-z))


def per_sample(network: Network, rows: Any) -> Callable[[Any], None]:
    """The book's program: sums of the gradients of single samples, each by matrix–vector products."""
    weights, biases = [w.copy() for w in network.weights], [b.copy() for b in network.biases]
    inputs = network.sizes[0]

    def gradient(x: Any, y: Any) -> Any:
        a, activations, zs = x, [x], []
        for w, b in zip(weights, biases, strict=True):
            zs.append(np.dot(w, a) + b)
            a = sigmoid(zs[-1])
            activations.append(a)
        s = sigmoid(zs[-1])
        delta = (activations[-1] - y) * (s * (1 - s))
        nabla = [(np.dot(delta, activations[-2].T), delta)]
        for layer in range(2, len(weights) + 1):
            s = sigmoid(zs[-layer])
            delta = np.dot(weights[-layer + 1].T, delta) * (s * (1 - s))
            nabla.insert(0, (np.dot(delta, activations[-layer - 1].T), delta))
        return nabla

    def step(batch: Any) -> None:
        sums = [(np.zeros_like(w), np.zeros_like(b)) for w, b in zip(weights, biases, strict=True)]
        for i in batch:
            sample = rows[i][:, None]
            nabla = gradient(sample[:inputs], sample[inputs:])
            sums = [(sw + nw, sb + nb) for (sw, sb), (nw, nb) in zip(sums, nabla, strict=True)]
        rate = ETA / len(batch)
        weights[:] = [w - rate * nw for w, (nw, _) in zip(weights, sums, strict=True)]
        biases[:] = [b - rate * nb for b, (_, nb) in zip(biases, sums, strict=True)]

    return step


def blas(network: Network, rows: Any) -> Callable[[Any], None]:
    """The whole mini-batch by matrix products, samples in rows, written for speed."""
    weights, biases = [w.copy() for w in network.weights], [b.copy().ravel() for b in network.biases]
    inputs = network.sizes[0]

    def step(batch: Any) -> None:
        samples = rows[batch]
        activations = [samples[:, :inputs]]
        for w, b in zip(weights, biases, strict=True):
            activations.append(sigmoid(activations[-1] @ w.T + b))
        a = activations[-1]
        delta = (a - samples[:, inputs:]) * (a * (1 - a))
        rate = ETA / len(batch)
        for layer in range(len(weights) - 1, -1, -1):
            a = activations[layer]
            below = (delta @ weights[layer]) * (a * (1 - a)) if layer else None
            weights[layer] -= rate * (delta.T @ a)
            biases[layer] -= rate * delta.sum(axis=0)
            delta = below

    return step


def pytorch(network: Network, rows: Any) -> Callable[[Any], None]:
    import torch  # type: ignore[import-not-found, import-untyped, unused-ignore]

    torch.set_num_threads(1)
    layers: list[Any] = []
    for w, b in zip(network.weights, network.biases, strict=True):
        layer = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(w.copy()))
            layer.bias.copy_(torch.from_numpy(b.ravel().copy()))
        layers += [layer, torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=ETA)
    data, inputs = torch.from_numpy(rows), network.sizes[0]

    def step(batch: Any) -> None:
        samples = data[torch.from_numpy(batch)]
        optimizer.zero_grad()
        difference = model(samples[:, :inputs]) - samples[:, inputs:]
        (0.5 * (difference * difference).sum() / len(batch)).backward()
        optimizer.step()

    return step


def hips_autograd(network: Network, rows: Any) -> Callable[[Any], None]:
    import autograd.numpy as anp  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from autograd import grad  # type: ignore[import-not-found, import-untyped, unused-ignore]

    parameters = [[w.copy(), b.copy().ravel()] for w, b in zip(network.weights, network.biases, strict=True)]
    inputs = network.sizes[0]

    def cost(parameters: Any, samples: Any) -> Any:
        a = samples[:, :inputs]
        for w, b in parameters:
            a = 1.0 / (1.0 + anp.exp(-(anp.dot(a, w.T) + b)))
        d = a - samples[:, inputs:]
        return 0.5 * anp.sum(d * d)

    gradient = grad(cost)

    def step(batch: Any) -> None:
        for pair, slopes in zip(parameters, gradient(parameters, rows[batch]), strict=True):
            for i in range(2):
                pair[i] = pair[i] - ETA / len(batch) * slopes[i]

    return step


def jax_jit(network: Network, rows: Any) -> Callable[[Any], None]:
    jax = one_thread_jax()
    jnp = jax.numpy
    parameters = [(jnp.array(w), jnp.array(b.ravel())) for w, b in zip(network.weights, network.biases, strict=True)]
    data, inputs = jnp.array(rows), network.sizes[0]

    def cost(parameters: Any, samples: Any) -> Any:
        a = samples[:, :inputs]
        for w, b in parameters:
            a = jax.nn.sigmoid(a @ w.T + b)
        d = a - samples[:, inputs:]
        return 0.5 * jnp.sum(d * d)

    def update(parameters: Any, data: Any, batch: Any) -> Any:
        _, nabla = jax.value_and_grad(cost)(parameters, data[batch])
        return jax.tree.map(lambda p, slope: p - ETA / len(batch) * slope, parameters, nabla)

    updated = jax.jit(update, donate_argnums=0)

    def step(batch: Any) -> None:
        nonlocal parameters
        parameters = updated(parameters, data, batch)

    return step


def graph(network: Network, rows: Any, blocks: bool = True) -> Callable[[Any], None]:
    side = GraphSide(network, rows, None, blocks)
    return lambda batch: side.step(batch, ETA)


def explicit(network: Network, rows: Any) -> Callable[[Any], None]:
    side = ExplicitSide(network, rows, None)
    return lambda batch: side.step(batch, ETA)


SIDES: dict[str, Callable[[Network, Any], Callable[[Any], None]]] = {
    "graph": graph,
    "lanes alone": lambda network, rows: graph(network, rows, blocks=False),
    "explicit": explicit,
    "per sample": per_sample,
    "BLAS": blas,
    "PyTorch": pytorch,
    "autograd": hips_autograd,
    "JAX": jax_jit,
}
OURS = ("graph", "lanes alone", "explicit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeat", type=int, default=9, help="repetitions of each side (%(default)s)")
    parser.set_defaults(run=main)


def walk(step: Callable[[Any], None], size: int, rows: Any) -> Callable[[], None]:
    """Twenty updates on ever new batches."""
    shuffle = np.random.RandomState(1)

    def run() -> None:
        for _ in range(20):
            step(shuffle.randint(len(rows), size=size))

    return run


def measure(names: list[str], repeat: int) -> dict[int, dict[str, float]]:
    """Samples per second of each side, by batch size."""
    random = np.random.RandomState(0)
    labels = np.eye(10)[random.randint(10, size=10_000)]
    rows = np.ascontiguousarray(np.hstack([random.rand(10_000, 784) * (random.rand(10_000, 784) < 0.2), labels]))
    found = {}
    for size in BATCHES:
        steps = {}
        for name in names:
            try:
                steps[name] = walk(SIDES[name](Network(SIZES), rows), size, rows)
            except ImportError as error:
                missing(name, error)
        median = interleaved(steps, repeat)
        found[size] = {name: 20 * size / seconds for name, seconds in median.items()}
    return found


def main(arguments: argparse.Namespace) -> None:
    """Measure, print the table, and write train.md."""
    if not blas_threads(1):
        missing("one thread of BLAS", "numpy has not its own OpenBLAS; it uses as many as it likes")
    found = measure(list(SIDES), arguments.repeat)
    rates = [[size, *(rates.get(name) for name in SIDES)] for size, rates in found.items()]
    peers = [name for name in SIDES if name not in OURS]
    tables = [("Samples per second", ["batch", *SIDES], rates)]
    for ours in ("graph", "lanes alone"):
        ratios = [
            [size, *(rates[ours] / rates[peer] if peer in rates else None for peer in (*peers, "explicit"))]
            for size, rates in found.items()
        ]
        tables.append((f"{ours} ÷ peer", ["batch", *peers, "explicit"], ratios))
    report(
        "train", "Training 784-30-10", f"python -m benchmarks train --repeat {arguments.repeat}",
        tables, __doc__.partition("\n\n")[2] if __doc__ else "",
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    main(parser.parse_args())
