"""Optional libraries, asked for by name where they are used."""

import importlib
from typing import Any


def need(module: str, extra: str, purpose: str) -> Any:
    """The module, or an error that says which extra brings it.

    Raises
    ------
    ImportError
        The module is not installed.

    >>> need("no_such_module", "exact", "balls")
    Traceback (most recent call last):
    ...
    ImportError: balls need no_such_module: pip install 'delta-adjoint[exact]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{purpose} need {module}: pip install 'delta-adjoint[{extra}]'") from error
