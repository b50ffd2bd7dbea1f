"""The arithmetics in which the two sides can be run.  One mechanism: the same code, other numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.numbers.field import Functions
from compare.numbers.rational import Rational
from engine import Value
from engine.notation import symbol
from engine.ops import TABLE, Op
from explicit import ACTIVATIONS, Activation, Network
from explicit.elementwise import Array, apply, objects


@dataclass(frozen=True)
class Arithmetic:
    """A kind of number: its name, what equality means in it, and how a float becomes one.

    convert:     one number of the caller's → one number of this kind
    refuses:     a network → why it has no meaning in this arithmetic, or "" where it has
    activations: a network → what stands for its activations, per layer of weights
    named:       whether the numbers do not count: each becomes the symbol of its place, w²₁₁, a¹₁, …
    word:        what a verdict says when all is equal
    """

    name: str
    equality: str
    convert: Callable[[Any], Any]
    refuses: Callable[[Network], str] = lambda network: ""
    activations: Callable[[Network], list[Activation]] = lambda network: network.activation_functions
    named: bool = False
    word: str = "EXACT"

    def array(self, name: str, values: Any) -> Array:
        """The values as an array of this kind of number.

        Raises
        ------
        TypeError, ValueError
            A value is none; the message names the argument.
        """
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise ValueError(f"{name}: expected rows of equal length ({error})") from error
        if self.named:
            return self._symbols(name, array)
        if self.name == "float64":
            if array.dtype == object:
                kinds = ", ".join(dict.fromkeys(type(v).__name__ for v in array.flat)) or "objects"
                raise TypeError(
                    f"{name}: expected floats, got an array of {kinds}; "
                    f"name the arithmetic, e.g. arithmetic='rational'"
                )
            if array.dtype.kind not in "fiub":
                raise TypeError(f"{name}: expected real numbers, got an array of dtype {array.dtype}")
            return array.astype(np.float64)
        try:
            numbers = [self.convert(v) for v in array.ravel().tolist()]
        except (ArithmeticError, TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        return objects(numbers, array.shape)

    def _symbols(self, name: str, array: Array) -> Array:
        letter, layer = {"x": ("a", 1), "y": ("y", None)}.get(name, (name[0], None))
        if letter in "ay" and array.ndim == 2 and array.shape[1] != 1:
            raise ValueError(f"{name}: formulas are for one sample, got {array.shape[1]}")
        if layer is None and letter != "y":
            layer = int(name.partition("[")[2][:-1]) + 2  # weights[0] belongs to layer 2
        made = np.empty(array.shape, dtype=object)
        for place in np.ndindex(array.shape):
            indices = [i + 1 for i in (place if letter == "w" else place[:1])]
            made[place] = self.convert(symbol(letter, layer, *indices))
        return made

    def network(self, network: Network) -> Network:
        """A copy of the network whose parameters are numbers of this kind.

        Raises
        ------
        ValueError
            The network has no meaning in this arithmetic.
        """
        why = self.refuses(network)
        if why:
            raise ValueError(f"arithmetic={self.name!r}: {why}")
        converted = network.with_parameters(
            [self.array(f"weights[{i}]", w) for i, w in enumerate(network.weights)],
            [self.array(f"biases[{i}]", b) for i, b in enumerate(network.biases)],
        )
        converted.activation_functions = self.activations(network)
        return converted


def float64() -> Arithmetic:
    """Floats; equal is identical in bits."""
    return Arithmetic("float64", "identical bits", float)


def rational() -> Arithmetic:
    """Exact ratios of integers, for networks that stay among them."""
    return Arithmetic("rational", "exactly equal rational numbers", Rational, not_rational)


def finite_field(seed: int = 0, functions: Functions | None = None) -> Arithmetic:
    """GF(2⁶¹ − 1), where σ and σ′ of each layer are independent random functions."""
    return Arithmetic(
        "finite field",
        "equal in GF(2⁶¹ − 1), σ and σ′ of each layer two independent random functions",
        (functions or Functions(seed)).element,
        activations=any_sigma,
    )


def ball() -> Arithmetic:
    """Intervals that enclose the true numbers, at flint's working precision."""
    from compare.numbers.ball import Ball

    return Arithmetic("ball", "enclosures that overlap", Ball, word="CONSISTENT")


def symbolic() -> Arithmetic:
    """Formulas in the symbols of a network's numbers; σ and σ′ of each layer are function symbols."""
    from compare.numbers.formula import Formula

    names: dict[Any, Any] = {}  # of both sides: they must name the same pre-activation alike
    return Arithmetic(
        "symbolic",
        "a difference that simplifies to 0",
        lambda name: Formula.named(name, names),
        refuses=_not_small,
        activations=any_sigma,
        named=True,
    )


def _not_small(network: Network) -> str:
    units = sum(network.sizes)
    return "" if units <= 40 else f"formulas are for small networks, of up to 40 units; this one has {units}"


ARITHMETICS: dict[str, Callable[[], Arithmetic]] = {
    "float64": float64,
    "rational": rational,
    "finite field": finite_field,
    "ball": ball,
    "symbolic": symbolic,
}


def any_sigma(network: Network) -> list[Activation]:
    """σ and σ′ as whatever the numbers say they are: their methods `sigma` and `sigma_prime`.

    Where δᴸ = a − y is used, the outputs stay sigmoid: the short cut holds for no other σ.
    """
    sigmas = [_sigma(layer) for layer in range(2, len(network.sizes) + 1)]
    return [*sigmas[:-1], network.activation_functions[-1]] if network.shortcut else sigmas


def _sigma(layer: int) -> Activation:
    row = Op("sigma", "σ", "sigma(x, c)", "sigma_prime(x, c)", c=layer, samples=())
    on_values = TABLE.function(row)

    def function(z: Array) -> Array:
        return apply(lambda e: on_values(e) if isinstance(e, Value) else e.sigma(layer), z)

    def derivative(z: Array, a: Array) -> Array:
        return apply(lambda e: e.sigma_prime(layer), z)

    return Activation("any σ", function, derivative)


def not_rational(network: Network) -> str:
    """Why a network leads out of the rational numbers; "" if it does not: its functions are tried at halves."""
    for sigma in network.activation_functions:
        why = _sigma_leaves(sigma)
        if why:
            rational = ", ".join(name for name, row in ACTIVATIONS.items() if not _sigma_leaves(row))
            return (
                f"activation {sigma.name!r} leads out of the rational numbers ({why}; rational are {rational}); "
                f"use arithmetic='finite field', which serves every activation, or 'ball'"
            )
    a, y = _halves(1, 1), _halves(0, 2)
    why = _leaves(lambda: [network.cost.cost(a, y), network.cost.gradient(a, y)])
    return why and (
        f"cost {network.cost.name!r} leads out of the rational numbers ({why}); "
        f"use cost='quadratic', or arithmetic='finite field' or 'ball'"
    )


def _sigma_leaves(sigma: Activation) -> str:
    z = _halves(1, -1)
    return _leaves(lambda: [a := sigma.function(z), sigma.derivative(z, a)])


def _halves(*numerators: int) -> Array:
    return np.array([[Rational(n, 2)] for n in numerators], dtype=object)


def _leaves(run: Callable[[], list[Array]]) -> str:
    """Why what `run` makes of rational numbers is none; "" where it is, or has no value here."""
    try:
        found = run()
    except TypeError as error:
        return str(error)
    except (ArithmeticError, ValueError):
        return ""
    others = {type(v).__name__ for array in found for v in np.ravel(array) if not isinstance(v, (Rational, int))}
    return f"it makes a {others.pop()} of them" if others else ""
