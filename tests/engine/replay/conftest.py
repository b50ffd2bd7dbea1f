"""Kernels are compiled once, for all rows of the table, into a folder of this run."""

import pytest

from engine.ops import TABLE

try:
    import numba  # noqa: F401

    KERNELS = [False, True]
except ImportError:
    KERNELS = [False]


@pytest.fixture(scope="session", params=KERNELS)
def compiled(request):
    """Whether the replay is by numba."""
    return request.param


@pytest.fixture(scope="package", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DELTA_ADJOINT_CACHE", str(tmp_path_factory.mktemp("kernels")))
        if True in KERNELS:
            from engine.replay.kernel_store import kernels

            kernels(list(TABLE.values()))
        yield
