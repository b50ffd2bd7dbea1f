"""The page in a real browser: Chromium through Playwright. Skipped, with the reason, where one is missing."""

import os
import shutil

import pytest

from compare import compare
from explicit import ACTIVATIONS, Activation, Network

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing (extra browser)")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("the browser chromium is not on the PATH (Debian: apt-get install chromium)", allow_module_level=True)

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WIDE, PHONE = {"width": 1300, "height": 900}, {"width": 400, "height": 850}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """open(report, …) → the page; at the end of the test nothing was logged and nothing asked for."""
    said, asked, contexts = [], [], []

    def open_page(report, viewport=WIDE, scheme="light", motion="reduce", html=None):
        path = tmp_path / "backward.html"
        if html is None:
            report.page(path)
        else:
            path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion=motion)
        contexts.append(context)
        page = context.new_page()

        def on_request(route):
            if route.request.url == path.as_uri():
                route.continue_()
            elif not route.request.url.startswith("data:"):
                asked.append(route.request.url)
                route.abort()
            else:
                route.continue_()

        page.route("**/*", on_request)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == [] and asked == []


def report(sizes=(2, 3, 1), seed=1, **options):
    x = [[0.5 - 0.25 * k] for k in range(sizes[0])]
    return compare(Network(list(sizes), seed=seed, **options), x, [[1.0]] * sizes[-1])


def test_every_step_shows_the_reports_numbers_by_keyboard_only(opened):
    found = report(activation="tanh")
    page = opened(found)
    rows = {row.name: row for quantity in "zbw" for row in found.rows_of(quantity)}
    page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "slider"
    last = int(page.locator("#slider").get_attribute("max"))
    page.locator("#spelling").select_option("1")
    page.locator("#slider").focus()
    data = page.evaluate("JSON.parse(document.getElementById('data').textContent)")
    numbers, done = data["numbers"], set()
    for i in range(1, last + 1):
        page.keyboard.press("ArrowRight")
        step = data["steps"][i - 1]
        state = page.evaluate(
            """(box) => ({
              count: document.getElementById('count').textContent,
              say: document.getElementById('say').textContent,
              grad: (document.querySelector('#graph-' + box + ' .grad') || {}).textContent,
              card: document.querySelector('#card .what').textContent,
              numbers: document.querySelector('#card .numbers').textContent,
              running: document.querySelector('#edge .running').textContent,
              shown: [...document.querySelectorAll('#rows tr:not(.later)')].map((r) => [
                r.cells[0].textContent, r.cells[2].textContent, r.cells[4].textContent, r.cells[5].textContent]),
              left: [...document.querySelectorAll('#net-graph [id^=net-d]')].map((t) => [t.id, t.textContent]),
            })""",
            step["box"],
        )
        assert state["count"] == f"{i}/{last}"
        total = numbers[step["total"]]
        assert state["grad"] in (total[0], None) and total[1] in state["running"] and total[1] in state["say"]
        for name, left, right, verdict in state["shown"]:
            assert (left, right) == (repr(rows[name].delta), repr(rows[name].adjoint)) and "equal" in verdict
            done.add(name)
        for key, text in state["left"]:
            name = "δ" + {"2_1": "²₁", "2_2": "²₂", "2_3": "²₃", "3_1": "³₁"}[key.removeprefix("net-d")]
            assert (text != "") == (name in done)
        if "card" in step:
            card = data["cards"][step["card"]]
            complete = card["done"] <= i
            assert complete == (card["name"] in done)
            assert ("under way" in state["card"]) != complete
            if complete:
                assert repr(rows[card["name"]].delta) in state["numbers"]
    assert done == set(rows)


def test_bits_on_demand(opened):
    found = report()
    page = opened(found)
    page.keyboard.press("End")
    page.locator("#spelling").select_option("2")
    for row in found.rows:
        cells = page.locator(f'tr[data-z="{row.layer}_{row.unit}"] td.n').all_text_contents()
        assert cells == [row.delta.hex(), row.adjoint.hex()]


