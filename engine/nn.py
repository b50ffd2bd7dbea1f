"""Neurons, layers and multi-layer perceptrons of Values, with micrograd's interface.

Layers are counted as in the book: the input is layer 1, so the first layer of neurons has
z²₁, z²₂, …; in Python they are ``mlp.z[0][0]``, ``mlp.z[0][1]``, ….
"""

from __future__ import annotations

import random

from engine.notation import symbol
from engine.ops import TABLE
from engine.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Module:
    """Something with parameters; `z` holds the pre-activation nodes of the last call."""

    z: Any = None

    def parameters(self) -> list[Value]:
        """All parameters, in a fixed order."""
        return []

    def zero_grad(self) -> None:
        """Set `grad` of every parameter to the integer 0."""
        for p in self.parameters():
            p.grad = 0

    def __getstate__(self) -> dict[str, Any]:
        # The graph of the last call is no part of a model.
        return {name: value for name, value in vars(self).items() if name != "z"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.z = None


class Neuron(Module):
    """a = σ(z), z = ((b + w₁x₁) + w₂x₂) + …, summed in that order.

    Parameters
    ----------
    nin : the number of inputs
    nonlin : False for a linear neuron, whatever the activation
    activation : a one-parent row of the op table ("relu", "tanh", "sigmoid", …) or "identity"
    layer, unit : the neuron's place in the book's numbering, for the labels

    Attributes
    ----------
    w, b : the parameters; weights uniform in [−1, 1] from Python's `random`, bias 0
    z : the pre-activation node of the last call, labelled; None before

    Raises
    ------
    ValueError
        nin is not positive; the activation is unknown (the message lists the known ones); at a
        call: the number of inputs differs from nin.

    >>> random.seed(1)
    >>> n = Neuron(2, activation="tanh", layer=2, unit=1)
    >>> a = n([1.0, -2.0]); n.z.label, a.data == n.z.tanh().data
    ('z²₁', True)
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        activation: str = "relu",
        *,
        layer: int | None = None,
        unit: int = 1,
    ) -> None:
        if nin < 1:
            raise ValueError(f"Neuron(nin): expected at least 1 input, got {nin}")
        known = [name for name, op in TABLE.items() if op.dy is None]
        if activation not in (*known, "identity"):
            raise ValueError(f"Neuron(activation): expected one of {', '.join(known)}, identity; got {activation!r}")
        self.activation = activation if nonlin else "identity"
        place = layer is not None
        self.w = [Value(random.uniform(-1, 1), symbol("w", layer, unit, k) if place else "") for k in range(1, nin + 1)]
        self.b = Value(0, symbol("b", layer, unit) if place else "")
        self.names = (symbol("z", layer, unit), symbol("a", layer, unit)) if place else ("z", "a")
        self.z = None

    @property
    def nonlin(self) -> bool:
        """Whether the neuron has an activation other than the identity."""
        return self.activation != "identity"

    def __call__(self, x: Sequence[Any]) -> Value:
        if len(x) != len(self.w):
            raise ValueError(f"Neuron(x): expected {len(self.w)} inputs, got {len(x)}")
        z = self.b
        for w, xi in zip(self.w, x, strict=True):
            z = z + w * xi
        self.z = z
        z.label = self.names[0]
        if not self.nonlin:
            return z
        a: Value = getattr(z, self.activation)()
        a.label = self.names[1]
        return a

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        name = {"relu": "ReLU", "identity": "Linear"}.get(self.activation, self.activation)
        return f"{name}Neuron({len(self.w)})"


class Layer(Module):
    """nout neurons side by side on the same inputs; keywords go to each `Neuron`.

    A call returns a list, or the one Value of a layer of one neuron.
    """

    def __init__(self, nin: int, nout: int, **keywords: Any) -> None:
        if nout < 1:
            raise ValueError(f"Layer(nout): expected at least 1 neuron, got {nout}")
        self.neurons = [Neuron(nin, unit=j, **keywords) for j in range(1, nout + 1)]
        self.z = None

    def outputs(self, x: Sequence[Any]) -> list[Value]:
        """The activations as a list, also for one neuron."""
        out = [neuron(x) for neuron in self.neurons]
        self.z = [neuron.z for neuron in self.neurons if neuron.z is not None]
        return out

    def __call__(self, x: Sequence[Any]) -> Any:
        out = self.outputs(x)
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        """The neurons' parameters, neuron by neuron."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(Module):
    """A multi-layer perceptron.

    Parameters
    ----------
    nin : the number of inputs
    nouts : the number of neurons of each layer
    activation : of the hidden layers
    output : of the last layer; linear as in micrograd unless given

    Attributes
    ----------
    z : the pre-activation nodes of the last call, ``z[l][j]``; None before

    >>> mlp = MLP(2, [3, 1], activation="tanh")
    >>> out = mlp([0.5, -1.0])
    >>> [[z.label for z in layer] for layer in mlp.z]
    [['z²₁', 'z²₂', 'z²₃'], ['z³₁']]
    """

    def __init__(self, nin: int, nouts: Sequence[int], activation: str = "relu", output: str = "identity") -> None:
        if not len(nouts):
            raise ValueError("MLP(nouts): expected at least one layer, got none")
        sizes = [nin, *nouts]
        last = len(nouts) - 1
        self.layers = [
            Layer(sizes[i], sizes[i + 1], activation=output if i == last else activation, layer=i + 2)
            for i in range(len(nouts))
        ]
        self.z = None

    def __call__(self, x: Sequence[Any]) -> Any:
        for layer in self.layers[:-1]:
            x = layer.outputs(x)
        out = self.layers[-1](x)
        self.z = [layer.z for layer in self.layers if layer.z is not None]
        return out

    def parameters(self) -> list[Value]:
        """The layers' parameters, layer by layer."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(str, self.layers))}]"
