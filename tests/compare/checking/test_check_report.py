"""The sentence that joins the verdicts, for all of them."""

from fractions import Fraction

import pytest

from compare.checking.batches import allowed
from compare.checking.check_report import CheckReport
from compare.checking.other_sizes import OtherSizes
from compare.checking.verdicts import FloatVerdict, Verdict
from explicit import Network

SUMMED = allowed("sum")


def joined(proved, holds, others=None, reductions=SUMMED):
    exact = Verdict(proved, "some reason", "finite field", Fraction(1, 2**110), differs=("δ²",), reductions=reductions)
    report = CheckReport(Network([2, 1]), [], exact, FloatVerdict(holds, "δ is off"), others=others)
    assert report.joined in repr(report) and report.joined == report.to_dict()["joined"]
    return report.right, report.joined


@pytest.mark.parametrize(
    ("proved", "holds", "right", "said"),
    [
        (True, True, True, "RIGHT: proved as an identity, and right in floats."),
        (True, False, False, "WRONG: proved as an identity, but wrong in floats: δ is off."),
        (True, None, None, "NOT DECIDED: proved as an identity, and not judged in floats (δ is off)."),
        (False, True, False, "WRONG: no identity, but right in floats."),
        (False, False, False, "WRONG: no identity, and wrong in floats: δ is off."),
        (False, None, False, "WRONG: no identity, and not judged in floats (δ is off)."),
        (None, True, None, "NOT DECIDED: not proved as an identity, and right in floats."),
        (None, False, False, "WRONG: not proved as an identity, and wrong in floats: δ is off."),
        (None, None, None, "NOT DECIDED: not proved as an identity, and not judged in floats (δ is off)."),
    ],
)
def test_every_pair_of_verdicts_has_its_sentence(proved, holds, right, said):
    assert joined(proved, holds) == (right, said)
    wrong_elsewhere = OtherSizes((2, 3, 1), False, "at 2-3-1 δ² is off")
    expected = said if right is False else "WRONG: at 2-3-1 δ² is off."
    assert joined(proved, holds, wrong_elsewhere) == (False, expected)


def test_the_limits_of_what_is_right_are_in_the_sentence():
    limit = OtherSizes((2, 3, 1), None, "at 2-3-1 δ² is off", "2-1")
    assert joined(True, True, limit)[1].startswith("RIGHT for the layers 2-1 alone: proved")
    assert joined(True, True, reductions=())[1].startswith("RIGHT for one sample at a time: proved")
    assert joined(True, True, limit, ())[1].startswith("RIGHT for the layers 2-1 alone, one sample at a time: proved")
    assert joined(False, True, limit)[1] == "WRONG: no identity, but right in floats."
