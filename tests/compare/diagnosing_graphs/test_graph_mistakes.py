"""Every mistake of the catalogue, planted."""


import pytest

from compare import diagnose_graph
from compare.diagnosing_graphs.graph_mistakes import GRAPH_MISTAKES, wrong_rules
from compare.diagnosing_graphs.reading import formula
from engine.ops import TABLE
from tests.compare.diagnosing_graphs.styles import (
    Ruled,
    names,
    row,
)


def test_the_catalogue_has_names_and_hints():
    assert len(GRAPH_MISTAKES) >= 30
    assert all(m.sentence.endswith(".") and m.hint for m in GRAPH_MISTAKES.values())


NO_STEP = ("step", "sign", "ge", "base_log")  # their partials are 0, or they are in no student's class

PLANTED = [
    (op, number)
    for op in TABLE
    if op not in NO_STEP
    for number, rule in enumerate(wrong_rules(row(op)))
    if not (op == "relu" and rule.mistakes[0].name == "relu-side")  # it shows at 0 only
]


@pytest.mark.parametrize("op, number", PLANTED)
def test_every_record_is_named_wherever_it_is_planted(op, number):
    rule = list(wrong_rules(row(op)))[number]
    kind = type("Ruled", (Ruled,), {"rules": {op: rule}})
    a, b, c = kind(0.7), kind(1.9), kind(-1.3)
    positive = op in ("log", "sqrt", "pow")
    operands = (a, b * a, *(() if positive else (c, c * b)))
    used = [kind.apply(row(op), *((x, b) if row(op).dy else (x,))) for x in operands]
    root = sum(used, start=a) * used[0] + b
    root.backward()
    found = diagnose_graph(root, [a, b])
    assert rule.mistakes[0].name in names(found), (names(found), str(found))
    assert len(found.findings) == 1
    # What else is named computes the same: its formulas are equal at the graph's own data.
    point = [(n._prev[0].data, n._prev[-1].data, n.data) for n in used]
    for other in wrong_rules(row(op)):
        if other.mistakes[0] in found.mistakes and rule.chain and not rule.assigns:
            for x, y, out in point:
                made, meant = (formula(r.dx, r.dy or "0")(x, y, out, row(op).c) for r in (other, rule))
                if other.mistakes[0].name != rule.mistakes[0].name:
                    assert made == pytest.approx(meant, rel=1e-12)


def test_all_records_are_planted_somewhere():
    named = {r.mistakes[0].name for op in TABLE for r in wrong_rules(row(op))}
    by_pass = {"second-backward", "left-over", "not-topological", "not-reversed", "no-seed", "wrong-seed"}
    by_pass |= {"other-root", "visited-again", "changed-later", "unreached-leaf", "not-visited", "not-recognised"}
    assert named | by_pass == set(GRAPH_MISTAKES)
