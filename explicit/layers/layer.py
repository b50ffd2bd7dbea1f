"""The protocol of a layer: what it reads and makes, its parameters, forward, and its equations in order.

Every δ and every gradient is one running total that begins with −0.0 and is continued by ``+=`` over all that read the
quantity: −0.0 is the neutral element of float addition (−0.0 + x = x for every x, zeros included), so the first
contribution arrives as it is.  Exact numbers begin with the int 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from explicit.elementwise import Array
from explicit.sums import add_up


@dataclass(frozen=True)
class Equation:
    """One equation of a layer.

    quantities:  what δ, or the gradients of what parameters, it adds to; several where their terms come by turns
    formula:     as a book writes it
    run:         (layer, at): reads values and δ of a use of the layer, and adds to the totals of `quantities`
    """

    quantities: tuple[str, ...]
    formula: str
    run: Callable[[Any, Any], None]

    def tag(self, layer: "Layer", quantity: str) -> str:
        """BP2 leads to what a layer reads, BP3 to its biases, BP4 to its weights; an inner δ is called by its name."""
        if quantity in layer.reads:
            return f"{'BP1' if layer.is_cost else 'BP2'} {layer.kind}"
        if quantity in layer.parameters:
            return f"{'BP3' if quantity in layer.biases else 'BP4'} {layer.kind}"
        return f"δ{quantity} {layer.kind}"


def equation(quantities: str, formula: str) -> Callable[[Callable[[Any, Any], None]], Equation]:
    """Decorator: make a method of a layer, which takes the values and δ of one use (`At`), an `Equation`.

    quantities: the names that it adds to, with blanks between them
    """
    return lambda run: Equation(tuple(quantities.split()), formula, run)


class At(SimpleNamespace):
    """What one use of a layer has at hand: what it read, its parameters and what it made, by name; `d` has δ."""

    d: SimpleNamespace

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the layer has made no {name!r}")


class Layer:
    """A kind of layer.

    reads:       names of what it reads, in order
    makes:       names of the arrays that it makes, in forward order; the last one is its output
    parameters:  names of its parameters; `biases` says which of them are biases
    data:        which of `reads` are plain numbers that nothing is differentiated by: targets, masks, tokens
    whole:       which of `data` are whole numbers that choose: tokens, class numbers
    couples:     whether samples meet in it, as in batch norm
    """

    reads: tuple[str, ...] = ("a",)
    makes: tuple[str, ...] = ("z",)
    parameters: tuple[str, ...] = ()
    biases: tuple[str, ...] = ("b",)
    data: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    couples: bool = False
    is_cost: bool = False

    @property
    def kind(self) -> str:
        """What equations and default names call the layer: the name of its class in small letters."""
        return type(self).__name__.lower()

    @property
    def equations(self) -> list[Equation]:
        """The equations in the order in which the backward pass runs them: that of their definition.

        A class that writes one of its base's anew leaves it in its place.
        """
        found: dict[str, Equation] = {}
        for kind in reversed(type(self).__mro__):
            found |= {name: item for name, item in vars(kind).items() if isinstance(item, Equation)}
        known = {*self.reads, *self.makes, *self.parameters}
        return [e for e in found.values() if known.issuperset(e.quantities)]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter."""
        return {}

    def initial(self, name: str, shape: tuple[int, ...], random: np.random.RandomState) -> Array:
        """Initial numbers of a parameter: biases 0, weights normal over the square root of a unit's inputs."""
        if name in self.biases:
            return np.zeros(shape)
        return random.randn(*shape) / np.sqrt(np.prod(shape[1:]))

    def output(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, without samples, for the shapes of what is read.

        Errors: ValueError that says what was expected.
        """
        return shapes[0]

    def forward(self, at: Any) -> None:
        """Make every array in `makes`, from what `at` holds."""
        raise NotImplementedError


class Total:
    """∂C/∂parameter: terms come one per sample, samples last.

    Without coupling each sample has a graph of its own, so a total per sample is kept, and at the end samples are
    added in ascending order.  A layer that couples makes one graph of the batch: each term takes its samples from the
    last to the first.
    """

    def __init__(self, like: Array, samples: int, coupled: bool) -> None:
        self.coupled = coupled
        self._total = nothing(like.shape if coupled else (*like.shape, samples), like.dtype)

    def add(self, term: Array, at: Any = ...) -> None:
        """Add a term, (…, B), to the part `at` of the parameter."""
        if self.coupled:
            for s in down(term.shape[-1]):
                self._total[at] += term[..., s]
        else:
            self._total[at] += term

    def add_sample(self, term: Array, s: int, at: Any = ...) -> None:
        """Add the term of one sample, to the part `at` of the parameter."""
        total = self._total if self.coupled else self._total[..., s]
        total[at] += term

    def sum(self) -> Array:
        """The gradient, in the parameter's shape."""
        if self.coupled:
            return self._total
        total: Array = add_up(self._total[..., s] for s in range(self._total.shape[-1]))
        return total.copy()


def nothing(shape: tuple[int, ...], dtype: Any) -> Array:
    """The neutral element of addition, in an array: −0.0, or the int 0 beside other numbers.

    >>> nothing((1,), np.dtype(float))
    array([-0.])
    """
    return np.full(shape, 0, dtype=object) if np.dtype(dtype).hasobject else np.full(shape, -0.0)


def down(count: int) -> Iterator[int]:
    """Indices from the last to the first: the order in which the pass meets what was added in ascending order."""
    return reversed(range(count))


def positions(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The places of an array, in reading order, from the last to the first."""
    return reversed(list(np.ndindex(shape)))


def divided(delta: Array, n: Any) -> Array:
    """What x/n passes on, δ · (1/n): the partial is rounded first, as the graph does it.  Exact numbers stay exact."""
    return delta / n if delta.dtype.hasobject else delta * (1 / n)


def unit(a: Array, j: int) -> Array:
    """Unit j of the features, at every position: (…, 1, B)."""
    return a[..., j : j + 1, :]


def pull_back_into(total: Array, W: Array, delta: Array) -> None:
    """total += Wᵀδ at every position, units from the last to the first; W (n, m), delta (…, n, B)."""
    for j in down(W.shape[0]):
        total += unit(delta, j) * W[j, :, np.newaxis]


def outer(delta: Array, a: Array) -> Array:
    """δⱼaₖ of each sample, (n, m, B), for delta (n, B) and a (m, B)."""
    return delta[:, np.newaxis] * a[np.newaxis]


def expected(what: str, shape: tuple[int, ...]) -> ValueError:
    """An error about the shape of what a layer reads; the model puts the names of the two layers before it."""
    return ValueError(f"expected {what}, got shape {shape} per sample")
