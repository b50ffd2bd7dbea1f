"""The page's content, without a browser: its steps, its equations, what it embeds."""

import json
import re
from html import unescape
from importlib.resources import files

import numpy as np
import pytest

from compare import compare
from compare.commands.page import add_arguments, run
from compare.page.equations import FORMULAS, Number, Textbook
from compare.page.graph import traced_sample
from compare.page.of_units import MOST
from compare.page.page import embedded
from compare.page.picture import Ready
from compare.page.steps import contributions
from engine import Value
from engine.reverse import nodes
from engine.scalars import same_bits
from explicit import ACTIVATIONS, Activation, Network

HOSTILE = "</script><b>\u2028&"


def report(sizes=(2, 3, 1), samples=1, **options):
    random = np.random.RandomState(3)
    x, y = random.randn(sizes[0], samples), random.uniform(0.1, 0.9, (sizes[-1], samples))
    return compare(Network(list(sizes), seed=1, **options), x, y)


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.S)
    return json.loads(found[1])


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_running_sums_end_in_the_grads_bit_for_bit(activation, cost):
    network = [activation, "sigmoid"] if cost == "cross_entropy" else activation
    traced = traced_sample(report((2, 3, 2), activation=network, cost=cost), 0, "page")
    order, last, counts = nodes(traced.cost), {}, {}
    for step in contributions(traced.cost):
        counts[step.target] = counts.get(step.target, 0) + 1
        assert step.nth == counts[step.target] <= step.of
        last[step.target] = step
    assert set(last) == set(range(len(order) - 1))
    assert all(same_bits(step.total, order[i].grad) and step.nth == step.of for i, step in last.items())
    assert sum(counts.values()) == sum(len(node.parents) for node in order)


def test_a_first_contribution_is_assigned_and_parallel_edges_are_two_steps():
    a = Value(-0.0)
    steps = contributions(a + a)
    assert [(s.operand, s.nth, s.of) for s in steps] == [(0, 1, 2), (1, 2, 2)]
    (step,) = contributions(Value(1.0) * -0.0)[:1]
    assert str(step.total) == "-0.0"


def test_contributions_leave_the_graph_as_it_was():
    a = Value(2.0)
    c = a * 3.0
    contributions(c)
    assert a.grad == 0 and a._adj is None and c._adj is None


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 2, 2, 2), (2, 8, 1)])
def test_cards_are_the_four_equations_with_the_reports_numbers(sizes):
    found = report(sizes)
    cards = {card.name: card for card in Textbook(found, 0).cards()}
    rows = [row for quantity in "zbw" for row in found.rows_of(quantity)]
    assert set(cards) == {row.name for row in rows}
    assert {card.tag for card in cards.values()} == set(FORMULAS)
    for row in rows:
        assert same_bits(cards[row.name].result, row.delta) and same_bits(cards[row.name].result, row.adjoint)
        if "…" not in "".join(item for item in cards[row.name].numbers if isinstance(item, str)):
            text = "".join(repr(n.value) if isinstance(n, Number) else n for n in cards[row.name].numbers)
            assert eval(text.replace("×", "*")) == row.delta  # the numbers put in give the number shown


def test_the_short_cut_says_so():
    found = report((2, 2, 2), activation="sigmoid", cost="cross_entropy", shortcut=True)
    card = Textbook(found, 0).delta(3, 1)
    assert card.tag == "BP1 (shortcut a − y)" and card.symbols == "δ³₁ = a³₁ − y₁"
    assert "BP1 (shortcut a − y)" in found.page().html


def test_every_step_points_at_shapes_that_are_there():
    page = report((2, 3, 2), activation=["identity", "tanh"]).page()
    data = data_of(page)
    for step in data["steps"]:
        assert all(f'id="graph-{key}"' in page.html for key in [step["box"], *step["edges"]])
        assert ("card" in step) != ("note" in step)
    for card in data["cards"]:
        assert f'id="net-{card["fill"]}"' in page.html
        assert 0 < card["done"] <= len(data["steps"])
    for place, box, _ in data["zs"]:
        assert f'id="net-z{place}"' in page.html and f'id="graph-{box}"' in page.html


def test_a_delta_is_in_no_equation_before_the_graph_has_it():
    data = data_of(report((2, 2, 2)).page())
    done = {card["name"]: card["done"] for card in data["cards"]}
    bias = next(card for card in data["cards"] if card["name"] == "∂C/∂b²₁")
    assert bias["numbers"][0][1] == done["δ²₁"] > max(done["δ³₁"], done["δ³₂"])


