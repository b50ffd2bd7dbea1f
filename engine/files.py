"""Files that are written whole or not at all."""

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes to path: a temporary file beside it takes its name when complete.

    Raises
    ------
    OSError
        The file cannot be written; what was at path is then still there.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write data as JSON that people can read too, whole or not at all; NaN and infinities are refused.

    Raises
    ------
    OSError, ValueError
        The file cannot be written; a number has no place in JSON.
    """
    write_whole(path, json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
