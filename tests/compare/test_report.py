import functools
import html.parser
import json
import math
import os
import pickle
import random
import re

import numpy as np
import pytest

import explicit.network
from compare import Rational, Report, Row, compare
from compare.comparison.rows import LISTED
from engine.nn import MLP
from explicit import Activation, Network

X = [[0.5, -1.0], [1.0, 0.125]]
Y = [[1.0, 0.0]]
FORWARD = {"forward z": (8, 8), "forward a": (8, 8), "cost": (2, 2)}


@pytest.fixture
def small():
    return compare(Network([2, 3, 1], "tanh"), X, Y)


@pytest.fixture
def wrong_bp2(monkeypatch):
    right = explicit.network.bp2
    wrong = functools.wraps(right)(lambda *arguments: right(*arguments) * 1.001)
    monkeypatch.setattr(explicit.network, "bp2", wrong)


@pytest.fixture
def different(wrong_bp2):
    return compare(Network([2, 3, 1], "tanh"), X, Y)


def big():
    stream = np.random.RandomState(0)
    return compare(Network([2, 40, 1]), stream.rand(2, 3), stream.rand(1, 3))


# -- rows, counts ----------------------------------------------------------------------------------


def test_rows_are_by_layer_sample_and_unit(small):
    assert [(row.layer, row.sample, row.unit) for row in small.rows] == [
        (2, 0, 1), (2, 0, 2), (2, 0, 3), (2, 1, 1), (2, 1, 2), (2, 1, 3), (3, 0, 1), (3, 1, 1)
    ]  # fmt: skip
    assert {row.quantity for row in small.rows} == {"z"}
    assert small.rows[0].name == "δ²₁" and small.rows[-1].name == "δ³₁"


def test_a_row_has_the_numbers_of_both_sides(small):
    for row in small.rows:
        assert row.delta == small.record.deltas[row.layer - 2][row.unit - 1, row.sample]
        assert type(row.delta) is float and type(row.adjoint) is float
        assert type(row.layer) is type(row.unit) is type(row.sample) is type(row.ulps) is int
        assert row.equal is True and row.ulps == 0


def test_rows_of_each_quantity(small):
    assert small.rows_of("z") == small.rows
    assert [row.name for row in small.rows_of("a")][:2] == ["∂C/∂a²₁", "∂C/∂a²₂"]
    assert [(r.name, r.sample) for r in small.rows_of("b")] == [
        ("∂C/∂b²₁", None), ("∂C/∂b²₂", None), ("∂C/∂b²₃", None), ("∂C/∂b³₁", None)
    ]  # fmt: skip
    assert [(r.layer, r.unit) for r in small.rows_of("w")] == [
        (2, (1, 1)), (2, (1, 2)), (2, (2, 1)), (2, (2, 2)), (2, (3, 1)), (2, (3, 2)),
        (3, (1, 1)), (3, (1, 2)), (3, (1, 3)),
    ]  # fmt: skip
    row = small.rows_of("w")[-1]
    assert row.name == "∂C/∂w³₁₃" and row.delta == small.record.nabla_w[1][0, 2]
    with pytest.raises(ValueError, match="quantity: expected one of .*'a', 'b', 'w', got 'delta'"):
        small.rows_of("delta")


def test_a_row_is_a_plain_frozen_record(small):
    row = small.rows[0]
    assert isinstance(row, Row) and pickle.loads(pickle.dumps(row)) == row
    with pytest.raises(AttributeError):
        row.equal = False


def test_counts(small, wrong_bp2):
    assert small.counts == FORWARD | {"z": (8, 8), "a": (8, 8), "b": (4, 4), "w": (9, 9)}
    assert small.exact and small.all_equal and small.first_divergence is None and not [*small.different()]


def test_counts_of_what_differs(different):
    assert different.counts == FORWARD | {"z": (2, 8), "a": (8, 8), "b": (1, 4), "w": (3, 9)}
    assert not different.exact and not different.all_equal
    rows = list(different.different())
    assert [row.quantity for row in rows] == ["z"] * 6 + ["b"] * 3 + ["w"] * 6
    assert rows[0] == different.first_divergence
    assert different.first_divergence.layer == 2


def test_a_report_is_complete_when_it_is_made(small):
    with pytest.raises(AttributeError):
        small.opinions = []


def test_rows_of_the_forward_pass_have_the_numbers_of_both_sides(small):
    rows = small.rows_of("forward z") + small.rows_of("forward a") + small.rows_of("cost")
    assert [row.name for row in rows[:3]] == ["z²₁", "z²₂", "z²₃"] and rows[-1].name == "C"
    assert [row.name for row in rows[8:11]] == ["a²₁", "a²₂", "a²₃"]
    record = small.record
    for row in rows:
        array = {"forward z": record.zs, "forward a": record.activations[1:], "cost": [record.costs[None]] * 2}
        assert row.delta == array[row.quantity][row.layer - 2][row.unit - 1, row.sample] and row.equal


