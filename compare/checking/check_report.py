"""What `check` found, and its forms for reading."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import ceil
from typing import Any

from compare.checking.other_sizes import OtherSizes
from compare.checking.verdicts import FloatVerdict, Verdict
from compare.comparison.rows import LISTED, SHOWN, Compared, Pair, Row, plain_row, text_of
from compare.numbers.identity import as_plain, log2
from compare.readable import Readable, Table, name_of
from explicit import Network


@dataclass(frozen=True, eq=False)
class CheckReport(Compared, Readable):
    """Somebody's backpropagation beside the adjoints: in float64, and in exact arithmetic.

    network:  ours with the candidate's parameters
    pairs:    in float64, for each sample its `Pair`s, walking backward from the cost: δ, ∂C/∂W per layer;
              empty where the candidate raised or returned nothing comparable
    verdict:  of exact arithmetic, with all its details (`compare.checking.verdicts.Verdict`)
    floats:   whether the floats are as near as rounding lets them be (`compare.checking.verdicts.FloatVerdict`)
    failure:  what kept float64 from being compared; "" where nothing did
    notes:    remarks: np.zeros was replaced, arguments were changed in place, two calls differed, …
    others:   what floats say at other sizes; None where nothing was asked
    """

    network: Network
    pairs: list[list[Pair]]
    verdict: Verdict
    floats: FloatVerdict
    failure: str = ""
    notes: tuple[str, ...] = ()
    others: OtherSizes | None = None

    QUANTITIES = ("z", "w")

    def _every(self) -> Iterator[Pair]:
        return chain.from_iterable(self.pairs)

    @property
    def right(self) -> bool | None:
        """True: proved, and the floats hold.  False: one of them fails, or other sizes do.  None: see `joined`."""
        verdicts = (self.proved, self.floats.holds)
        if False in verdicts or (self.others and self.others.holds is False):
            return False
        return True if None not in verdicts else None

    @property
    def joined(self) -> str:
        """`right` in a sentence, which names what fails."""
        identity = {True: "proved", False: "no identity", None: "not proved"}[self.proved]
        if self.proved is not False:
            identity += " as an identity"
        floats = self.floats.holds
        why = {
            True: "right in floats",
            False: f"wrong in floats: {self.floats.reason}",
            None: f"not judged in floats ({self.floats.reason})",
        }[floats]
        said = f"{identity}, {'but' if {self.proved, floats} == {True, False} else 'and'} {why}."
        if self.right:
            how = self.verdict.reductions
            batches = how and all(one.takes_batches for one in how)
            limits = [f"the layers {self.others.fixed} alone"] if self.others and self.others.fixed else []
            limits += [] if batches else ["one sample at a time"]
            return f"RIGHT{' for ' if limits else ''}{', '.join(limits)}: {said}"
        if self.right is None:
            return f"NOT DECIDED: {said}"
        if self.others and False not in (self.proved, floats):
            return f"WRONG: {self.others.said}."
        return f"WRONG: {said}"

    @property
    def proved(self) -> bool | None:
        """True: right, as an identity.  False: wrong, confirmed.  None: not proved; `reason` says why."""
        return self.verdict.proved

    @property
    def reason(self) -> str:
        """Why the verdict of exact arithmetic is what it is."""
        return self.verdict.reason

    @property
    def probability(self) -> Fraction | None:
        """That a false identity passed for proved; None unless `proved` is True."""
        return self.verdict.probability

    @property
    def counterexample(self) -> Row | None:
        """Where `proved` is False, the first number that is wrong, in the arithmetic that confirmed it."""
        return self.verdict.counterexample

    @property
    def exact(self) -> bool:
        """Whether every δ and every ∂C/∂w has the bits of its adjoint, in float64, at the given samples."""
        return bool(self.pairs) and self.all_equal

    @property
    def max_ulps(self) -> int | float | None:
        """The largest distance in float64; None where nothing could be compared."""
        distances = [p.max_ulps for p in self._every() if p.max_ulps is not None]
        return max(distances, default=None)

    # -- forms for reading -----------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What was checked: network, cost, samples."""
        return f"{name_of(self.network)} cost"

    @property
    def in_words(self) -> str:
        """The exact verdict in a sentence."""
        v = self.verdict
        if v.proved:
            assert v.probability is not None
            return (
                f"PROVED: δ and ∂C/∂w are the adjoints: {v.reason}; a false identity passes with probability "
                f"below 2^{ceil(log2(v.probability))} (degree {v.degree:,}, {v.arguments:,} values of exp)."
            )
        if v.proved is False:
            row = v.counterexample
            found = ""
            if row is not None:
                found = f" {row.name} is {text_of(row.delta)}, the adjoint is {text_of(row.adjoint)}."
            return f"WRONG, walking backward from the cost first at {v.differs[0]}: {v.reason}.{found}"
        return f"NOT PROVED: {v.reason}."

    @property
    def in_floats(self) -> str:
        """The comparison in float64 in a sentence or two."""
        if self.failure:
            return f"float64: not compared: {self.failure}"
        counts = self.counts
        said = "float64: {:,} of {:,} δ".format(*counts["z"]) + " and {:,} of {:,} ∂C/∂w".format(*counts["w"])
        said += f" have the adjoint's bits ({len(self.pairs)} sample{'s' if len(self.pairs) > 1 else ''})."
        first = self.first_divergence
        if first is None:
            return said
        return (
            f"{said} The largest distance is {self.max_ulps:,} ULP; walking backward from the cost, the first "
            f"to differ is {first.name} of sample {first.sample}: {text_of(first.delta)} against "
            f"{text_of(first.adjoint)} ({first.ulps:,} ULP)."
        )

    def _table(self) -> Table:
        rows = self.rows if self.counts["z"][1] <= SHOWN else list(self.different())[:LISTED]
        body = [
            [r.name, r.sample, text_of(r.delta), text_of(r.adjoint), "yes" if r.equal else f"{r.ulps:,} ULP"]
            for r in rows
        ]
        head = ["node", "sample", "candidate's δ", "adjoint", "same bits"]
        return Table(head, body)

    @property
    def _lines(self) -> list[str]:
        scope = [text for text in (self.floats.batch, self.others and self.others.said) if text]
        said = [self.joined, self.in_floats, self.in_words, *(f"{text[0].upper()}{text[1:]}." for text in scope)]
        return [*said, *(f"note: {note}" for note in self.notes)]

    def _parts(self) -> Iterator[str | Table]:
        yield self.title
        yield self._table()
        yield "\n".join(self._lines)

    def __repr__(self) -> str:
        return f"<CheckReport {self.title}: {self.joined} {self.in_words}>"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data: every δ, and every ∂C/∂w that differs."""
        v, first = self.verdict, self.first_divergence
        return {
            "title": self.title,
            "right": self.right,
            "joined": self.joined,
            "exact": self.exact,
            "proved": v.proved,
            "reason": v.reason,
            "arithmetic": v.arithmetic,
            "probability": None if v.probability is None else as_plain(v.probability),
            "trials": v.trials,
            "degree": v.degree,
            "differs": list(v.differs),
            "floats": {"holds": self.floats.holds, "reason": self.floats.reason, "share": repr(self.floats.share)},
            "batch": self.floats.batch,
            "other_sizes": self.others and dataclasses.asdict(self.others),
            "counterexample": None if v.counterexample is None else plain_row(v.counterexample),
            "failure": self.failure,
            "notes": list(self.notes),
            "max_ulps": None if self.max_ulps is None else str(self.max_ulps),
            "first_divergence": None if first is None else plain_row(first),
            "delta": [plain_row(row) for row in self.rows],
            "different": [plain_row(row) for row in self.different() if row.quantity == "w"],
        }
