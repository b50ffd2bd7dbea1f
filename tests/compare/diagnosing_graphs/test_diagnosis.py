"""The report and its verdict."""

import json

import pytest

from compare import diagnose_graph
from tests.compare.diagnosing_graphs.styles import (
    Lecture,
    net,
    neuron,
    ruled,
    student,
)


def test_forms_and_errors():
    root, leaves = neuron(student(Lecture, "mul-own-factor"))
    root.backward()
    found = diagnose_graph(root, leaves)
    assert json.loads(json.dumps(found.to_dict()))["mistakes"] == ["mul-own-factor"]
    assert "<table>" in found._repr_html_() and "fix: " in str(found)
    with pytest.raises(TypeError, match="lacks data"):
        diagnose_graph(3)
    with pytest.raises(ValueError, match="finite data"):
        diagnose_graph(Lecture(float("nan")))


def test_the_report_says_in_which_arithmetic(tmp_path):
    root, leaves = net(ruled(("mul", "mul-product")))
    root.backward()
    found = diagnose_graph(root, leaves)
    found.to_json(tmp_path / "graph.json")
    read = json.loads((tmp_path / "graph.json").read_text("utf-8"))
    assert read["mistakes"] == ["mul-product"] and read["notes"] == []
    assert {(j["op"], j["arithmetic"]) for j in read["judged"]} == {
        ("+", "rational"), ("*", "rational"), ("tanh", "finite field")
    }  # fmt: skip
    assert "judged in exact, rational: " in found._repr_html_()
    with pytest.raises(TypeError, match="leaves: expected nodes"):
        diagnose_graph(root, [3])
