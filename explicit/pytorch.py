"""Weights from and to PyTorch: torch.nn.Sequential of Linear layers and activations.  Needs the extra `torch`."""

from typing import Any

import numpy as np

from explicit.elementwise import SLOPE, Array
from explicit.network import Network

TORCH_NAMES = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "identity": "Identity",
}
THRESHOLD = 40.0  # above it torch's Softplus returns z: from about 37 on that is softplus to the last bit


def network_from_torch(sequential: Any, cost: Any = "quadratic") -> Network:
    """The Network with the weights, biases and activations of a torch.nn.Sequential.

    Each Linear begins a layer; an activation after it is the layer's, and without one it is the identity.
    Known are Sigmoid, Tanh, ReLU, LeakyReLU(0.01), Softplus, Softsign and Identity. Numbers become float64: a
    float64 keeps its bits, a float32 its value. A Linear without bias gets biases 0. The arrays are copies.

    torch's Softplus returns z itself above its threshold, 20 by default, which is off by up to 2.1e-9; the
    network computes ln(1 + eᶻ) everywhere.

    Errors: ImportError without torch; TypeError if it is no Sequential; ValueError for any other module, or
    one in a place where it is no layer, naming its index and type.
    """
    torch = _torch("from_torch")
    nn = torch.nn
    if not isinstance(sequential, nn.Sequential):
        raise TypeError(f"from_torch: expected a torch.nn.Sequential, got {type(sequential).__name__}")
    weights: list[Array] = []
    biases: list[Array] = []
    names: list[str | None] = []
    for i, module in enumerate(sequential):
        at = f"from_torch: module {i}, {module}"
        if type(module) is nn.Linear:
            W = _numbers(f"{at}, weight", module.weight)
            if weights and W.shape[1] != len(weights[-1]):
                raise ValueError(f"{at}: expected {len(weights[-1])} inputs, as many as the layer before has units")
            weights.append(W)
            b = np.zeros(len(W)) if module.bias is None else _numbers(f"{at}, bias", module.bias)
            biases.append(b.reshape(-1, 1))
            names.append(None)
            continue
        name = _activation(nn, at, module)
        if not names:
            raise ValueError(f"{at}: an activation before the first Linear")
        if names[-1] is not None:
            raise ValueError(f"{at}: a second activation after one Linear")
        names[-1] = name
    if not weights:
        raise ValueError("from_torch: expected at least one Linear, got none")
    sizes = [weights[0].shape[1], *(len(W) for W in weights)]
    network = Network(sizes, [name or "identity" for name in names], cost)
    network.weights, network.biases = weights, biases
    return network


def network_to_torch(network: Network) -> Any:
    """A torch.nn.Sequential in float64 that computes what the network computes: Linear, activation, Linear, ….

    Weights and biases have the same bits, in copies. Softplus gets the threshold 40, so that it is
    ln(1 + eᶻ) to the last bits. The cost is not part of it.

    Errors: ImportError without torch; TypeError for parameters that are not float64; ValueError for an Activation
    of the caller's own.
    """
    torch = _torch("to_torch")
    from explicit.activations import ACTIVATIONS

    modules = []
    layers = zip(network.weights, network.biases, network.activation_functions, strict=True)
    for i, (W, b, sigma) in enumerate(layers):
        for name, array in (("weights", W), ("biases", b)):
            if array.dtype != np.float64:
                raise TypeError(f"to_torch: {name}[{i}]: expected float64, got dtype {array.dtype}")
        if ACTIVATIONS.get(sigma.name) != sigma:
            raise ValueError(f"to_torch: activation {sigma.name!r} is not one of {', '.join(ACTIVATIONS)}")
        # skip_init: initial weights are not wanted, and would use up the caller's random numbers.
        linear = torch.nn.utils.skip_init(torch.nn.Linear, W.shape[1], W.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.copy()))
            linear.bias.copy_(torch.from_numpy(b[:, 0].copy()))
        options = {"leaky_relu": {"negative_slope": SLOPE}, "softplus": {"threshold": THRESHOLD}}
        activation = getattr(torch.nn, TORCH_NAMES[sigma.name])
        modules += [linear, activation(**options.get(sigma.name, {}))]
    return torch.nn.Sequential(*modules)


def _activation(nn: Any, at: str, module: Any) -> str:
    """The name of a torch activation here. Subclasses may compute anything, and are refused."""
    for name, torch_name in TORCH_NAMES.items():
        if type(module) is getattr(nn, torch_name):
            if name == "leaky_relu" and module.negative_slope != SLOPE:
                raise ValueError(f"{at}: expected negative_slope={SLOPE}, got {module.negative_slope}")
            if name == "softplus" and (module.beta != 1 or module.threshold < 20):
                raise ValueError(f"{at}: expected beta=1 and threshold ≥ 20")
            return name
    known = ", ".join(TORCH_NAMES.values())
    raise ValueError(f"{at}: a {type(module).__name__} is no known layer; known: Linear, {known}")


def _numbers(at: str, tensor: Any) -> Array:
    """A parameter as a float64 array of its own."""
    if not tensor.is_floating_point():
        raise ValueError(f"{at}: expected real numbers, got {tensor.dtype}")
    array: Array = tensor.detach().cpu().double().numpy().copy()
    return array


def _torch(what: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"{what} needs torch: pip install 'delta-adjoint[torch]'") from error
    return torch
