"""The network of the book: layers of weights, the forward pass, and backpropagation as BP1–BP4."""

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, SupportsIndex

import numpy as np

from explicit import checks, classes
from explicit.activations import ACTIVATIONS, Activation, per_layer
from explicit.costs import COSTS, Cost, cross_entropy_shortcut, has_shortcut
from explicit.elementwise import Array
from explicit.equations import bp1, bp2, bp3, bp4
from explicit.storage import load_network, save_network
from explicit.sums import Matmul, add_up, affine, pull_back

SHORTCUT_TAG = "BP1 (shortcut a − y)"


@dataclass(frozen=True, eq=False)
class Backprop:
    """Everything that one forward and one backward pass computed, for B samples.

    Layers are numbered as in the book, 1 is the input. So zs[0] is z², and activations[0] is a¹ = x.

    zs:           z², …, zᴸ, each (nₗ, B)
    activations:  a¹ = x, a², …, aᴸ, each (nₗ, B)
    weights:      W², …, Wᴸ as they were used
    grad_a:       ∇ₐC, (n_L, B)
    deltas:       δ², …, δᴸ, each (nₗ, B); δˡ = ∂C/∂zˡ of each sample
    made_by:      for each δ, the equation that made it: "BP2", "BP1" or "BP1 (shortcut a − y)"
    nabla_w:      ∂C/∂W², …, ∂C/∂Wᴸ, each (nₗ, nₗ₋₁), summed over the samples
    nabla_b:      ∂C/∂b², …, ∂C/∂bᴸ, each (nₗ, 1), summed over the samples
    costs:        C of each sample, (B,)
    cost:         their sum, samples ascending
    """

    zs: list[Array]
    activations: list[Array]
    weights: list[Array]
    matmul: Matmul | None
    grad_a: Array
    deltas: list[Array]
    made_by: list[str]
    nabla_w: list[Array]
    nabla_b: list[Array]
    costs: Array
    cost: Any

    @cached_property
    def nabla_a(self) -> list[Array]:
        """∂C/∂a², …, ∂C/∂aᴸ, each (nₗ, B): what stands before ⊙ σ′(z) in BP2 and BP1."""
        with np.errstate(over="ignore", invalid="ignore"):
            below = [
                pull_back(W, delta, self.matmul) for W, delta in zip(self.weights[1:], self.deltas[1:], strict=True)
            ]
        return [*below, self.grad_a]


