"""What all tests share."""

import importlib.util
import os
from pathlib import Path

import pytest

# Text for LLVM, which has no meaning without the extra `fast`; every other module is to be importable without extras.
collect_ignore = [] if importlib.util.find_spec("numba") else ["explicit/fast/vectors.py"]


@pytest.fixture(scope="session")
def mnist():
    """The folder of MNIST's four files: MNIST_DIR, or ../shared/data/mnist beside the clone."""
    beside = Path(__file__).resolve().parent.with_name("shared") / "data" / "mnist"
    folder = Path(os.environ.get("MNIST_DIR") or beside)
    if not folder.is_dir():
        pytest.skip("no MNIST_DIR and no ../shared/data/mnist")
    return folder
