"""Data to compare on: a generated moons set, and MNIST's idx files.  Samples are columns."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from explicit.elementwise import Array


def moons(samples: int, seed: int = 0, noise: float = 0.1) -> tuple[Array, Array]:
    """Two interleaving half circles: x (2, samples), y (1, samples) of 0 and 1.

    The same seed gives the same bits (numpy's RandomState, whose stream is frozen, NEP 19).

    Raises
    ------
    ValueError
        samples is not positive.

    >>> x, y = moons(4)
    >>> x.shape, y.tolist()
    ((2, 4), [[0.0, 1.0, 0.0, 1.0]])
    """
    if samples < 1:
        raise ValueError(f"samples: expected at least 1, got {samples}")
    random = np.random.RandomState(seed)
    label = np.arange(samples) % 2
    angle = random.uniform(0.0, np.pi, samples).tolist()
    # math's sine and cosine: numpy's own differ in the last bit from machine to machine.
    cos, sin = np.array([math.cos(t) for t in angle]), np.array([math.sin(t) for t in angle])
    x = np.where(label == 0, cos, 1.0 - cos)
    height = np.where(label == 0, sin, 0.5 - sin)
    points = np.stack([x, height]) + noise * random.randn(2, samples)
    return points, label[None, :].astype(np.float64)


_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> Array:
    """The array in an idx file, gzipped or not.

    Format: two zero bytes, the type, the number of dimensions, the sizes (32 bit, big-endian), data.
    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no idx file, is cut short, or has bytes left over.
    """
    name = os.fspath(path)
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise ValueError(f"{name}: the gzip stream is damaged or cut short ({error})") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _TYPES:
        raise ValueError(f"{name}: not an idx file: it starts with {raw[:4].hex(' ') or 'nothing'}")
    kind, dimensions = np.dtype(_TYPES[raw[2]]), raw[3]
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise ValueError(f"{name}: cut short in its header of {start} bytes, got {len(raw)}")
    shape = struct.unpack(f">{dimensions}I", raw[4:start])
    expected = start + kind.itemsize * int(np.prod(shape, dtype=object))
    if len(raw) != expected:
        what = "cut short" if len(raw) < expected else "too long"
        raise ValueError(f"{name}: {what}: a header for shape {shape} needs {expected} bytes, got {len(raw)}")
    return np.frombuffer(raw, kind, offset=start).reshape(shape)


def load_mnist(folder: str | os.PathLike[str], part: str = "test") -> tuple[Array, Array]:
    """MNIST's images as x (784, N) in [0, 1] and its labels as one-hot y (10, N).

    Parameters
    ----------
    folder : holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the two ``t10k-…``
        files, with or without ``.gz``
    part : "train" (60,000) or "test" (10,000)

    Raises
    ------
    FileNotFoundError
        A file is missing; the message names it.
    ValueError
        part is neither; a file is no idx file, or images and labels do not fit together.
    """
    if part not in ("train", "test"):
        raise ValueError(f"part: expected 'train' or 'test', got {part!r}")
    prefix = "train" if part == "train" else "t10k"
    images = read_idx(_find(folder, f"{prefix}-images-idx3-ubyte"))
    labels = read_idx(_find(folder, f"{prefix}-labels-idx1-ubyte"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(f"{os.fspath(folder)}: images {images.shape} and labels {labels.shape} do not fit")
    x = images.reshape(len(images), math.prod(images.shape[1:])).T / 255.0
    return np.ascontiguousarray(x), one_hot(labels, 10)


def one_hot(labels: Array, classes: int) -> Array:
    """Labels (N,) as columns (classes, N) of 0 and 1.

    Raises
    ------
    ValueError
        A label is not among 0 … classes − 1.

    >>> one_hot(np.array([1, 0]), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    wrong = ~np.isin(labels, np.arange(classes))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"labels: expected 0 to {classes - 1}, got {labels[at]} in sample {at}")
    return (np.arange(classes)[:, None] == labels[None, :]).astype(np.float64)


def _find(folder: str | os.PathLike[str], name: str) -> Path:
    for candidate in (Path(folder) / name, Path(folder) / f"{name}.gz"):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"{os.fspath(folder)}: no {name} and no {name}.gz in this folder")
