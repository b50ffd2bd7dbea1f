"""The picture of a report, and the command that draws it."""

import argparse
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from compare import compare
from compare.commands.draw import add_arguments, run
from engine.nn import MLP
from explicit import Network

SVG = "{http://www.w3.org/2000/svg}"


def report(**options):
    return compare(Network([2, 3, 1], activation="tanh", seed=1), [[0.5, 0.2], [-1.0, 0.3]], [[1.0, 0.0]], **options)


def titles(graph):
    root = ElementTree.fromstring(graph.svg(engine="grid"))
    return [t.text for t in root.iter(f"{SVG}title")]


@pytest.mark.parametrize("sample", [0, 1])
def test_each_z_shows_delta_beside_the_adjoint(sample):
    found = report()
    shown = titles(found.graph(sample=sample, level="value"))
    for row in found.rows:
        if row.sample == sample:
            wanted = f"grad {row.adjoint} = {row.name} {row.delta}"
            assert sum(wanted in title for title in shown) == 1
    svg = found.graph(sample=sample).svg(engine="grid")
    assert svg.count(">= δ") == 4 and "≠" not in svg


@pytest.mark.parametrize("level", ["value", "unit", "layer"])
def test_a_wrong_delta_is_told_by_sign_and_colour(level):
    found = report()
    pair = next(p for p in found.pairs if p.quantity == "z" and p.layer == 2)
    pair.explicit[1, 0] = np.nextafter(pair.explicit[1, 0], 9.0)
    svg = found.graph(level=level).svg(engine="grid")
    assert "≠" in svg and "1 ULP" in svg and 'class="different"' in svg and "#FFD3BF" in svg
    assert "≠" not in found.graph(sample=1, level=level).svg(engine="grid")


@pytest.mark.parametrize("arithmetic", ["rational", "finite field"])
def test_other_arithmetics_are_drawn(arithmetic):
    activation = "relu" if arithmetic == "rational" else "sigmoid"
    network = Network([2, 2, 1], activation=activation, seed=2)
    svg = compare(network, [[0.5], [1.0]], [[1.0]], arithmetic=arithmetic).graph().svg(engine="grid")
    assert svg.count(">= δ") == 3


def test_an_mlp_and_a_blas_network_show_the_reports_own_adjoints():
    mlp = MLP(3, [4, 1], activation="tanh")
    for network in (mlp, Network([3, 40, 1], seed=0, matmul=np.matmul)):
        found = compare(network, [[0.1], [0.2], [0.3]], [[1.0]])
        shown = "\n".join(titles(found.graph(level="value")))
        for row in found.rows:
            sign = "=" if row.equal else "≠"
            assert f"grad {row.adjoint} {sign} {row.name} {row.delta}" in shown


def test_the_reports_numbers_are_left_as_they_were():
    found = report()
    before = str(found)
    found.graph().svg(engine="grid")
    assert str(found) == before


def test_save_writes_the_picture_and_returns_the_note(tmp_path):
    note = report().save(tmp_path / "net.svg", level="unit")
    assert note.startswith("42 values as 8 boxes, level unit (one box per neuron (4);")
    ElementTree.parse(tmp_path / "net.svg")
    report().save(tmp_path / "net.dot", sample=1, digits=3)
    assert "= δ²₁" in (tmp_path / "net.dot").read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", [-1, 2, True, 0.0])
def test_a_sample_that_is_none_is_refused(sample):
    with pytest.raises(ValueError, match="graph\\(sample\\): expected an int from 0 to 1"):
        report().graph(sample=sample)


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("sizes", ["2,3,1", "4,3,2"])
def test_the_command_draws_and_says_what(sizes, tmp_path, capsys):
    out = tmp_path / "net.svg"
    assert run(parsed("--sizes", sizes, "--out", str(out), "--level", "layer", "--engine", "grid")) == 0
    ElementTree.parse(out)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{out}: ") and said[0].endswith("drawn by the built-in grid")
    assert said[1].startswith("EXACT")


def test_the_command_refuses_what_it_cannot_write(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.svg"):
        run(parsed("--out", str(tmp_path / "net.gif")))
    with pytest.raises(SystemExit):
        parsed("--sizes", "2")


def test_a_png_without_dot_is_an_input_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="needs the program dot"):
        run(parsed("--out", str(tmp_path / "net.png")))
