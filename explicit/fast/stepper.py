"""Training steps at speed: BP1–BP4 in the order of the contract, compiled by numba where it is installed.

With the extra ``fast`` a `Stepper` runs `explicit.fast.kernels`; without it, or for activations and costs that
have no kernel and a `matmul` of the caller's own, it runs `Network.backprop`.  The bits are the same.
"""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explicit.elementwise import Array
from explicit.network import Network
from explicit.sums import add_up


def flatten(network: Network) -> Array:
    """All parameters in one vector, layer by layer: W row by row, then b.

    >>> flatten(Network([2, 3, 1])).shape
    (13,)
    """
    return np.concatenate(
        [part.ravel() for W, b in zip(network.weights, network.biases, strict=True) for part in (W, b)]
    )


def unflatten(sizes: Sequence[int], vector: Array) -> tuple[list[Array], list[Array]]:
    """Weights and biases of a network of these sizes, as views into a vector that `flatten` laid out."""
    weights, biases, at = [], [], 0
    for n, m in zip(sizes[1:], sizes[:-1], strict=True):
        weights.append(vector[at : at + n * m].reshape(n, m))
        biases.append(vector[at + n * m : at + n * m + n].reshape(n, 1))
        at += n * m + n
    return weights, biases


def share(network: Network, vector: Array) -> None:
    """Make the network's weights and biases views into the vector (laid out as `flatten` does)."""
    network.weights[:], network.biases[:] = unflatten(network.sizes, vector)


class Stepper:
    """Steps of gradient descent on one network, with its parameters in one vector.

    network :   its weights and biases become views of `parameters`
    compiled :  None for numba where it can be used, True to require it, False for numpy

    parameters: the vector (as `flatten` lays it out); nabla: Σₓ ∂Cₓ/∂parameter of the last batch;
    compiled: whether numba is used.

    Errors: ModuleNotFoundError or ValueError where compiled=True is not possible; TypeError for parameters
    that are not float64.

    >>> network = Network([2, 3, 1])
    >>> stepper = Stepper(network, compiled=False)
    >>> cost = stepper.step(np.zeros((2, 4)), np.zeros((1, 4)), eta=0.5)
    >>> bool((flatten(network) == stepper.parameters).all())
    True
    """

    def __init__(self, network: Network, compiled: bool | None = None) -> None:
        self.network = network
        self.parameters = flatten(network)
        if self.parameters.dtype != np.float64:
            raise TypeError(f"Stepper: expected float64 parameters, got dtype {self.parameters.dtype}")
        share(network, self.parameters)
        self.nabla = np.empty_like(self.parameters)
        why = _why_not(network) if compiled in (None, True) else "compiled=False"
        if compiled and why:
            raise (ModuleNotFoundError if "numba" in why else ValueError)(f"Stepper: {why}")
        self.compiled = not why
        self._buffers: dict[int, tuple[Array, ...]] = {}
        if self.compiled:
            from explicit.fast import kernels

            self._kernels: Any = kernels
            self._sizes = np.array(network.sizes, dtype=np.int64)
            self._kinds = np.array([kernels.KINDS.index(f) for f in network.activation_functions])
            self._cost = kernels.COSTS.index(network.cost)
            self._turned = np.empty(max(W.size for W in network.weights))

    def gradients(self, x: Array, y: Array) -> Array:
        """The costs of the samples, (B,); `nabla` gets the gradients.  x (n₁, B), y (n_L, B), finite floats.

        A transposed array of samples in rows (each contiguous) costs no copy.
        Errors: as `Network.backprop`.
        """
        if not self.compiled:
            return self._by_numpy(x, y)
        rows, targets = _in_rows(x), _in_rows(y)
        shapes = (rows.shape[1], targets.shape[1]) == (self._sizes[0], self._sizes[-1])
        if not shapes or len(rows) != len(targets) or not x.dtype == y.dtype == np.float64:
            return self._by_numpy(x, y)  # which says what is wrong, or converts
        z, a, delta, costs = self._buffers_for(len(rows))
        sizes, kinds = self._sizes, self._kinds
        _call(self._kernels.forward, sizes, kinds, self.parameters, rows, z, a, self._turned)
        exists = _call(
            self._kernels.backward, sizes, kinds, self._cost, self.network.shortcut, self.parameters, rows,
            targets, z, a, delta, self.nabla, costs,
        )  # fmt: skip
        return costs if exists else self._by_numpy(x, y)  # which says where

    def outputs(self, x: Array) -> Array:
        """aᴸ (n_L, B) for the inputs x (n₁, B). Errors: as `Network.forward`."""
        if not self.compiled or x.shape[0] != self._sizes[0] or x.dtype != np.float64:
            return self.network.feedforward(x)
        rows = _in_rows(x)
        z, a, _, _ = self._buffers_for(len(rows))
        _call(self._kernels.forward, self._sizes, self._kinds, self.parameters, rows, z, a, self._turned)
        last = len(rows) * int(self._sizes[-1])
        return a[len(a) - last :].reshape(len(rows), -1).T.copy()

    def step(self, x: Array, y: Array, eta: float) -> float:
        """One update, w → w − (η/B) Σₓ ∂Cₓ/∂w; returns the summed cost before it. Errors: as `gradients`."""
        costs = self.gradients(x, y)
        if self.compiled:
            _call(self._kernels.descend, self.parameters, self.nabla, eta / len(costs))
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                self.parameters[:] = self.parameters - (eta / len(costs)) * self.nabla
        return float(add_up(costs.tolist()))

    def _by_numpy(self, x: Array, y: Array) -> Array:
        record = self.network.backprop(x, y)
        parts = zip(record.nabla_w, record.nabla_b, strict=True)
        self.nabla[:] = np.concatenate([part.ravel() for pair in parts for part in pair])
        return record.costs

    def _buffers_for(self, count: int) -> tuple[Array, ...]:
        if count not in self._buffers:
            if len(self._buffers) > 3:  # a run has two sizes: the batch and the last, smaller one
                self._buffers.clear()
            units = sum(self.network.sizes[1:])
            self._buffers[count] = (*(np.empty(units * count) for _ in range(3)), np.empty(count))
        return self._buffers[count]


def _call(kernel: Any, *arguments: Any) -> Any:
    """Call a compiled kernel; if what numba keeps of it on disk is broken, remove that and compile it anew."""
    try:
        return kernel(*arguments)
    except Exception as error:  # kernels raise nothing: it could not be loaded, and what that raises is anything
        print(f"compiling the kernels of BP1–BP4 anew: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        for path in Path(kernel.stats.cache_path).glob("kernels.*.nb?"):
            path.unlink(missing_ok=True)
        return kernel(*arguments)


def _in_rows(x: Array) -> Array:
    """Samples in rows, each of them contiguous: a view of x where it can be."""
    rows = x.T
    return rows if rows.strides[-1] == rows.itemsize else np.ascontiguousarray(rows)


def _why_not(network: Network) -> str:
    """Why the compiled kernels cannot take the network; "" where they can."""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed (pip install 'delta-adjoint[fast]')"
    from explicit.fast.kernels import COSTS, KINDS

    for sigma in network.activation_functions:
        if sigma not in KINDS:
            return f"no kernel is known for the activation {sigma.name!r}"
    if network.cost not in COSTS:
        return f"no kernel is known for the cost {network.cost.name!r}"
    if network.matmul is not None:
        return "the network has a matmul of its own"
    return ""
