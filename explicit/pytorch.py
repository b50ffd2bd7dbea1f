"""Weights from and to PyTorch: torch.nn.Sequential of Linear layers and activations.  Needs the extra `torch`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from explicit import checks
from explicit.activations import ACTIVATIONS, Activation, identity
from explicit.elementwise import SLOPE, Array

THRESHOLD = 40.0  # above it torch's Softplus returns z: from about 37 on that is softplus to the last bit
OPTIONS = {"LeakyReLU": {"negative_slope": SLOPE}, "Softplus": {"threshold": THRESHOLD}}


def from_torch(sequential: Any) -> tuple[list[Array], list[Array], list[Activation]]:
    """The weights (nₗ, nₗ₋₁), biases (nₗ, 1) and activations of a torch.nn.Sequential, layer by layer.

    Each Linear begins a layer; an activation after it is the layer's, and without one it is the identity.
    Known are those that a row of `ACTIVATIONS` names, with the slope 0.01 of LeakyReLU. Numbers become float64: a
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
    activations: list[Activation | None] = []
    for i, module in enumerate(sequential):
        at = f"from_torch: module {i}, {module}"
        if type(module) is nn.Linear:
            W = _numbers(f"{at}, weight", module.weight)
            if weights and W.shape[1] != len(weights[-1]):
                raise ValueError(f"{at}: expected {len(weights[-1])} inputs, as many as the layer before has units")
            weights.append(W)
            b = np.zeros(len(W)) if module.bias is None else _numbers(f"{at}, bias", module.bias)
            biases.append(b.reshape(-1, 1))
            activations.append(None)
            continue
        sigma = _activation(nn, at, module)
        if not activations:
            raise ValueError(f"{at}: an activation before the first Linear")
        if activations[-1] is not None:
            raise ValueError(f"{at}: a second activation after one Linear")
        activations[-1] = sigma
    if not weights:
        raise ValueError("from_torch: expected at least one Linear, got none")
    return weights, biases, [sigma or identity for sigma in activations]


def to_torch(weights: Sequence[Array], biases: Sequence[Array], activations: Sequence[Activation]) -> Any:
    """A torch.nn.Sequential in float64 that computes what a network of these does: Linear, activation, Linear, ….

    Weights and biases have the same bits, in copies. Softplus gets the threshold 40, so that it is
    ln(1 + eᶻ) to the last bits. The cost is not part of it.

    Errors: ImportError without torch; TypeError for parameters that are not float64; ValueError for an Activation
    that names no class of torch.
    """
    torch = _torch("to_torch")
    checks.floats("to_torch", "weights", weights)
    checks.floats("to_torch", "biases", biases)
    modules = []
    for W, b, sigma in zip(weights, biases, activations, strict=True):
        if sigma != sigma.row or not sigma.row.torch:
            known = ", ".join(row.name for row in ACTIVATIONS.values() if row.torch)
            raise ValueError(f"to_torch: activation {sigma.name!r} is not one of {known}")
        # skip_init: initial weights are not wanted, and would use up the caller's random numbers.
        linear = torch.nn.utils.skip_init(torch.nn.Linear, W.shape[1], W.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.copy()))
            linear.bias.copy_(torch.from_numpy(b[:, 0].copy()))
        modules += [linear, getattr(torch.nn, sigma.row.torch)(**OPTIONS.get(sigma.row.torch, {}))]
    return torch.nn.Sequential(*modules)


def _activation(nn: Any, at: str, module: Any) -> Activation:
    """The row of a torch activation. Subclasses may compute anything, and are refused."""
    rows = {row.torch: row for row in ACTIVATIONS.values() if row.torch}
    for name, row in rows.items():
        if type(module) is getattr(nn, name):
            if name == "LeakyReLU" and module.negative_slope != SLOPE:
                raise ValueError(f"{at}: expected negative_slope={SLOPE}, got {module.negative_slope}")
            if name == "Softplus" and (module.beta != 1 or module.threshold < 20):
                raise ValueError(f"{at}: expected beta=1 and threshold ≥ 20")
            return row
    raise ValueError(f"{at}: a {type(module).__name__} is no known layer; known: Linear, {', '.join(rows)}")


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
