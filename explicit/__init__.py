"""The textbook's backpropagation: z, a and δ as arrays, and the equations BP1–BP4 written out.

Source: Michael Nielsen, "Neural Networks and Deep Learning", chapter 2,
http://neuralnetworksanddeeplearning.com/chap2.html

>>> import numpy as np
>>> from explicit import Network
>>> record = Network([2, 3, 1]).backprop(np.array([[0.5], [-1.0]]), np.array([[1.0]]))
>>> record.made_by
['BP2', 'BP1']
>>> [delta.shape for delta in record.deltas]
[(3, 1), (1, 1)]
"""

from explicit.activations import ACTIVATIONS, Activation
from explicit.costs import COSTS, Cost, cross_entropy_shortcut
from explicit.equations import bp1, bp2, bp3, bp4
from explicit.model import Model, Use
from explicit.network import Backprop, Network
from explicit.training import train

__all__ = [
    "ACTIVATIONS",
    "COSTS",
    "Activation",
    "Backprop",
    "Cost",
    "Model",
    "Network",
    "Use",
    "bp1",
    "bp2",
    "bp3",
    "bp4",
    "cross_entropy_shortcut",
    "train",
]