class Network:
    """A network of fully connected layers: zˡ = Wˡ aˡ⁻¹ + bˡ, aˡ = σ(zˡ).

    sizes:       units per layer, input first: [784, 30, 10]
    activation:  a name in ACTIVATIONS or an Activation; or a sequence of these, one per layer of weights
    cost:        a name in COSTS or a Cost
    seed:        of the initial biases and weights, which are standard normal, as in the book
    matmul:      None for sums in the order of the contract, or e.g. np.matmul: faster, rounds otherwise
    shortcut:    True makes δᴸ = a − y in the place of BP1, for cross_entropy with sigmoid outputs

    The arithmetic is that of the arrays: float64, or whatever numbers object arrays hold. (Beware that in
    Python a fractions.Fraction beside a float becomes a float: for exact results let all numbers be exact.)
    Overflow gives inf and NaN, which stay visible in the record.

    Errors: TypeError or ValueError that name the argument; unknown names list the known ones.

    >>> network = Network([2, 3, 1], activation="tanh")
    >>> network
    Network([2, 3, 1], activation='tanh', cost='quadratic')
    >>> network.feedforward([[0.0, 1.0], [0.0, 1.0]]).shape
    (1, 2)
    """

    def __init__(
        self,
        sizes: Sequence[SupportsIndex],
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        cost: str | Cost = "quadratic",
        seed: SupportsIndex = 0,
        matmul: Matmul | None = None,
        shortcut: bool = False,
    ) -> None:
        self.sizes = checks.layer_sizes(sizes)
        self.activation_functions = per_layer(activation, len(self.sizes) - 1)
        self.cost = checks.chosen("cost", cost, Cost, COSTS)
        if matmul is not None and not callable(matmul):
            raise TypeError(f"matmul: expected None or a function of two arrays, got {matmul!r}")
        self.matmul = matmul
        if shortcut and not has_shortcut(self.cost, self.activation_functions[-1]):
            given = f"{self.cost.name} and {self.activation_functions[-1].name}"
            raise ValueError(f"shortcut: δᴸ = a − y needs cost='cross_entropy' and sigmoid outputs, got {given}")
        self.shortcut = bool(shortcut)
        # The legacy generator: numpy promises that its stream never changes (NEP 19).
        # Biases first, as in the book.
        random = np.random.RandomState(checks.seed_number(seed))
        biases = [random.randn(n, 1) for n in self.sizes[1:]]
        weights = [random.randn(n, m) for m, n in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        self._biases: list[Array] = biases
        self._weights: list[Array] = weights

    def __repr__(self) -> str:
        names = [f.name for f in self.activation_functions]
        activation = names[0] if len(set(names)) == 1 else names
        shortcut = ", shortcut=True" if self.shortcut else ""
        return f"Network({self.sizes}, activation={activation!r}, cost={self.cost.name!r}{shortcut})"

    @property
    def weights(self) -> list[Array]:
        """W², …, Wᴸ; weights[0] is W², of shape (n₂, n₁).

        Assigning copies the arrays, makes ints and narrow floats float64, and refuses wrong shapes
        (ValueError) and numbers that are not finite. Items may be replaced; their shapes are checked when
        they are used.
        """
        return self._weights

    @weights.setter
    def weights(self, value: Sequence[Any]) -> None:
        self._weights = self._own("weights", value)

    @property
    def biases(self) -> list[Array]:
        """b², …, bᴸ; biases[0] is b², of shape (n₂, 1). Assigning works as for the weights."""
        return self._biases

    @biases.setter
    def biases(self, value: Sequence[Any]) -> None:
        self._biases = self._own("biases", value)

    def _own(self, name: str, value: Sequence[Any]) -> list[Array]:
        arrays = checks.parameters(name, value, self.sizes)
        for i, array in enumerate(arrays):
            checks.finite(f"{name}[{i}]", array)
        return [array.copy() for array in arrays]

    def with_parameters(self, weights: Sequence[Any], biases: Sequence[Any]) -> Self:
        """A copy of the network on these arrays themselves: no copies of them, and inf and NaN may be among them.

        Their shapes say the sizes of the copy, which has as many layers as the network.
        Errors: TypeError or ValueError for arrays that do not fit together.

        >>> wide = Network([2, 3, 1]).with_parameters([np.ones((4, 2)), np.ones((1, 4))], [np.ones((4, 1)), [[1]]])
        >>> wide.sizes
        [2, 4, 1]
        """
        ends = [*(np.shape(W)[-1:] for W in weights[:1]), *(np.shape(b)[:1] for b in biases)]
        sizes = [n for end in ends for n in end]
        if len(sizes) != len(self.sizes):
            raise ValueError(f"weights, biases: expected arrays of {len(self.sizes) - 1} layers, got {len(biases)}")
        other = copy.copy(self)
        other.sizes, other.activation_functions = sizes, list(self.activation_functions)
        other._weights = checks.parameters("weights", weights, sizes)
        other._biases = checks.parameters("biases", biases, sizes)
        return other

    def in_contract_order(self) -> Self:
        """A copy of the network, on the same parameters, whose sums are in the order of the contract: no matmul."""
        other = copy.copy(self)
        other.matmul = None
        return other

    def forward(
        self, x: Any, weights: Sequence[Any] | None = None, biases: Sequence[Any] | None = None
    ) -> tuple[list[Array], list[Array]]:
        """(zs, activations): zˡ = Wˡ aˡ⁻¹ + bˡ and aˡ = σ(zˡ) per layer; zs[0] is z², activations[0] is x.

        x: (n₁, B). weights, biases: used in the place of the network's own, which stay as they are. Object
        arrays of any numbers run through the same code: with numbers that record what is done to them this
        traces the graph.
        Errors: TypeError, ValueError for wrong shapes, empty batches and numbers in x that are not finite.
        """
        a = checks.columns("x", x, self.sizes[0])
        weights = checks.parameters("weights", self._weights if weights is None else weights, self.sizes)
        biases = checks.parameters("biases", self._biases if biases is None else biases, self.sizes)
        zs, activations = [], [a]
        with np.errstate(over="ignore", invalid="ignore"):
            for W, b, sigma in zip(weights, biases, self.activation_functions, strict=True):
                z = affine(W, a, b, self.matmul)
                a = sigma.function(z)
                zs.append(z)
                activations.append(a)
        return zs, activations

    def feedforward(self, x: Any) -> Array:
        """aᴸ, the outputs (n_L, B) for the inputs x (n₁, B). Errors: as `forward`."""
        return self.forward(x)[1][-1]

    def cost_per_sample(self, a: Array, y: Array) -> Array:
        """C of each sample, (B,), for outputs a and targets y, both (n_L, B). Errors: those of the cost."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.cost.cost(a, y)

    def backprop(self, x: Any, y: Any) -> Backprop:
        """Backpropagation as in the book: forward, then BP1 at the output, BP2 down the layers, BP3 and BP4.

        x: (n₁, B), y: (n_L, B). C is per sample; gradients with respect to parameters are summed over the
        samples.
        Errors: TypeError, ValueError for wrong shapes, empty batches and numbers that are not finite;
        ValueError from cross_entropy where an output is 0 or 1.
        """
        x, y = checks.samples(x, y, self.sizes[0], self.sizes[-1])
        zs, activations = self.forward(x)
        weights = checks.parameters("weights", self._weights, self.sizes)
        outputs = activations[-1]
        costs = self.cost_per_sample(outputs, y)
        with np.errstate(over="ignore", invalid="ignore"):
            sigma_primes = [
                sigma.derivative(z, a)
                for sigma, z, a in zip(self.activation_functions, zs, activations[1:], strict=True)
            ]
            grad_a = self.cost.gradient(outputs, y)
            if self.shortcut:
                deltas, made_by = [cross_entropy_shortcut(outputs, y)], [SHORTCUT_TAG]
            else:
                deltas, made_by = [bp1(grad_a, sigma_primes[-1])], [bp1.tag]
            for W_next, sigma_prime in zip(weights[:0:-1], sigma_primes[-2::-1], strict=True):
                deltas.insert(0, bp2(W_next, deltas[0], sigma_prime, self.matmul))
                made_by.insert(0, bp2.tag)
            nabla_b = [bp3(delta, self.matmul) for delta in deltas]
            nabla_w = [bp4(a, delta, self.matmul) for a, delta in zip(activations[:-1], deltas, strict=True)]
        cost = add_up(costs.tolist())
        return Backprop(zs, activations, weights, self.matmul, grad_a, deltas, made_by, nabla_w, nabla_b, costs, cost)

    def predict(self, x: Any) -> Array:
        """The class of each sample, (B,) ints: the unit with the largest output (the first one on a tie).

        With one output unit: 1 where the output is ≥ 0.5, else 0.
        Errors: as `forward`; ValueError where an output is NaN, which is no answer.
        """
        return classes.predicted(self.feedforward(x))

    def accuracy(self, x: Any, y: Any) -> float:
        """The fraction of samples whose predicted class is the one in y.

        y: labels (B,), ints from 0 to n_L − 1 (0 or 1 for one output unit); or one-hot columns (n_L, B) (for
        one output unit (1, B) of 0 and 1). Errors: as `predict`; ValueError or TypeError for other y.
        """
        return classes.accuracy(self.feedforward(x), y)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to `path` (an .npz file; the name is taken as it is), whole or not at all.

        Not saved: matmul. Errors: TypeError for parameters that are not float64; ValueError for parameters
        that are not finite, and for an Activation or Cost of the caller's own, which no file can hold;
        OSError.
        """
        for sigma in self.activation_functions:
            if ACTIVATIONS.get(sigma.name) != sigma:
                raise ValueError(f"save: activation {sigma.name!r} is not one of {', '.join(ACTIVATIONS)}")
        if COSTS.get(self.cost.name) != self.cost:
            raise ValueError(f"save: cost {self.cost.name!r} is not one of {', '.join(COSTS)}")
        about = {
            "sizes": self.sizes,
            "activations": [sigma.name for sigma in self.activation_functions],
            "cost": self.cost.name,
            "shortcut": self.shortcut,
        }
        parameters = {"weights": self._weights, "biases": self._biases}
        for name, value in parameters.items():
            arrays = checks.parameters(name, value, self.sizes)
            checks.floats("save", name, arrays)
            for i, array in enumerate(arrays):
                checks.finite(f"{name}[{i}]", array)
        save_network(path, about, parameters)

    @classmethod
    def load(cls, path: str | os.PathLike[str], matmul: Matmul | None = None) -> "Network":
        """The network that `save` wrote to `path`. Loading runs no code from the file.

        Errors: OSError if the file cannot be opened; ValueError if it is not one that `save` wrote.
        """
        about, parameters = load_network(path)
        try:
            network = cls(about["sizes"], about["activations"], about["cost"], 0, matmul, about["shortcut"])
            network.weights, network.biases = parameters["weights"], parameters["biases"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)}: not a network saved by Network.save ({error!r})") from error
        return network

    @classmethod
    def from_torch(cls, sequential: Any, cost: str | Cost = "quadratic") -> "Network":
        """The network of a torch.nn.Sequential of Linear and activations (see `explicit.pytorch`).

        Weights and biases are copied, as float64. Errors: ImportError without torch (extra `torch`); TypeError;
        ValueError for a module that has no counterpart here, naming its index and type.
        """
        from explicit.pytorch import from_torch

        weights, biases, activations = from_torch(sequential)
        network = cls([weights[0].shape[1], *map(len, weights)], activations, cost)
        network.weights, network.biases = weights, biases
        return network

    def to_torch(self) -> Any:
        """A torch.nn.Sequential in float64 with copies of this network's weights, biases and activations.

        Errors: ImportError without torch (extra `torch`); TypeError for parameters that are not float64; ValueError
        for an Activation of the caller's own.
        """
        from explicit.pytorch import to_torch

        return to_torch(self._weights, self._biases, self.activation_functions)
