"""δ by automatic differentiation of other makers: PyTorch, JAX, HIPS autograd."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.extras import need
from explicit import Network
from explicit.elementwise import SLOPE, Array

# -- libraries that differentiate ----------------------------------------------------------------

Answer = tuple[list[Array], float | None]
Functions = dict[str, Callable[..., Any]]


def _cost_of_perturbations(
    network: Network, x: Any, y: Any, sigma: Functions, log: Callable[[Any], Any], as_own: Callable[[Array], Any]
) -> Callable[[list[Any]], Any]:
    """p ↦ Σ C_x with pˡ added to zˡ, in the operators and functions of a referee's own arrays."""
    weights = [as_own(W) for W in network.weights]
    biases = [as_own(b) for b in network.biases]
    names = [f.name for f in network.activation_functions]

    def cost(perturbations: list[Any]) -> Any:
        a = x
        for W, b, name, p in zip(weights, biases, names, perturbations, strict=True):
            a = sigma[name](W @ a + b + p)
        if network.cost.name == "quadratic":
            return ((a - y) ** 2).sum() / 2
        return -(y * log(a) + (1 - y) * log(1 - a)).sum()

    return cost


def _zeros(network: Network, samples: int) -> list[Array]:
    return [np.zeros((n, samples)) for n in network.sizes[1:]]


def by_torch(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """δ by PyTorch's autograd (extra `torch`)."""
    torch = need("torch", "torch", "opinions of the referee 'torch'")
    f = torch.nn.functional
    sigma: Functions = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda z: f.leaky_relu(z, SLOPE),
        # Above its threshold torch returns z itself; at 40 that is right to the last bit, at its default 20 not.
        "softplus": lambda z: f.softplus(z, threshold=40),
        "softsign": f.softsign,
        "identity": lambda z: z,
    }
    perturbations = [torch.from_numpy(p).requires_grad_(True) for p in _zeros(network, x.shape[1])]

    def own(array: Array) -> Any:
        return torch.from_numpy(array.copy())

    cost = _cost_of_perturbations(network, own(x), own(y), sigma, torch.log, own)(perturbations)
    return [g.numpy() for g in torch.autograd.grad(cost, perturbations)], None


def by_jax(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """δ by JAX, in float64 (extra `jax`)."""
    jax = need("jax", "jax", "opinions of the referee 'jax'")
    import jax.numpy as jnp

    sigma: Functions = {
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
        "leaky_relu": lambda z: jax.nn.leaky_relu(z, SLOPE),
        "softplus": jax.nn.softplus,
        "softsign": jax.nn.soft_sign,
        "identity": lambda z: z,
    }
    with _x64(jax):
        own = jnp.asarray
        cost = _cost_of_perturbations(network, own(x), own(y), sigma, jnp.log, own)
        gradients = jax.grad(cost)([own(p) for p in _zeros(network, x.shape[1])])
        return [np.array(g, dtype=np.float64) for g in gradients], None


def _x64(jax: Any) -> Any:
    """64 bits inside a with block only: the caller's own jax code keeps its setting."""
    if hasattr(jax, "enable_x64"):  # from 0.8 on
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()


def by_autograd(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """δ by HIPS autograd (extra `referees`)."""
    autograd = need("autograd", "referees", "opinions of the referee 'autograd'")
    import autograd.numpy as anp

    sigma: Functions = {
        "sigmoid": lambda z: anp.exp(-anp.logaddexp(0.0, -z)),
        "tanh": anp.tanh,
        "relu": lambda z: anp.where(z > 0, z, 0.0),
        "leaky_relu": lambda z: anp.where(z > 0, z, SLOPE * z),
        "softplus": lambda z: anp.logaddexp(0.0, z),
        "softsign": lambda z: z / (1 + anp.abs(z)),
        "identity": lambda z: z,
    }
    cost = _cost_of_perturbations(network, x, y, sigma, anp.log, lambda array: array)
    with np.errstate(all="ignore"):
        return list(autograd.grad(cost)(_zeros(network, x.shape[1]))), None
