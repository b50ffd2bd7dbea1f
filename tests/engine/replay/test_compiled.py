import time

import numpy as np
import pytest

from engine import record

pytest.importorskip("numba", reason="numba (extra fast) is not installed")
from engine.replay import compiled


def test_threads_name_lanes_as_one_does():
    samples = np.ones((1, 70))
    samples[0, [40, 69]] = -1.0
    tape = record(lambda x: x[0].log(), [1.0], compiled=True, threads=2)
    with pytest.raises(ValueError, match=r"log\(-1.0\) in lane 40"):
        tape.forward(samples)
    tape = record(lambda x: x[0] * 2 if x[0] > 0 else x[0], [1.0], compiled=True, threads=2)
    with pytest.raises(RuntimeError, match="in lane 40"):
        tape.forward(samples)
    tape = record(lambda x: x[0].sqrt(), [1.0], compiled=True, threads=2)
    tape.forward(np.where(samples < 0, 0.0, 1.0))
    with pytest.raises(ZeroDivisionError, match="in lane 40"):
        tape.backward()


def test_how_many_threads(monkeypatch):
    monkeypatch.setattr(compiled, "WORTHWHILE", 60)
    program = record(lambda x: x[0] * x[0] + x[0], [1.0], compiled=False).program  # two operations
    monkeypatch.setenv("DELTA_ADJOINT_THREADS", "3")
    replays = [(compiled.Compiled(program, threads), lanes) for threads in (None, 1, 4) for lanes in (1, 29, 30)]
    assert [replay._threads(lanes) for replay, lanes in replays] == [1, 1, 3, 1, 1, 1, 1, 4, 4]
    monkeypatch.setenv("DELTA_ADJOINT_THREADS", "many")
    with pytest.raises(ValueError, match="DELTA_ADJOINT_THREADS: expected a whole number"):
        compiled.cores()
    monkeypatch.delenv("DELTA_ADJOINT_THREADS")
    assert compiled.cores() >= 1


def test_an_error_in_a_thread_waits_for_the_others():
    ended = []

    def work(part):
        if part == 1:
            raise ValueError("part 1")
        time.sleep(0.05)
        ended.append(part)

    with pytest.raises(ValueError, match="part 1"):
        compiled.at_once(work, 3)
    assert sorted(ended) == [0, 2]
