"""Any network of layers: a list of uses in forward order, and backpropagation by their equations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, SupportsIndex

import numpy as np

from explicit import checks
from explicit.elementwise import Array
from explicit.layers.costs import COST_LAYERS
from explicit.layers.layer import At, Layer, Total, nothing
from explicit.sums import add_up


@dataclass(frozen=True)
class Use:
    """One use of a layer.

    layer:       what it computes
    name:        what its quantities are called by: "conv1" makes "conv1.z"
    reads:       what it reads, in the order of `layer.reads`: names of uses (their output), of quantities
                 ("lstm1.c_new"), or of inputs of the model
    parameters:  for a parameter of the layer the name that it has in the model; two uses that name one share it

    Left out, the name is the layer's kind with a number, the reads are the use before it (the input "x" for the
    first), and parameters are called by the use: "conv1.W".
    """

    layer: Layer
    name: str = ""
    reads: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Record:
    """Everything that one forward and one backward pass through a model computed, for B samples.

    values:     every quantity by name, inputs too; samples in the last axis
    deltas:     δ = ∂C/∂quantity of each, but for data
    made_by:    for each δ, the tags of the equations that added to it, the last reader first
    gradients:  ∂C/∂parameter by name, summed over the samples
    costs:      C of each sample, (B,)
    cost:       their sum, samples ascending
    """

    values: dict[str, Array]
    deltas: dict[str, Array]
    made_by: dict[str, tuple[str, ...]]
    gradients: dict[str, Array]
    costs: Array
    cost: Any


class Model:
    """A network of layers: a sequence, or uses with names where layers branch, join or share parameters.

    layers:  layers, or `Use`s of them, in forward order
    cost:    a name in COST_LAYERS or a cost layer, which reads the last output and the targets "y"; None where costs
             stand among the layers
    seed:    of the initial parameters: weights normal over √(inputs of a unit), biases 0, scales of norms 1

    Backward, uses come from the last to the first, and in each the equations in their order.  Every δ is one running
    total over all that read the quantity.
    Errors: TypeError or ValueError that name the layer or the argument.

    >>> from explicit.layers import Dense, Sigma
    >>> model = Model([Dense(2, 3), Sigma("tanh"), Dense(3, 1)])
    >>> record = model.backprop(np.array([[0.5], [-1.0]]), np.array([[1.0]]))
    >>> record.made_by["tanh1.a"], record.gradients["dense2.W"].shape
    (('BP2 dense',), (1, 3))
    """

    def __init__(
        self,
        layers: Iterable[Layer | Use],
        cost: str | Layer | None = "quadratic",
        seed: SupportsIndex = 0,
    ) -> None:
        self.uses = _named([*layers, *([] if cost is None else [_cost_use(cost)])])
        if not any(use.layer.is_cost for use in self.uses):
            raise ValueError("cost: expected a cost, or a cost layer among the layers")
        self.inputs, self.data = _sources(self.uses)
        self.couples = any(use.layer.couples for use in self.uses)
        self._parameters = _initial(self.uses, np.random.RandomState(checks.seed_number(seed)))

    def __repr__(self) -> str:
        return f"Model({', '.join(use.name for use in self.uses)})"

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by name.  Assigning a dict copies its arrays, and refuses wrong names and shapes, inf, NaN."""
        return self._parameters

    @parameters.setter
    def parameters(self, value: Mapping[str, Any]) -> None:
        fitting = self._fitting(value)
        for name, array in fitting.items():
            checks.finite(f"parameters[{name!r}]", array)
        self._parameters = {name: array.copy() for name, array in fitting.items()}

    def _fitting(self, value: Mapping[str, Any]) -> dict[str, Array]:
        if set(value) != set(self._parameters):
            raise ValueError(f"parameters: expected {', '.join(self._parameters)}, got {', '.join(value)}")
        arrays = {name: checks.number_array(f"parameters[{name!r}]", value[name]) for name in self._parameters}
        for name, array in arrays.items():
            shape = self._parameters[name].shape
            if array.shape != shape:
                raise ValueError(f"parameters[{name!r}]: expected shape {shape}, got {array.shape}")
        return arrays

    def forward(self, inputs: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> dict[str, Array]:
        """Every quantity by name, for inputs by name.

        parameters: used in the place of the model's own.  Arrays of any numbers run through the same code: with numbers
        that record what is done to them this traces the graph.
        Errors: TypeError, ValueError that name the layer and what it reads.
        """
        return self._forward(inputs, parameters)[0]

    def _forward(
        self, inputs: Mapping[str, Any], parameters: Mapping[str, Any] | None
    ) -> tuple[dict[str, Array], list[At]]:
        values = {name: checks.number_array(name, inputs[name]) for name in self.inputs if name in inputs}
        for name in self.inputs:
            if name not in values:
                raise ValueError(f"inputs: expected {', '.join(self.inputs)}; {name!r} is missing")
        own = self._fitting(self._parameters if parameters is None else parameters)
        places: list[At] = []
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for use in self.uses:
                read = {r: values[name] for r, name in zip(use.layer.reads, use.reads, strict=True)}
                _fits(use, [array.shape[:-1] for array in read.values()])
                at = At(**read, **{p: own[name] for p, name in use.parameters.items()})
                use.layer.forward(at)
                values |= {f"{use.name}.{made}": getattr(at, made) for made in use.layer.makes}
                places.append(at)
        return values, places

    def backprop(self, x: Any = None, y: Any = None, **inputs: Any) -> Record:
        """The forward pass, then every equation of every use, from the last use to the first.

        x, y: inputs and targets, samples in the last axis; further inputs of the model by name.
        Errors: as `forward`.
        """
        given = {"x": x, "y": y, **inputs}
        values, places = self._forward({n: v for n, v in given.items() if v is not None}, None)
        samples = values[self.inputs[0]].shape[-1]
        deltas = {n: nothing(v.shape, _kind(values)) for n, v in values.items() if n not in self.data}
        made_by: dict[str, list[str]] = {name: [] for name in deltas}
        totals = {n: Total(p, samples, self.couples) for n, p in self._parameters.items()}
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for use, at in zip(reversed(self.uses), reversed(places), strict=True):
                names = {r: n for r, n in zip(use.layer.reads, use.reads, strict=True) if n in deltas}
                names |= {made: f"{use.name}.{made}" for made in use.layer.makes}
                if use.layer.is_cost:
                    deltas[f"{use.name}.C"] = np.ones_like(values[f"{use.name}.C"])
                at.d = SimpleNamespace(
                    **{q: deltas[name] for q, name in names.items()},
                    **{p: totals[name] for p, name in use.parameters.items()},
                )
                for equation in use.layer.equations:
                    if not all(hasattr(at.d, q) for q in equation.quantities):
                        continue  # it leads to data
                    equation.run(use.layer, at)
                    for q in equation.quantities:
                        if q in names:
                            made_by[names[q]].append(equation.tag(use.layer, q))
        costs = add_up(values[f"{use.name}.C"] for use in self.uses if use.layer.is_cost)
        gradients = {name: total.sum() for name, total in totals.items()}
        tags = {name: tuple(by) for name, by in made_by.items()}
        return Record(values, deltas, tags, gradients, costs, add_up(costs.tolist()))


def _kind(values: Mapping[str, Array]) -> Any:
    """The dtype of δ: objects if anything is."""
    return np.dtype(object if any(v.dtype.hasobject for v in values.values()) else np.float64)


def _cost_use(cost: str | Layer) -> Use:
    if isinstance(cost, str):
        if cost not in COST_LAYERS:
            raise ValueError(f"cost: unknown name {cost!r}; known: {', '.join(COST_LAYERS)}")
        cost = COST_LAYERS[cost]()
    if not (isinstance(cost, Layer) and cost.is_cost):
        raise TypeError(f"cost: expected a name, a cost layer or None, got {cost!r:.60}")
    return Use(cost, "cost")


def _named(layers: Sequence[Any]) -> list[Use]:
    """Uses with names, reads and names of parameters filled in."""
    uses: list[Use] = []
    counts: dict[str, int] = {}
    outputs: dict[str, str] = {}
    for item in layers:
        use = Use(item) if isinstance(item, Layer) else item
        if not isinstance(use, Use):
            raise TypeError(f"layers: expected layers or uses of layers, got {item!r:.60}")
        layer = use.layer
        counts[layer.kind] = counts.get(layer.kind, 0) + 1
        name = use.name or f"{layer.kind}{counts[layer.kind]}"
        if name in outputs or "." in name:
            raise ValueError(f"layers: expected a name of its own without a dot for each use, got {name!r}")
        given = use.reads or ((uses[-1].name if uses else "x"), *layer.data)
        if len(given) != len(layer.reads):
            raise ValueError(f"{name}: expected reads for {', '.join(layer.reads)}, got {', '.join(given)}")
        unknown = set(use.parameters) - set(layer.parameters)
        if unknown:
            raise ValueError(f"{name}: its parameters are {', '.join(layer.parameters)}, got {', '.join(unknown)}")
        parameters = {p: use.parameters.get(p, f"{name}.{p}") for p in layer.parameters}
        uses.append(Use(layer, name, tuple(outputs.get(r, r) for r in given), parameters))
        outputs[name] = f"{name}.{layer.makes[-1]}"
    return uses


def _sources(uses: Sequence[Use]) -> tuple[list[str], set[str]]:
    """The names of the model's inputs in the order in which they are read, and those of them that are data."""
    made: set[str] = set()
    inputs: dict[str, bool] = {}
    for use in uses:
        for read, name in zip(use.layer.reads, use.reads, strict=True):
            if name in made:
                if read in use.layer.data:
                    raise ValueError(f"{use.name}: {read} is data, and {name!r} is made by a layer")
                continue
            if "." in name:
                raise ValueError(f"{use.name}: reads {name!r}, which no use before it makes")
            inputs[name] = inputs.get(name, True) and read in use.layer.data
        made |= {f"{use.name}.{m}" for m in use.layer.makes}
    return list(inputs), {name for name, is_data in inputs.items() if is_data}


def _initial(uses: Sequence[Use], random: np.random.RandomState) -> dict[str, Array]:
    """Initial parameters by name; one that is shared is drawn once."""
    arrays: dict[str, Array] = {}
    for use in uses:
        for parameter, shape in use.layer.shapes().items():
            name = use.parameters[parameter]
            if name not in arrays:
                arrays[name] = use.layer.initial(parameter, shape, random)
            elif arrays[name].shape != shape:
                elsewhere = arrays[name].shape
                raise ValueError(f"{use.name}: parameter {name!r} has shape {elsewhere} elsewhere, here {shape}")
    return arrays


def _fits(use: Use, shapes: list[tuple[int, ...]]) -> None:
    try:
        use.layer.output(*shapes)
    except ValueError as error:
        raise ValueError(f"{use.name}, which reads {', '.join(use.reads)}: {error}") from None
