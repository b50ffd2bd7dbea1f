import io
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from explicit.storage import read_arrays, write_arrays


def test_round_trip_and_permissions(tmp_path):
    path = tmp_path / "name without suffix"
    write_arrays(path, {"a": np.array([[-0.0, 1e-320]]), "b": np.array("text")})
    back = read_arrays(path)
    assert back["a"].view(np.int64).tolist() == np.array([[-0.0, 1e-320]]).view(np.int64).tolist()
    assert str(back["b"]) == "text"
    assert os.listdir(tmp_path) == [path.name]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_failure_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch, error, where):
    path = tmp_path / "a.npz"
    write_arrays(path, {"a": np.array([1.0])})

    def fail(*_):
        raise error

    monkeypatch.setattr(os, where, fail)
    with pytest.raises(type(error)):
        write_arrays(path, {"a": np.array([2.0])})
    assert read_arrays(path)["a"].tolist() == [1.0]
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_killed_save_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, {"a": np.array([1.0])})
    program = (
        "import os, signal, sys, numpy as np\n"
        "from explicit.storage import write_arrays\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_arrays(sys.argv[1], {'a': np.array([2.0])})\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert read_arrays(path)["a"].tolist() == [1.0]


def test_a_symbolic_link_stays(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_arrays(tmp_path / "link", {"a": np.array([1.0])})
    assert (tmp_path / "link").is_symlink()
    assert read_arrays(tmp_path / "target")["a"].tolist() == [1.0]


def test_object_arrays_are_not_pickled(tmp_path):
    with pytest.raises(ValueError, match="a: object arrays are not written"):
        write_arrays(tmp_path / "a.npz", {"a": np.array([None])})
    assert os.listdir(tmp_path) == []


class Bomb:
    def __reduce__(self):
        return (os.abort, ())


def damaged():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(1000.0))
    whole = buffer.getvalue()
    lone, pickled = io.BytesIO(), io.BytesIO()
    np.save(lone, np.arange(3.0))
    np.savez(pickled, a=np.array([Bomb()], dtype=object))
    return {
        "empty": b"",
        "text": b"no network",
        "truncated": whole[: len(whole) // 2],
        "flipped": whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:],
        "npy": lone.getvalue(),
        "pickle": pickle.dumps(Bomb()),
        "pickle inside": pickled.getvalue(),
    }


@pytest.mark.parametrize("kind", damaged())
def test_what_is_no_npz_file_is_refused_and_runs_no_code(tmp_path, kind):
    path = tmp_path / "a.npz"
    path.write_bytes(damaged()[kind])
    with pytest.raises(ValueError, match=r"a\.npz: not a readable \.npz file"):
        read_arrays(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "a.npz")
