// Steps through a backward pass. Everything that is shown was computed in Python and stands in #data;
// this script only chooses what is visible at a step.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { steps, cards, zs, numbers } = data;
  const last = steps.length;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const slider = $("slider"), play = $("play"), spelling = $("spelling"), zoom = $("zoom"), say = $("say");
  const right = $("right"), left = $("left"), picture = $("graph-graph");
  const inGraph = (key) => $("graph-" + key), inNetwork = (key) => $("net-" + key);
  let now = 0, timer = null;

  // A number in the spelling that the reader chose, or in a fixed one.
  const text = (n, how = +spelling.value) => numbers[n][how];
  const factor = (n) => (/^-| /.test(text(n)) ? `(${text(n)})` : text(n).replace(/^\+/, ""));
  const part = (parent, name, value) => { parent.querySelector("." + name).textContent = value; };

  // When each number appears: the running sums of the right picture, the results of the left one.
  const sums = steps.map((s, i) => [s.box, i + 1, s.total]).filter((s) => s[0] && s[2] !== undefined);
  const fills = cards.map((c) => [c.fill, c.done, c.result]).concat(data.fills || []);
  const boxes = new Map();
  sums.forEach(([box]) => {
    const element = inGraph(box), number = element && element.querySelector(".grad");
    if (number) boxes.set(box, { number, cell: element.querySelector(".gradcell") });
  });
  const root = inGraph(data.seed.box);
  if (root && root.querySelector(".grad")) {
    boxes.set(data.seed.box, { number: root.querySelector(".grad"), cell: root.querySelector(".gradcell") });
  }

  // Colour by sign and size; the sign is always printed too.
  function shade(element, n) {
    const t = n === undefined ? 0 : numbers[n][3];
    element.style.setProperty("--t", Math.round(Math.abs(t) * 100) + "%");
    element.classList.toggle("plus", t > 0);
    element.classList.toggle("minus", t < 0);
  }

  function showSums() {
    const total = new Map([[data.seed.box, data.seed.total]]);
    sums.forEach(([box, at, n]) => { if (at <= now) total.set(box, n); });
    boxes.forEach(({ number, cell }, box) => {
      const n = total.get(box);
      number.textContent = n === undefined ? "" : text(n, 0);
      if (!cell) return;
      shade(cell, n);
      // A box is as wide as its last number needs; a running sum may be longer (a glyph is 6.6 wide).
      const room = cell.getAttribute("width") - 6;
      if (number.textContent.length * 6.6 > room + 3) {
        number.setAttribute("textLength", room);
        number.setAttribute("lengthAdjust", "spacingAndGlyphs");
      } else number.removeAttribute("textLength");
    });
  }

  function showFills() {
    fills.forEach(([key, at, n]) => {
      const element = inNetwork(key), done = at <= now;
      if (!element) return;
      if (key[0] === "w") { element.classList.toggle("done", done); return; }
      element.textContent = done ? text(n, 0) : "";
      if (key[0] === "d") {
        const neuron = inNetwork("z" + key.slice(1));
        neuron.classList.toggle("done", done);
        shade(neuron, done ? n : undefined);
      }
    });
    for (const row of $("rows").rows) {
      if (!row.dataset.done) continue;
      row.classList.toggle("later", +row.dataset.done > now);
      row.querySelectorAll("[data-n]").forEach((cell) => { cell.textContent = text(cell.dataset.n, Math.max(1, +spelling.value)); });
    }
  }

  function showCard(step) {
    const box = $("card"), card = step && cards[step.card];
    const tags = card ? [card.tag.slice(0, 3)] : (step && step.tags) || [];
    document.querySelectorAll("#equations li").forEach((item) => {
      const on = tags.includes(item.id);
      item.classList.toggle("on", on);
      if (on) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
    });
    if (!card) {
      part(box, "what", step ? "" : "Forward pass done: every z and a is known, no δ yet.");
      part(box, "symbols", step ? step.note : "The first δ is that of the output layer (BP1).");
      part(box, "numbers", "");
      return "";
    }
    const done = card.done <= now;
    const put = card.numbers.map((item) => (typeof item === "string" ? item : item[1] <= now ? factor(item[0]) : "?")).join("");
    part(box, "what", `${card.tag} for ${card.name}` + (done ? "" : ", under way in the graph"));
    part(box, "symbols", card.symbols);
    part(box, "numbers", `= ${put}` + (/BP3/.test(card.tag) ? "" : ` = ${done ? text(card.result) : "…"}`));
    card.weights.forEach((w) => { const line = inNetwork("w" + w); if (line) line.classList.add("on"); });
    return `${card.tag}: ${card.symbols}` + (done ? ` = ${text(card.result)}` : "");
  }

  function showEdge(step) {
    const box = $("edge");
    if (!step || step.part === undefined) {
      const what = step ? (step.target ? `${step.target}: adjoint` : "") : "Start: ∂C/∂C";
      part(box, "what", what);
      part(box, "numbers", step && step.total === undefined ? "" : text(step ? step.total : data.seed.total));
      part(box, "running", "");
      return what && `${what} ${text(step ? step.total : data.seed.total)}`;
    }
    const sum = `${text(step.adjoint)} × ${text(step.partial)} = ${text(step.part)}`;
    part(box, "what", `${step.child} → ${step.target}: adjoint × partial`);
    part(box, "numbers", sum);
    part(box, "running", `running sum of ${step.target}: ${text(step.total)}  (contribution ${step.nth} of ${step.of})`);
    return `${step.child} → ${step.target}: adjoint × partial = ${sum}, running sum ${text(step.total)} (${step.nth} of ${step.of})`;
  }

  // The contribution's way: arrows and boxes are marked, the product stands above the target.
  function showWay(step) {
    document.querySelectorAll(".on:not(li), .from, .to").forEach((e) => e.classList.remove("on", "from", "to"));
    const old = $("along");
    if (old) old.remove();
    if (!step) return;
    const target = inGraph(step.box), from = inGraph(step.from);
    if (from) from.classList.add("from");
    if (target) target.classList.add("to");
    const arrows = step.edges.map(inGraph).filter(Boolean);
    arrows.forEach((arrow) => arrow.classList.add("on"));
    if (target && step.part !== undefined) {
      const at = target.getBBox(), label = document.createElementNS("http://www.w3.org/2000/svg", "text");
      label.id = "along";
      label.setAttribute("x", at.x + at.width / 2);
      label.setAttribute("y", at.y - 6);
      label.textContent = "+= " + text(step.part, 0);
      picture.append(label);
    }
    if (target) follow(right, target);
  }

  // Scrolls a panel (never the page) so that the element stands in its middle.
  function follow(panel, element) {
    const a = panel.getBoundingClientRect(), b = element.getBoundingClientRect();
    panel.scrollBy({
      left: b.left + b.width / 2 - a.left - a.width / 2,
      top: b.top + b.height / 2 - a.top - a.height / 2,
      behavior: still.matches ? "auto" : "smooth",
    });
  }

  function show(i) {
    now = Math.max(0, Math.min(last, i));
    const step = steps[now - 1];
    slider.value = now;
    $("count").textContent = `${now}/${last}`;
    showWay(step);
    showSums();
    showFills();
    const equation = showCard(step), edge = showEdge(step);
    const said = [edge, equation || (step ? step.note : "")].filter(Boolean).join(". ");
    say.textContent = said;
    slider.setAttribute("aria-valuetext", `step ${now} of ${last}`);
    if (step && step.card !== undefined) {
      const neuron = inNetwork("z" + cards[step.card].fill.slice(1).split("_").slice(0, 2).join("_"));
      if (neuron) { neuron.classList.add("to"); follow(left, neuron); }
    }
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ Play";
    play.setAttribute("aria-label", "Play");
    say.setAttribute("aria-live", "polite");
  }

  function toggle() {
    if (timer) { stop(); return; }
    if (now === last) show(0);
    play.textContent = "❚❚ Pause";
    play.setAttribute("aria-label", "Pause");
    say.setAttribute("aria-live", "off"); // a reader could not follow
    timer = setInterval(() => { if (now < last) show(now + 1); else stop(); }, 900);
  }

  function setZoom() {
    const scale = +zoom.value, box = picture.viewBox.baseVal;
    picture.style.width = scale ? box.width * scale + "px" : "100%";
    picture.style.height = scale ? box.height * scale + "px" : "auto";
    showWay(steps[now - 1]);
  }

  // A z is one thing in three places: neuron, box, row of the table.
  zs.forEach(([place, box, done]) => {
    const row = document.querySelector(`tr[data-z="${place}"]`);
    const all = [inNetwork("z" + place), inGraph(box), row].filter(Boolean);
    const mark = (on) => () => all.forEach((element) => element.classList.toggle("marked", on));
    all.forEach((element) => {
      element.addEventListener("pointerenter", mark(true));
      element.addEventListener("pointerleave", mark(false));
      element.addEventListener("focus", mark(true));
      element.addEventListener("blur", mark(false));
      if (element === row) return;
      element.addEventListener("click", () => { stop(); show(done); });
      element.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); stop(); show(done); }
      });
    });
  });

  slider.addEventListener("input", () => { stop(); show(+slider.value); });
  play.addEventListener("click", toggle);
  $("back").addEventListener("click", () => { stop(); show(now - 1); });
  $("next").addEventListener("click", () => { stop(); show(now + 1); });
  spelling.addEventListener("change", () => show(now));
  zoom.addEventListener("change", setZoom);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select, input")) return;
    const panel = event.target.closest(".scroll"), way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way && event.shiftKey && panel) panel.scrollBy(way * 80, 0);
    else if (way) { stop(); show(now + way); }
    else if (event.key === "Home" || event.key === "End") { stop(); show(event.key === "Home" ? 0 : last); }
    else if (event.key === " " && !event.target.matches("button, summary")) toggle();
    else return;
    event.preventDefault();
  });

  // The whole picture where it can be read whole, else as large as its letters need.
  zoom.value = right.clientWidth > 0.75 * picture.viewBox.baseVal.width ? "0" : "1";
  setZoom();
  show(0);
})();