def test_keys_step_play_and_jump(opened):
    page = opened(report())

    def count():
        return int(page.locator("#count").text_content().split("/")[0])

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert count() == 1
    page.keyboard.press("End")
    assert count() == 46
    page.keyboard.press("Home")
    assert count() == 0
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    assert page.locator("#say").get_attribute("aria-live") == "off"
    playwright.expect(page.locator("#count")).to_have_text("2/46")
    page.keyboard.press("Space")
    assert page.locator("#say").get_attribute("aria-live") == "polite"


def test_a_z_is_marked_in_both_panels_and_leads_to_its_step(opened):
    page = opened(report())
    for chosen, other in (("#net-z2_1", "graph"), ("[id^=graph-n][aria-label^='z²₁ ']", "net")):
        page.locator(chosen).focus()
        marked = page.evaluate("[...document.querySelectorAll('svg .marked')].map((e) => e.id)")
        assert len(marked) == 2 and any(key.startswith(other) for key in marked)
        page.keyboard.press("Enter")
        assert page.locator("#net-d2_1").text_content() != ""
        assert page.locator("#card .what").text_content() == "BP2 for δ²₁"
        page.evaluate("document.activeElement.blur()")
        assert page.locator(".marked").count() == 0
        page.keyboard.press("Home")
    page.locator("#net-z2_2 circle").hover()
    assert page.locator("svg .marked").count() == 2 and page.locator("tr.marked").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(opened, viewport, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing (extra browser)")
    page = opened(report(), viewport, scheme)
    page.locator("details").evaluate_all("all => all.forEach((d) => { d.open = true; })")
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        results = axe.Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


def test_a_phone_does_not_scroll_sideways_and_controls_are_large_enough(opened):
    page = opened(report(), PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    for name in ("#play", "#back", "#next", "#slider", "#spelling", "#zoom"):
        box = page.locator(name).bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44 and box["x"] + box["width"] <= 400


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion_only_for_those_who_want_it(opened, motion):
    page = opened(report(), motion=motion)
    moves = page.evaluate("getComputedStyle(document.querySelector('#net-graph circle')).transitionDuration")
    assert (moves.split(",")[0] == "0s") == (motion == "reduce")


def test_focus_can_be_seen(opened):
    page = opened(report())
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_hostile_labels_are_text(opened):
    sigma = ACTIVATIONS["tanh"]
    own = Activation("</script><b id=x>\u2028<img src=http://example.invalid/>", sigma.function, sigma.derivative)
    page = opened(report(activation=own))
    assert page.locator("#x, img[src^=http]").count() == 0
    assert "</script><b id=x>" in page.locator("header").text_content()


def test_the_unit_view_steps_through_every_delta(opened):
    found = report((100, 10, 3))
    page = opened(found)
    assert "unit view" in page.locator("header").text_content()
    page.keyboard.press("End")
    for row in found.rows:
        cells = page.locator(f'tr[data-z="{row.layer}_{row.unit}"] td.n').all_text_contents()
        assert cells == [repr(row.delta), repr(row.adjoint)]
        box = page.locator(f"#graph-unit{row.layer}_{row.unit} .grad").text_content()
        assert float(box) == pytest.approx(row.adjoint, rel=1e-4)


def test_in_a_notebooks_frame_it_runs_alone(opened):
    frame = report().page()._repr_html_()
    page = opened(None, html=f"<!doctype html><title>notebook</title>{frame}")
    inside = page.frame_locator("iframe")
    inside.locator("#next").click()
    assert inside.locator("#count").text_content() == "1/46"


def test_without_javascript_the_finished_pass_is_there(browser, tmp_path):
    found = report()
    found.page(tmp_path / "p.html")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "p.html").as_uri())
    text = page.locator("#rows").text_content()
    assert all(repr(row.delta) in text for row in found.rows)
    context.close()


def test_the_page_is_made_in_well_under_a_second():
    import time

    found = report()
    found.page()
    start = time.perf_counter()
    found.page()
    limit = 1.0 if os.environ.get("CI") is None else 3.0
    assert time.perf_counter() - start < limit
