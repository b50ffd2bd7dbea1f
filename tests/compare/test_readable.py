"""Every report has the same forms."""

import json

import pytest

from compare import check, compare, diagnose, diagnose_graph, moons, prove, train_in_lockstep
from compare.readable import Readable, Table, name_of
from engine import Value
from explicit import Network

NETWORK = Network([2, 3, 1])
X, Y = [[0.5], [-1.0]], [[1.0]]
REPORTS = {
    "compare": lambda: compare(NETWORK, X, Y),
    "check": lambda: check(NETWORK, X, Y),
    "prove": lambda: prove([2, 1]),
    "diagnose": lambda: diagnose(NETWORK, X, Y),
    "diagnose_graph": lambda: diagnose_graph(Value(2.0) * 3.0),
    "train_in_lockstep": lambda: train_in_lockstep(Network([2, 1]), moons(4), 1, 2, 0.5, progress=False),
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_a_report_is_text_and_html_and_plain_data_and_json(name, tmp_path):
    report = REPORTS[name]()
    assert isinstance(report, Readable) and str(report)
    assert report._repr_html_().startswith("<")
    report.to_json(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == json.loads(json.dumps(report.to_dict()))


class Small(Readable):
    def _parts(self):
        yield "a < b"
        yield ""
        yield Table(["n"], [["<1>"]])
        yield Table(["empty"], [])
        yield "two\n    lines"


def test_parts_are_apart_and_empty_ones_left_out():
    assert str(Small()) == "a < b\n\nn\n---\n<1>\n\ntwo\n    lines"
    html = Small()._repr_html_()
    assert "<p>a &lt; b</p>" in html and html.count("<table>") == 1 and "<td>&lt;1&gt;" in html
    assert html.endswith("two\n    lines</pre>") and ">empty<" not in html


def test_a_networks_activations_are_named_once_or_each():
    assert name_of(Network([1, 2, 1], "tanh")) == "1-2-1, tanh, quadratic"
    assert name_of(Network([1, 2, 2, 1], ["tanh", "relu", "tanh"])) == "1-2-2-1, tanh/relu/tanh, quadratic"
