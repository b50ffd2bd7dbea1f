"""δ by automatic differentiation of other makers: PyTorch, JAX, HIPS autograd."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from compare.extras import need
from explicit import Network
from explicit.elementwise import Array

Answer = tuple[list[Array], float | None]
Words = dict[str, Callable[..., Any]]
"""A referee's own exp, log, tanh, sigmoid, softplus, abs and where, in which formulas are read."""


def own(network: Network, words: Words) -> tuple[list[Callable[[Any], Any]], Callable[[Any, Any], Any]]:
    """σ of each layer, z ↦ a, and what each output adds to C, (a, y) ↦ C, in a referee's own functions."""
    sigmas = [_reader(sigma.row.formula, "z", words) for sigma in network.activation_functions]
    return sigmas, _reader(network.cost.row.formula, "a, y", words)


def _reader(formula: str, names: str, words: Words) -> Callable[..., Any]:
    """The function of these names that a formula is."""
    made: Callable[..., Any] = eval(_compiled(f"lambda {names}: {formula}"), dict(words))
    return made


@cache
def _compiled(text: str) -> Any:
    return compile(text, f"<formula {text}>", "eval")


def _cost_of_perturbations(
    network: Network, x: Any, y: Any, words: Words, as_own: Callable[[Array], Any]
) -> Callable[[list[Any]], Any]:
    """p ↦ Σ C_x with pˡ added to zˡ, in the operators and functions of a referee's own arrays."""
    weights = [as_own(W) for W in network.weights]
    biases = [as_own(b) for b in network.biases]
    sigmas, unit_cost = own(network, words)

    def cost(perturbations: list[Any]) -> Any:
        a = x
        for W, b, sigma, p in zip(weights, biases, sigmas, perturbations, strict=True):
            a = sigma(W @ a + b + p)
        return unit_cost(a, y).sum()

    return cost


def _zeros(network: Network, samples: int) -> list[Array]:
    return [np.zeros((n, samples)) for n in network.sizes[1:]]


def shared_words(library: Any) -> Words:
    """The functions that all these libraries call by one name."""
    return {name: getattr(library, name) for name in ("exp", "log", "tanh", "abs", "where")}


def by_torch(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """δ by PyTorch's autograd (extra `torch`)."""
    torch = need("torch", "torch", "opinions of the referee 'torch'")
    words = shared_words(torch) | {
        "sigmoid": torch.sigmoid,
        # Above its threshold torch returns z itself; at 40 that is right to the last bit, at its default 20 not.
        "softplus": lambda z: torch.nn.functional.softplus(z, threshold=40),
    }
    perturbations = [torch.from_numpy(p).requires_grad_(True) for p in _zeros(network, x.shape[1])]

    def tensor(array: Array) -> Any:
        return torch.from_numpy(array.copy())

    cost = _cost_of_perturbations(network, tensor(x), tensor(y), words, tensor)(perturbations)
    return [g.numpy() for g in torch.autograd.grad(cost, perturbations)], None


def by_jax(network: Network, x: Array, y: Array, deltas: Sequence[Array]) -> Answer:
    """δ by JAX, in float64 (extra `jax`)."""
    jax = need("jax", "jax", "opinions of the referee 'jax'")
    import jax.numpy as jnp

    words = shared_words(jnp) | {"sigmoid": jax.nn.sigmoid, "softplus": jax.nn.softplus}
    with _x64(jax):
        cost = _cost_of_perturbations(network, jnp.asarray(x), jnp.asarray(y), words, jnp.asarray)
        gradients = jax.grad(cost)([jnp.asarray(p) for p in _zeros(network, x.shape[1])])
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

    words = shared_words(anp) | {
        "sigmoid": lambda z: anp.exp(-anp.logaddexp(0.0, -z)),
        "softplus": lambda z: anp.logaddexp(0.0, z),
    }
    cost = _cost_of_perturbations(network, x, y, words, lambda array: array)
    with np.errstate(all="ignore"):
        return list(autograd.grad(cost)(_zeros(network, x.shape[1]))), None
