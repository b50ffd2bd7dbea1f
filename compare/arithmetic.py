"""The arithmetics in which the two sides can be run.  One mechanism: the same code, other numbers."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compare.rational import Rational
from explicit import Network

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Arithmetic:
    """A kind of number: its name, what equality means in it, and how a float becomes one.

    convert:   one number of the caller's → one number of this kind
    refuses:   a network → why it has no meaning in this arithmetic, or "" where it has
    """

    name: str
    equality: str
    convert: Callable[[Any], Any]
    refuses: Callable[[Network], str] = lambda network: ""

    def array(self, name: str, values: Any) -> Array:
        """The values as an array of this kind of number.

        Raises
        ------
        TypeError, ValueError
            A value is none; the message names the argument.
        """
        array = np.asarray(values)
        if self.name == "float64":
            if array.dtype == object:
                raise TypeError(
                    f"{name}: expected floats, got an array of {type(array.ravel()[0]).__name__}; "
                    f"name the arithmetic, e.g. arithmetic='rational'"
                )
            return array.astype(np.float64)
        try:
            numbers = [self.convert(v) for v in array.ravel().tolist()]
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        return np.fromiter(numbers, dtype=object, count=array.size).reshape(array.shape)

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
        converted = copy.copy(network)
        # Items and not the properties: a network with inf in it can be compared too.
        converted._weights = [self.array(f"weights[{i}]", w) for i, w in enumerate(network.weights)]
        converted._biases = [self.array(f"biases[{i}]", b) for i, b in enumerate(network.biases)]
        return converted


_WITHOUT_RATIONAL = {"sigmoid": "exp", "tanh": "tanh", "softplus": "log and exp"}


def _not_rational(network: Network) -> str:
    for activation in network.activation_functions:
        if activation.name in _WITHOUT_RATIONAL:
            needs = _WITHOUT_RATIONAL[activation.name]
            return (
                f"activation {activation.name!r} needs {needs}, which leads out of the rational numbers; "
                f"rational are relu, leaky_relu, identity and softsign"
            )
    if network.cost.name == "cross_entropy":
        return "cost 'cross_entropy' needs log, which leads out of the rational numbers; use 'quadratic'"
    return ""


FLOAT64 = Arithmetic("float64", "identical bits", float)
RATIONAL = Arithmetic("rational", "exactly equal rational numbers", Rational, _not_rational)
ARITHMETICS = {a.name: a for a in (FLOAT64, RATIONAL)}
