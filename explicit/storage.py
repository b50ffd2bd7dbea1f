"""Arrays in an .npz file, written whole or not at all, and read without running code."""

import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explicit.elementwise import Array

FORMAT = "explicit.Network 1"
# What numpy and zipfile raise on a file that is damaged or is something else.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,  # a lone .npy array has no `files`
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_arrays(path: str | os.PathLike[str], arrays: dict[str, Array]) -> None:
    """Write the arrays to `path`, under their names, as an uncompressed .npz without pickles.

    They go to a temporary file in the same folder, which takes the name `path` when it is complete and on
    disk. An error or an interrupt removes it; a file that was at `path` is then still there.
    Errors: OSError of the file system; ValueError for an object array.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:  # savez would pickle it
            raise ValueError(f"{name}: object arrays are not written")
    target = Path(os.path.realpath(path))  # through a symbolic link, so that the link stays
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs take every name for an option
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_arrays(path: str | os.PathLike[str]) -> dict[str, Array]:
    """All arrays of an .npz file, by name. No pickle is read.

    Errors: OSError if the file cannot be opened; ValueError if it is no .npz file, is damaged or holds
    pickles.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except _UNREADABLE as error:
            raise ValueError(f"{os.fspath(path)}: not a readable .npz file ({error})") from error


def save_network(
    path: str | os.PathLike[str], about: dict[str, Any], parameters: Mapping[str, Sequence[Array]]
) -> None:
    """Write what describes a network, as JSON, and lists of its arrays by name. Errors: as `write_arrays`."""
    arrays = {f"{name}_{i}": array for name, some in parameters.items() for i, array in enumerate(some)}
    write_arrays(path, arrays | {"about": np.array(json.dumps({"format": FORMAT, **about}))})


def load_network(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, list[Array]]]:
    """What `save_network` wrote: the description, and "weights" and "biases" whose shapes are its sizes.

    Errors: OSError if the file cannot be opened; ValueError if it is not one that `save_network` wrote.
    """
    arrays = read_arrays(path)
    try:
        about = json.loads(str(arrays["about"]))
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']!r}, expected {FORMAT!r}")
        layers = range(len(about["sizes"]) - 1)
        found = {name: [arrays[f"{name}_{i}"] for i in layers] for name in ("weights", "biases")}
        if about["sizes"] != [W.shape[1] for W in found["weights"][:1]] + [len(b) for b in found["biases"]]:
            raise ValueError(f"sizes {about['sizes']} do not fit the arrays")
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)}: not a network saved by Network.save ({error!r})") from error
    return about, found
