"""Arrays in an .npz file, written whole or not at all, and read without running code."""

import os
import secrets
import zipfile
import zlib
from pathlib import Path

import numpy as np

from explicit.elementwise import Array

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