# -- text ------------------------------------------------------------------------------------------


def test_a_small_report_lists_all_z_nodes(small):
    text = str(small)
    assert text.startswith("2-3-1, tanh, quadratic, 2 samples; float64, equal means identical bits\n")
    for row in small.rows:
        line = next(x for x in text.splitlines() if x.split()[:2] == [row.name, str(row.sample)])
        assert line.split()[2:] == [
            repr(row.delta),
            repr(row.adjoint),
            row.delta.hex(),
            row.adjoint.hex(),
            "yes",
        ]
    assert "∂C/∂w" not in text.split("layer")[0]
    assert re.search(r"^2 +BP2 +6/6 +6/6 +6/6 +6/6 +3/3 +6/6 +0$", text, re.M)
    assert re.search(r"^3 +BP1 +2/2 +2/2 +2/2 +2/2 +1/1 +3/3 +0$", text, re.M)
    last = "EXACT: δ equals the adjoint at 8 of 8 z nodes; 13 of 13 parameter gradients are equal."
    assert text.endswith(last) and small.verdict == last
    assert repr(small) == f"<Report {small.title}: {last}>"


def test_a_small_report_marks_what_differs_and_adds_parameters(different):
    text = str(different)
    assert len(re.findall(r"NO, [\d,]+ ULP$", text, re.M)) == 6 + 9
    assert text.count("  yes") == 2
    assert re.search(r"^∂C/∂w²₃₂ +sum ", text, re.M)
    row = different.first_divergence
    assert different.verdict.startswith(
        "DIFFERENT: δ equals the adjoint at 2 of 8 z nodes; 4 of 13 parameter gradients are equal. "
        f"Walking backward from the cost, the first to differ is δ²₁ of sample 0: {row.delta!r} "
        f"against the adjoint {row.adjoint!r} ({row.ulps:,} ULP apart)"
    )


def test_a_large_report_lists_only_what_differs(monkeypatch):
    text = str(big())
    assert "δ²" not in text and "120/120" in text and "EXACT" in text
    right = explicit.network.bp2

    @functools.wraps(right)
    def one_bit(*arguments):
        delta = right(*arguments)
        delta[30, 2] = np.nextafter(delta[30, 2], 1)
        return delta

    monkeypatch.setattr(explicit.network, "bp2", one_bit)
    text = str(big())
    assert [line.split()[0] for line in text.splitlines() if line.endswith("ULP")][:1] == ["δ²₃₁"]
    assert "δ²₃₀" not in text and "119/120" in text and "1 ULP apart" in text


def test_a_large_report_of_many_differences_is_cut(wrong_bp2):
    report = big()
    assert len([*report.different()]) > LISTED
    assert len(re.findall(r"NO, [\d,]+ ULP$", str(report), re.M)) == LISTED


def test_the_title_names_each_layer_when_they_differ():
    report = compare(Network([2, 3, 3, 1], ["tanh", "relu", "tanh"]), X, Y)
    assert report.title.startswith("2-3-3-1, tanh/relu/tanh, quadratic, 2 samples;")
    assert "1 sample;" in compare(Network([1, 1]), [[1.0]], [[1.0]]).title


def test_long_exact_numbers_are_shortened_and_have_no_hex():
    report = compare(Network([2, 2, 1], "identity"), X, Y, arithmetic="rational")
    text = str(report)
    assert " in hex" not in text and re.search(r"≈ -?[\d.e-]+ \(\d+ digits\)", text)
    assert "rational, equal means exactly equal rational numbers" in text


def test_exact_numbers_longer_than_python_prints_and_larger_than_floats():
    # Beyond 4,300 digits str() of an int is refused; beyond 1.8e308 there is no nearest float.
    network = Network([1, 2, 1], "identity")
    network.weights = [
        np.array([[Rational(10) ** 3000], [1]], dtype=object),
        np.array([[10**3000, 1]], dtype=object),
    ]
    report = compare(network, [[1.0]], [[1.0]], arithmetic="rational")
    assert report.exact and re.search(r"… \(\d{4} digits\)", str(report))
    exact = report.to_dict()["z"][0]["delta"]["exact"]
    assert len(exact) > 9000 and exact.isdecimal()


def test_what_is_no_float_is_shown_too():
    # A graph that does not reach a parameter leaves the integer 0 as its gradient.
    random.seed(10)
    mlp = MLP(2, [2, 1])
    neuron = mlp.layers[0].neurons[0]
    neuron.__class__ = type("Deaf", (type(neuron),), {"__call__": lambda self, x: _keep(self, self.b * 1.0)})
    report = compare(mlp, X, Y)
    rows = [row for row in report.rows_of("w") if row.layer == 2 and row.unit[0] == 1]
    assert [row.adjoint for row in rows] == [0, 0] and not any(row.equal for row in rows)
    assert all(row.ulps is None for row in rows)
    assert str(report) and report._repr_html_() and json.dumps(report.to_dict(), allow_nan=False)