def test_the_script_is_small_and_plain():
    script = files("compare.page").joinpath("assets", "page.js").read_bytes()
    assert len(script) <= 12_000
    assert b"</script" not in script and b"import" not in script and max(map(len, script.splitlines())) <= 160


def test_nothing_is_fetched():
    html = report().page().html
    rest = html.replace('xmlns="http://www.w3.org/2000/svg"', "").replace('"http://www.w3.org/2000/svg"', "")
    assert "http:" not in rest and "https:" not in rest and "url(" not in rest.replace("url(#", "")
    assert "default-src 'none'" in html


def test_labels_of_users_are_text():
    sigma = ACTIVATIONS["tanh"]
    own = Activation(HOSTILE, sigma.function, sigma.derivative)
    page = report(activation=own).page()
    assert "<b>\u2028" not in page.html and "&lt;/script&gt;&lt;b&gt;" in page.html
    assert page.html.count("</script>") == 2
    text = embedded({"label": HOSTILE})
    assert not set("<>&\u2028") & set(text) and json.loads(text) == {"label": HOSTILE}
    ready = Ready(Value(1.0, HOSTILE).graph(prefix="g").svg(engine="grid"), "g", {"n0": HOSTILE})
    assert "<b>" not in ready.text and "</script" not in ready.text


@pytest.mark.parametrize("arithmetic", ["rational", "finite field", "symbolic"])
def test_other_arithmetics_have_pages(arithmetic):
    if arithmetic == "symbolic":
        pytest.importorskip("sympy")
    network = Network([2, 2, 1], activation="relu" if arithmetic == "rational" else "sigmoid", seed=2)
    found = compare(network, [[0.5], [1.0]], [[1.0]], arithmetic=arithmetic)
    assert len(data_of(found.page())["zs"]) == 3


def test_above_two_thousand_nodes_the_unit_view():
    found = report((40, 10, 3), samples=2)
    assert len(nodes(traced_sample(found, 1, "page").cost)) > 1_000
    page = report((100, 10, 3)).page()
    assert f"more than the {MOST:,}" in page.html and "unit view" in page.html
    data = data_of(page)
    assert len(data["steps"]) == 13 + 2  # a δ each, and the parameters of each layer
    assert [numbers[1] for numbers in (data["numbers"][data["steps"][i]["total"]] for i in range(3))] == [
        repr(row.adjoint) for row in report((100, 10, 3)).rows if row.layer == 3
    ]
    assert all(f'id="graph-{box}"' in page.html for _, box, _ in data["zs"])


def test_samples_are_told_apart_and_refused():
    found = report(samples=3)
    assert "sample 2 of 3" in found.page(sample=2).html
    assert found.page(sample=2).html != found.page(sample=1).html
    for sample in (3, -1, True, "0"):
        with pytest.raises(ValueError, match=r"page\(sample\): expected an int from 0 to 2"):
            found.page(sample=sample)


def test_a_wrong_delta_is_shown_as_different():
    found = report()
    pair = next(p for p in found.pairs if p.quantity == "z" and p.layer == 2)
    pair.explicit[1, 0] = np.nextafter(pair.explicit[1, 0], 9.0)
    html = found.page().html
    assert "≠ 1 ULP" in html and 'class="verdict different"' in html


def test_the_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "backward.html"
    page = report().page(path)
    assert path.read_text(encoding="utf-8") == page.html and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError):
        report().page(tmp_path / "missing" / "backward.html")


def test_a_notebook_gets_a_sandboxed_frame():
    page = report().page()
    frame = page._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-scripts" title=')
    assert unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == page.html
    assert repr(page).startswith("<Page: 42 nodes, 46 steps")


def test_the_same_report_gives_the_same_page():
    assert report().page().html == report().page().html


def test_the_meter_is_on_the_page():
    html = report().page().html
    assert "What storing δ saves" in html and "finite differences" in html and "counted by running" in html


def test_the_command(tmp_path, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.set_defaults(sizes=[2, 3, 1])
    path = tmp_path / "b.html"
    assert run(parser.parse_args(["--out", str(path), "--activation", "tanh"])) == 0
    said = capsys.readouterr().out
    assert "46 steps" in said and "EXACT" in said and path.exists()
