"""Limits of time and memory of the child process, where the system has them."""

import sys
from contextlib import suppress
from pathlib import Path

from compare.solutions.request import Request

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_RESERVE: list[bytes] = []


def set_limits(request: Request) -> list[str]:
    """Set the limits; what is not in force is said in the notes that are returned."""
    _RESERVE.append(bytes(16 << 20))
    not_in_force = "the memory limit is not in force on this system"
    if sys.platform == "win32" or resource is None:
        return [not_in_force]
    seconds = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) + 2 * request.timeout) + 10
    with suppress(ValueError, OSError):  # a second net, should the parent be killed
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most, hard = pages * resource.getpagesize() + (request.memory << 20), resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (ValueError, OSError):  # no /proc outside Linux, and there the system does not hold to the limit
        return [not_in_force]
    return []


def lift_limits() -> None:
    """Make room for saying what was found, when the solution holds all the memory that it may have."""
    _RESERVE.clear()  # the first, since whatever comes next may need an object or two
    if sys.platform != "win32" and resource is not None:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
