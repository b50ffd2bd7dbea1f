"""Who draws: native `dot`; else the embedded Graphviz; else, or after a time-out, the library's own grid."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from typing import NamedTuple

from engine.drawing import embedded
from engine.drawing.dot import layout_from, layout_source
from engine.drawing.grid import grid_layout
from engine.drawing.scene import Scene
from engine.drawing.svg import write

LARGEST = 3_000  # shapes, or edges, that Graphviz is given: its time grows faster than the square
TIMEOUT = 10.0  # seconds
ENGINES = ("native", "embedded", "grid")


class EngineError(RuntimeError):
    """An engine that was asked for by name cannot draw the picture."""


class Drawn(NamedTuple):
    """An SVG, and a phrase that says who drew it."""

    svg: str
    by: str


def draw(scene: Scene, prefix: str, title: str, what: str, engine: str | None, timeout: float) -> Drawn:
    """The scene as SVG.

    Parameters
    ----------
    engine : "native", "embedded" or "grid"; None tries them in this order
    what : what the note says beside who drew it

    Raises
    ------
    EngineError
        The engine that was asked for is not there, failed, or took longer than timeout seconds.
    """
    reasons: list[str] = []
    if engine is None and scene.size > LARGEST:
        count = f"{len(scene.shapes):,} shapes and {len(scene.edges):,} edges"
        reasons.append(f"{count} are more than Graphviz is given, {LARGEST:,}")
    else:
        for candidate in ENGINES[:2] if engine is None else (engine,) if engine != "grid" else ():
            try:
                source = layout_source(scene)
                raw, by = _native(source, timeout) if candidate == "native" else _wasm(source, timeout)
                return Drawn(write(scene, layout_from(raw, scene), prefix, title, f"{what}; drawn by {by}"), by)
            except (EngineError, embedded.Missing, RuntimeError, TimeoutError, ValueError) as error:
                reasons.append(f"{candidate}: {error}")
                if engine is not None:
                    raise EngineError(f"engine={engine!r}: {error}") from error
                if isinstance(error, TimeoutError):
                    break  # the other one would take as long
    by = "the built-in grid" + (f" ({'; '.join(reasons)})" if reasons else "")
    return Drawn(write(scene, grid_layout(scene), prefix, title, f"{what}; drawn by {by}"), by)


def png_or_pdf(source: str, kind: str, timeout: float) -> bytes:
    """A DOT text as PNG or PDF, by native `dot`.

    Raises
    ------
    EngineError
        `dot` is not on the PATH, failed, or took longer than timeout seconds.
    """
    try:
        return _run([f"-T{kind}", *(["-Gdpi=144"] if kind == "png" else [])], source, timeout)
    except TimeoutError as error:
        raise EngineError(f".{kind}: native dot found {error}") from None


def _native(source: str, timeout: float) -> tuple[str, str]:
    return _run(["-Tsvg"], source, timeout).decode("utf-8"), f"native dot {_version(_dot())}".strip()


def _wasm(source: str, timeout: float) -> tuple[str, str]:
    return embedded.draw(source, timeout), embedded.name()


def _dot() -> str:
    program = shutil.which("dot")
    if program is None:
        raise EngineError("the program dot (Graphviz) is not on the PATH")
    return program


def _run(options: list[str], source: str, timeout: float) -> bytes:
    program = _dot()
    try:
        done = subprocess.run([program, *options], input=source.encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no layout within {timeout:g} s") from None
    except OSError as error:
        raise EngineError(f"{program} does not run: {error}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EngineError(f"dot failed: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


@cache
def _version(program: str) -> str:
    try:
        said = subprocess.run([program, "-V"], capture_output=True, timeout=10, text=True).stderr
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    return "" if found is None else found[0]