def _keep(neuron, z):
    neuron.z = z
    return z.relu()


# -- HTML ------------------------------------------------------------------------------------------


class Balanced(html.parser.HTMLParser):
    """Keeps the open tags, the number of rows and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_is_well_formed_and_complete(small):
    page = Balanced(small._repr_html_())
    assert page.tags.count("table") == 2 and page.tags.count("tr") == 1 + 8 + 1 + 2
    for row in small.rows:
        assert row.delta.hex() in page.text and repr(row.delta) in page.text and row.name in page.text
    assert small.verdict in page.text and small.title in page.text


def test_html_is_escaped():
    evil = Activation("<script>alert('σ')</script>", lambda z: z * 2, lambda z, a: z * 0 + 2)
    report = compare(Network([2, 1], evil), X, Y)
    assert report.exact and "<script>" in report.title
    page = Balanced(report._repr_html_())
    assert "script" not in page.tags and "<script>alert" in page.text


def test_html_of_a_large_report_has_the_summary_alone():
    page = Balanced(big()._repr_html_())
    assert page.tags.count("table") == 1


# -- JSON ------------------------------------------------------------------------------------------


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_has_every_z_node_with_its_bits(small, tmp_path):
    path = tmp_path / "report.json"
    assert small.to_json(path) is None
    report = strict(path.read_text(encoding="utf-8"))
    assert report["exact"] is True and report["verdict"] == small.verdict and report["title"] == small.title
    assert report["counts"] == {q: {"equal": e, "all": n} for q, (e, n) in small.counts.items()}
    assert report["first_divergence"] is None and report["different"] == []
    assert len(report["z"]) == 8
    for found, row in zip(report["z"], small.rows, strict=True):
        assert found["name"] == row.name and found["equal"] is True and found["ulps"] == 0
        assert [found[k] for k in ("quantity", "layer", "unit", "sample")] == [
            "z",
            row.layer,
            row.unit,
            row.sample,
        ]
        for side in ("delta", "adjoint"):
            number = getattr(row, side)
            assert float.fromhex(found[side]["hex"]).hex() == number.hex() == float(found[side]["decimal"]).hex()


def test_json_of_what_differs(different):
    report = strict(json.dumps(different.to_dict(), allow_nan=False))
    assert report["exact"] is False and report["first_divergence"] == report["z"][0]
    assert [row["quantity"] for row in report["different"]] == ["b"] * 3 + ["w"] * 6
    assert report["different"][3]["unit"] == [1, 1] and report["different"][3]["sample"] is None


def test_json_has_no_inf_and_no_nan(tmp_path, monkeypatch):
    right = explicit.network.bp2
    wrong = functools.wraps(right)(lambda *arguments: right(*arguments) * np.array([[math.nan], [math.inf]]))
    monkeypatch.setattr(explicit.network, "bp2", wrong)
    report = compare(Network([2, 2, 1]), X, Y)
    assert report.first_divergence.ulps == math.inf and "inf ULP" in str(report)
    report.to_json(tmp_path / "r.json")
    row = strict((tmp_path / "r.json").read_text(encoding="utf-8"))["z"][0]
    assert row["ulps"] == "inf" and math.isnan(float.fromhex(row["delta"]["hex"]))


def test_json_of_rationals():
    report = compare(Network([2, 2, 1], "identity"), X, Y, arithmetic="rational")
    for found, row in zip(strict(json.dumps(report.to_dict()))["z"], report.rows, strict=True):
        assert Rational(found["delta"]["exact"]) == row.delta and found["ulps"] is None


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("when", ["write", "replace"])
def test_json_is_written_whole_or_not_at_all(small, tmp_path, monkeypatch, when, error):
    path = tmp_path / "report.json"
    path.write_text("old")

    def fail(*arguments, **keywords):
        raise error

    def half(self, *arguments, **keywords):
        with open(self, "xb") as file:
            file.write(b"half")
        fail()

    if when == "replace":
        monkeypatch.setattr(os, "replace", fail)
    else:
        monkeypatch.setattr(type(path), "write_text", half)
        monkeypatch.setattr(type(path), "write_bytes", half)
    with pytest.raises(type(error)):
        small.to_json(path)
    monkeypatch.undo()
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["report.json"]


def test_json_that_cannot_be_made_leaves_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    path.write_text("old")
    monkeypatch.setattr(Report, "to_dict", lambda self: {"number": math.nan})
    with pytest.raises(ValueError):
        small.to_json(path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["report.json"]


def test_json_into_a_folder_that_is_not_there(small, tmp_path):
    with pytest.raises(FileNotFoundError):
        small.to_json(tmp_path / "no" / "report.json")


def test_json_replaces_through_a_link(small, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "report.json")
    small.to_json(str(tmp_path / "link.json"))
    assert (tmp_path / "link.json").is_symlink()
    assert strict((tmp_path / "report.json").read_text("utf-8"))["exact"]
