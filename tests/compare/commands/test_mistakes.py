"""``python -m compare mistakes --try``: how far it is."""

import pytest

from compare.commands.main import main
from compare.diagnosing.trials import PAIRED, pairs, trials


def test_the_trial_goes_through_a_list_that_a_progress_bar_can_show():
    seen = []

    def progress(items):
        for item in items:
            seen.append((item, len(items)))
            yield item

    next(trials(progress=progress))
    next(pairs(PAIRED[0], every=200, progress=progress))
    (shape, record), count = seen[0]
    assert len(shape) == 3 and record.name == "no-sigma-prime-bp1" and count > 300
    assert seen[1][0] == ("no-sigma-prime-bp1", "no-sigma-prime-bp2")


def test_the_help_says_how_long_it_takes(capsys):
    with pytest.raises(SystemExit):
        main(["mistakes", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "about a minute" in said and "about five minutes" in said
