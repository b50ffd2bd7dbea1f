"""δ beside the adjoint: the only package that knows both backpropagations.

>>> from compare import compare
>>> from explicit import Network
>>> compare(Network([2, 3, 1], activation="tanh"), [[0.5], [-1.0]], [[1.0]]).exact
True
"""

from compare.candidates.forward_trace import trace
from compare.checking.certificate import Certificate
from compare.checking.check import check
from compare.checking.prove import prove
from compare.comparing import compare
from compare.comparison.mismatch import Mismatch
from compare.comparison.rows import Row
from compare.counting import cost, cost_curve
from compare.data import load_mnist, moons, read_idx
from compare.diagnosing.diagnose import diagnose
from compare.diagnosing_graphs.diagnose_graph import diagnose_graph
from compare.mistakes import mistaken
from compare.numbers.rational import Rational
from compare.report import Report
from compare.rounding.ulp import ulps
from compare.training.lockstep import train_in_lockstep

__all__ = [
    "Certificate",
    "Mismatch",
    "Rational",
    "Report",
    "Row",
    "check",
    "compare",
    "cost",
    "cost_curve",
    "diagnose",
    "diagnose_graph",
    "load_mnist",
    "mistaken",
    "moons",
    "prove",
    "read_idx",
    "trace",
    "train_in_lockstep",
    "ulps",
]
