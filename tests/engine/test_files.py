"""Files that are written whole or not at all."""

import os

import pytest

from engine.files import write_whole


def test_text_and_bytes_are_written(tmp_path):
    write_whole(tmp_path / "a.txt", "δ\n")
    write_whole(str(tmp_path / "b.bin"), b"\x00\xff")
    assert (tmp_path / "a.txt").read_bytes() == "δ\n".encode() and (tmp_path / "b.bin").read_bytes() == b"\x00\xff"


def test_what_was_there_stays_if_the_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]
