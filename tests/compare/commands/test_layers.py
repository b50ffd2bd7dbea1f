"""The table of layers, from the command line."""

import pytest

from compare.commands import layers
from compare.commands.main import main
from compare.comparison.layer_trials import KINDS, Trial


def test_the_table_has_a_row_for_every_kind(capsys, monkeypatch):
    few = {name: KINDS[name] for name in ("softmax", "lstm")}
    monkeypatch.setattr(layers, "KINDS", few)
    assert main(["layers", "--cases", "2"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in few) and "0 differ in a bit; 0 lemmas are not proved." in out


def test_a_bit_that_differs_is_told(capsys, monkeypatch):
    monkeypatch.setattr(layers, "KINDS", {"softmax": KINDS["softmax"]})
    monkeypatch.setattr(layers, "trial", lambda name, cases, seed: Trial(name, cases, 10, 1))
    assert main(["layers"]) == 1
    assert "10 numbers compared, 1 differ in a bit" in capsys.readouterr().out


@pytest.mark.parametrize("cases", ["0", "-1"])
def test_no_cases(cases, capsys):
    assert main(["layers", "--cases", cases]) == 2
    assert "--cases: expected at least 1" in capsys.readouterr().err
