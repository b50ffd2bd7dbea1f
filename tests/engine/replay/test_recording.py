"""What a recording sees and refuses: comparisons become guards, a number may not leave the graph."""

import math

import numpy as np
import pytest

from engine import Value, no_grad, record


def test_guards(compiled):
    tape = record(lambda x: x[0] * 2 if x[0] > 0 else x[0].exp(), [1.0], compiled=compiled)
    assert tape.forward([3.0]) == 6.0
    with pytest.raises(RuntimeError, match=r"comparison > at .*test_recording.py:\d+ \(.*x\[0\] > 0.*was True"):
        tape.forward([-3.0])
    with pytest.raises(RuntimeError, match="in lane 2"):
        tape.forward(np.array([[1.0, 2.0, -1.0]]))
    with pytest.raises(RuntimeError, match="no forward pass"):
        tape.backward()
    # A node that only a guard reads; and the guard speaks before the formula that its branch avoids.
    tape = record(lambda x: x[0].log() if x[0] * 3 >= x[1] else x[0], [1.0, 0.5], compiled=compiled)
    assert tape.forward([2.0, 1.0]) == math.log(2.0)
    with pytest.raises(RuntimeError, match="comparison >="):
        tape.forward([-2.0, 1.0])


def test_what_a_replay_cannot_follow_is_refused():
    def cut(x):
        with no_grad():
            return x[0] * 2

    for function in (lambda x: x[0] * float(x[0]), lambda x: x[0] * math.exp(x[0]), lambda x: x[0].detach(), cut):
        with pytest.raises(TypeError, match=r"recorded Value at .*test_recording.py:\d+"):
            record(function, [1.0])
    assert float(Value(1.0)) == 1.0
