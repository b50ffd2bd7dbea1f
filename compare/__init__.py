"""δ beside the adjoint: the only package that knows both backpropagations.

>>> from compare import compare
>>> from explicit import Network
>>> compare(Network([2, 3, 1], activation="tanh"), [[0.5], [-1.0]], [[1.0]]).exact
True
"""

from compare.classify import Mismatch
from compare.comparing import compare
from compare.counting import cost, cost_curve
from compare.data import load_mnist, moons, read_idx
from compare.diagnosing import diagnose
from compare.foreign import check
from compare.forwards import trace
from compare.graphdiagnosis import diagnose_graph
from compare.lockstep import train_in_lockstep
from compare.mistakes import mistaken
from compare.proving import Certificate, prove
from compare.rational import Rational
from compare.reporting import Report, Row
from compare.ulp import ulps

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
