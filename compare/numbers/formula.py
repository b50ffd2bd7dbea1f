"""Formulas: numbers that are sympy expressions, for reading what δ and the adjoint are."""

from typing import Any

from compare.extras import need
from compare.numbers.operators import Operators
from engine.notation import symbol

sympy = need("sympy", "symbolic", "formulas")


class Formula(Operators):
    """A sympy expression that keeps the scalar protocol.

    σ and σ′ of a layer are function symbols, applied to the pre-activations by name: the units of a
    layer are named a²₁, a²₂, … and σ′(z²₁), … in the order in which they are first asked for.  `names`
    holds what has been named: one dictionary for both sides of a comparison.

    ``==`` asks whether the difference simplifies to 0.  Ordering is refused.
    """

    __slots__ = ("expression", "names")
    expression: Any

    def __init__(self, expression: Any, names: dict[Any, Any] | None = None) -> None:
        if isinstance(expression, Formula):
            expression, names = expression.expression, expression.names
        if isinstance(expression, float):
            expression = sympy.Rational(expression)
        self.expression = sympy.sympify(expression)
        self.names: dict[Any, Any] = {} if names is None else names

    @classmethod
    def named(cls, name: str, names: dict[Any, Any]) -> "Formula":
        """The symbol of that name; `names` is the dictionary that both sides share."""
        return cls(sympy.Symbol(name), names)

    def lift(self, constant: Any) -> "Formula":
        """A constant as a formula (the scalar protocol)."""
        return Formula(constant, self.names)

    def __repr__(self) -> str:
        return f"Formula({self.expression})"

    def __str__(self) -> str:
        return str(self.expression)

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return str(sympy.latex(self.expression, symbol_names=_LatexNames()))

    def _named(self, kind: str, layer: int) -> "Formula":
        units = self.names.setdefault(layer, {})
        key = sympy.expand(self.expression)
        unit = units.setdefault(key, len(units) + 1)
        name = symbol("a" if kind == "a" else "z", layer, unit)
        made = sympy.Symbol(name)
        return Formula(made if kind == "a" else sympy.Function("σ′")(made), self.names)

    def sigma(self, layer: int) -> "Formula":
        """aˡⱼ = σ(zˡⱼ), as a symbol."""
        return self._named("a", layer)

    def sigma_prime(self, layer: int) -> "Formula":
        """σ′(zˡⱼ), as a function of a symbol."""
        return self._named("z", layer)

    def log(self) -> "Formula":
        """ln."""
        return Formula(sympy.log(self.expression), self.names)

    def exp(self) -> "Formula":
        """eᶻ."""
        return Formula(sympy.exp(self.expression), self.names)

    def sigmoid(self) -> "Formula":
        """1/(1 + e⁻ᶻ)."""
        return Formula(1 / (1 + sympy.exp(-self.expression)), self.names)

    def __neg__(self) -> "Formula":
        return Formula(-self.expression, self.names)

    def __pow__(self, exponent: Any) -> "Formula":
        return Formula(self.expression ** Formula(exponent).expression, self.names)

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, (Formula, int, float)):
            return NotImplemented
        difference = self.expression - Formula(other).expression
        return bool(sympy.expand(difference) == 0 or sympy.simplify(difference) == 0)

    __hash__ = None  # type: ignore[assignment]

    def _ordered(self, holds: Any, other: Any) -> Any:
        raise TypeError("a formula has no order; use arithmetic='rational' or 'ball'")

    def _inner(self, other: Any) -> Any:
        return Formula(other).expression if isinstance(other, (Formula, int, float)) else None

    def _outer(self, inner: Any) -> "Formula":
        return Formula(inner, self.names)


class _LatexNames(dict[Any, str]):
    """z²₁ as z^{2}_{1}: the digits of our names, back on the line."""

    def get(self, key: Any, default: Any = None) -> Any:
        return _latex(str(key)) if str(key) else default

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: Any) -> str:
        return _latex(str(key))


_UP, _DOWN = "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉"


def _latex(name: str) -> str:
    up = "".join(str(_UP.index(c)) for c in name if c in _UP)
    down = "".join(str(_DOWN.index(c)) if c in _DOWN else c for c in name[1:] if c in _DOWN or c == ",")
    return name[0] + (f"^{{{up}}}" if up else "") + (f"_{{{down}}}" if down else "")
