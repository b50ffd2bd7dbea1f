"""np.zeros and its kin, for a while, as arrays of objects.

``nabla = np.zeros(shape); nabla += …`` is the commonest way in which a student's code forces floats: the
array is one of floats, and nothing else fits in.  Made of objects, holding the ints 0 and 1, it takes any
number, and the code computes the same.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_START: dict[str, int | None] = {
    "zeros": 0,
    "empty": 0,
    "ones": 1,
    "full": None,
    "zeros_like": 0,
    "empty_like": 0,
    "ones_like": 1,
    "full_like": None,
}
_LOCK = threading.RLock()


@contextmanager
def object_zeros(code: Callable[..., Any]) -> Iterator[None]:
    """Within it, this thread's np.zeros, ones, empty, full and their `_like` make objects for floats.

    So do these functions where the module of `code` has them under names of its own (``from numpy import
    zeros``).  Other threads get numpy's own; one thread at a time is inside.
    """
    with _LOCK:
        own = {id(getattr(np, name)): _objects(getattr(np, name), start) for name, start in _START.items()}
        # A bound method has the globals of its function.
        namespace = getattr(getattr(code, "__func__", code), "__globals__", {})
        spaces = [vars(np)] if namespace is vars(np) else [vars(np), namespace]
        replaced = [(space, name, value) for space in spaces for name, value in space.items() if id(value) in own]
        try:
            for space, name, value in replaced:
                space[name] = own[id(value)]
            yield
        finally:
            for space, name, value in replaced:
                space[name] = value


def _objects(original: Callable[..., Any], start: int | None) -> Callable[..., Any]:
    thread = threading.get_ident()

    def make(*arguments: Any, **options: Any) -> Any:
        made = original(*arguments, **options)
        if threading.get_ident() != thread or made.dtype.kind != "f":
            return made
        objects = made.astype(object)
        if start is not None:
            objects.fill(start)
        return objects

    return make
