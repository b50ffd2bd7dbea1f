import math
import shutil
import subprocess
import sys

import pytest

from engine import record

pytest.importorskip("numba", reason="numba (extra fast) is not installed")
from engine.replay import kernel_store, numba_kernels


def test_kernels_are_kept_on_disk(tmp_path):
    code = (
        "from engine import record; t = record(lambda x: x[0].tanh() * x[0], [1.0], compiled=True);"
        "print(t.forward([2.0]).hex())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"DELTA_ADJOINT_CACHE": str(tmp_path), "PATH": ""}, cwd=".",
        )
        for _ in range(2)
    ]  # fmt: skip
    assert runs[0].stderr.count("\n") == 1
    assert "compiling replay kernels" in runs[0].stderr
    assert runs[1].stderr == ""
    assert runs[0].stdout == runs[1].stdout == (math.tanh(2.0) * 2.0).hex() + "\n"


def test_a_broken_cache_is_mended(tmp_path, capsys):
    code = (
        "from engine import record; t = record(lambda x, w: x[0] * w[0], [1.0], [3.0]);"
        "print(t.forward([2.0]), t.backward(), type(t._replay).__name__)"
    )

    def run():
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"DELTA_ADJOINT_CACHE": str(tmp_path / "kernels"), "PATH": ""}, cwd=".",
        )  # fmt: skip

    run()
    (source,) = (tmp_path / "kernels").glob("*.py")
    kept = source.parent / "__pycache__"
    for kind, broken in (
        ("nbi", lambda content: content[: len(content) // 2]),
        ("nbi", lambda content: content[: content.index(b"\x94.") + 2]),  # the first of its two pickles
        ("nbi", lambda content: b""),
        ("nbc", lambda content: content[:-1]),
        ("nbc", lambda content: bytes(len(content))),
        ("nbc", lambda content: b"\xff" * 100),
    ):
        copy = shutil.copytree(kept, tmp_path / "copy")
        before = len(list(copy.iterdir()))
        kernel_store._discard_broken(copy, source.stem)
        assert len(list(copy.iterdir())) == before
        path = next(copy.glob(f"*.go_back*.{kind}"))
        path.write_bytes(broken(path.read_bytes()))
        kernel_store._discard_broken(copy, source.stem)
        assert f"{path.name} is broken" in capsys.readouterr().err
        assert not list(copy.glob("*.nb?"))
        shutil.rmtree(copy)

    for path in kept.glob("*.nb?"):
        path.write_bytes(b"")
    mended = [run(), run()]
    source.write_bytes(source.read_bytes()[:-100])
    mended += [run(), run()]
    assert "kernels anew" in mended[0].stderr
    assert "compiling replay kernels for 1 operations" in mended[2].stderr
    assert mended[1].stderr == mended[3].stderr == ""
    assert {one.stdout for one in mended} == {"6.0 [2.] Compiled\n"}


def test_an_unwritable_cache_is_no_obstacle(monkeypatch):
    monkeypatch.setenv("DELTA_ADJOINT_CACHE", "/dev/null/kernels")
    assert kernel_store._folder().is_dir()


def test_a_function_that_differs_from_pythons_is_refused(monkeypatch):
    monkeypatch.setattr(kernel_store, "_loaded", [])
    monkeypatch.setattr(kernel_store, "_refused", {})
    right = numba_kernels.python_function
    monkeypatch.setattr(
        numba_kernels, "python_function", lambda name: (lambda x: 0.1) if name == "sin" else right(name)
    )
    tape = record(lambda x: x[0].sin(), [1.0], compiled=True)
    with pytest.raises(ValueError, match="sin"):
        tape.forward([1.0])
