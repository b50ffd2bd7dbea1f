"""Graph: a picture of a graph of Values, which draws itself when it is asked to."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.drawing import engines
from engine.drawing.dot import content_prefix, digraph
from engine.drawing.scene import Beside, Scene
from engine.drawing.survey import Node, Survey
from engine.drawing.text import clipped
from engine.drawing.unit_scene import collapsed_scene
from engine.drawing.value_scene import Boxes, value_scene
from engine.files import write_whole

if TYPE_CHECKING:
    import graphviz

LEVELS = ("auto", "value", "unit", "layer")
VALUES = 100  # values that "auto" draws one by one
BOXES = 100  # boxes that "auto" draws neuron by neuron
SHOWN = 1_000  # shapes (or edges) that a notebook lays out without being asked
KINDS = (".svg", ".dot", ".png", ".pdf")


class Graph:
    """A picture of the graph below a Value, with the numbers that it had when the picture was made.

    Parameters
    ----------
    root : the Value whose graph it is
    level : "value" (a box per Value, a circle per op), "unit" (a box per neuron: z, a, δ), "layer" (a
        box per layer); "auto" is the first of these with at most 100 values or boxes, else "layer" (and
        "value" for a graph whose labels name no neurons)
    digits : significant digits of the numbers, 1 to 17; titles have them in full
    fold_sums : whether z = ((b + w₁a₁) + w₂a₂) + … is one ∑ at level "value".  Nothing is hidden but the
        partial sums' data: a partial sum is folded only if it has no label, one child, and bit for bit
        the adjoint of z.  False draws every node
    parameters : leaves to draw as parameters, beside those whose label starts with w or b
    prefix : of the ids in the SVG; unless given, a digest of the content, so that two pictures can
        share a page (the same picture twice needs two prefixes)
    beside : a second number for some nodes (compare's δ), with the verdict

    Attributes
    ----------
    level : "value", "unit" or "layer"
    note : one line: what was drawn, what was put together, and, once it is drawn, by which engine

    Raises
    ------
    ValueError
        level, digits or prefix is none; level "unit" or "layer" of a graph without neurons.

    >>> from engine import Value
    >>> w, x = Value(-3.0, label="w"), Value(2.0, label="x")
    >>> graph = (w * x).graph()
    >>> graph
    <Graph: 3 values, level value>
    >>> "w·x" in graph.svg(engine="grid")
    True
    """

    def __init__(
        self,
        root: Node,
        level: str = "auto",
        digits: int = 5,
        fold_sums: bool = True,
        parameters: Iterable[Node] = (),
        prefix: str | None = None,
        beside: Mapping[Any, Beside] | None = None,
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"graph(level): expected one of {', '.join(LEVELS)}; got {level!r}")
        if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 17:
            raise ValueError(f"graph(digits): expected an int from 1 to 17, got {digits!r}")
        if prefix is not None and not (
            prefix[:1].isalpha() and prefix.replace("-", "").replace("_", "").isalnum() and prefix.isascii()
        ):
            raise ValueError(f"graph(prefix): expected letters, digits, - and _, a letter first; got {prefix!r}")
        with _no_collection():
            survey = Survey(root, frozenset(parameters))
        if level in ("unit", "layer") and not survey.neurons:
            raise ValueError(
                f"graph(level={level!r}): no label names a neuron as z²₁ does (engine.notation.symbol), so "
                f"there is nothing to collapse; use level='value'"
            )
        with _no_collection():
            self._scene = _scene(survey, Boxes(survey, digits, beside or {}), level, fold_sums)
        self.level = self._scene.level
        self.prefix = content_prefix(self._scene) if prefix is None else prefix
        self._index = survey.index
        self._title = f"Computation graph of {clipped(root.label) or 'a value'}, level {self.level}"
        self._drawn: dict[str | None, engines.Drawn] = {}
        self._by = ""

    def __repr__(self) -> str:
        return f"<Graph: {self.note}>"

    @property
    def note(self) -> str:
        """One line for the reader: what was drawn, what was put together, and by which engine."""
        return f"{self._what}; drawn by {self._by}" if self._by else self._what

    @property
    def _what(self) -> str:
        scene = self._scene
        folded = f" ({'; '.join(scene.folded)})" if scene.folded else ""
        return f"{scene.what}, level {scene.level}{folded}"

    def id_of(self, node: Node) -> str:
        """The id that the node's box has in the SVG of level "value".

        Raises
        ------
        KeyError
            The node is not in the graph.
        """
        return f"{self.prefix}n{self._index[node]}"

    def to_dot(self) -> graphviz.Digraph:
        """The graph as a `graphviz.Digraph`, to restyle and to render: change its graph_attr, node_attr,
        edge_attr or body.  The same graph gives the same text, byte for byte.  Each call gives a new one.
        """
        return digraph(self._scene, self.prefix)

    def svg(self, engine: str | None = None) -> str:
        """The picture as SVG text.

        Parameters
        ----------
        engine : "native" (the program dot), "embedded" (Graphviz as WebAssembly) or "grid" (our own);
            unless given the first of these that can draw it within 10 s.  Graphs of more than 3,000
            shapes or edges go straight to the grid.

        Raises
        ------
        ValueError
            engine is none of these.
        RuntimeError
            The engine that was asked for cannot draw it; without engine there is always a picture.
        """
        if engine is not None and engine not in engines.ENGINES:
            raise ValueError(f"svg(engine): expected one of {', '.join(engines.ENGINES)}; got {engine!r}")
        if engine not in self._drawn:
            with _no_collection():
                self._drawn[engine] = engines.draw(
                    self._scene, self.prefix, self._title, self._what, engine, engines.TIMEOUT
                )
        self._by = self._drawn[engine].by
        return self._drawn[engine].svg

    def save(self, path: str | os.PathLike[str], engine: str | None = None) -> str:
        """Write the picture to path, whole or not at all, and return the note.

        The name's ending says what is written: .svg, .dot, and where the program dot is on the PATH
        .png and .pdf.

        Raises
        ------
        ValueError
            Another ending; an unknown engine.
        RuntimeError
            A .png or .pdf without the program dot, or of a graph that is too large for it.
        OSError
            The file cannot be written.
        """
        kind = Path(path).suffix.lower()
        if kind not in KINDS:
            raise ValueError(f"save(path): expected a name that ends in {', '.join(KINDS)}; got {os.fspath(path)!r}")
        if kind == ".svg":
            write_whole(path, self.svg(engine))
            return self.note
        source = self.to_dot().source
        if kind == ".dot":
            write_whole(path, source)
            return self._what
        if engine not in (None, "native"):
            raise ValueError(f"save(engine): {kind} is drawn by the native dot only, got {engine!r}")
        if self._scene.size > engines.LARGEST:
            raise engines.EngineError(
                f"{kind}: {self._scene.size:,} shapes or edges are more than dot is given "
                f"({engines.LARGEST:,}); save it as .svg"
            )
        try:
            content = engines.png_or_pdf(source, kind[1:], engines.TIMEOUT)
        except engines.EngineError as error:
            raise engines.EngineError(f"{kind} needs the program dot: {error}; .svg needs nothing") from None
        write_whole(path, content)
        return f"{self._what}; drawn by native dot"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """For notebooks: text always; the picture too, if its layout is a matter of a moment."""
        try:
            if self._scene.size > SHOWN:
                many = f"{self._scene.size:,} shapes or edges: not drawn unasked; use .save('graph.svg')"
                return {"text/plain": f"{self!r}\n{many}"}
            svg = self.svg()
            return {"image/svg+xml": svg, "text/plain": repr(self)}
        except Exception as error:  # a notebook shows what there is
            return {"text/plain": f"<Graph: {self._what}; not drawn: {error}>"}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pauses the garbage collector: a picture makes many small objects and no cycles (a third of the time)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _scene(survey: Survey, boxes: Boxes, level: str, fold_sums: bool) -> Scene:
    if level == "value" or not survey.neurons or (level == "auto" and len(survey.nodes) <= VALUES):
        return value_scene(survey, boxes, fold_sums)
    if level != "auto":
        return collapsed_scene(survey, boxes, level)
    scene = collapsed_scene(survey, boxes, "unit")
    return scene if len(scene.shapes) <= BOXES else collapsed_scene(survey, boxes, "layer")
