"""Layers: each a forward function, and its δ equations in the order of the contract.

A layer says what it reads and makes, by name, and has one equation for each quantity that a δ leads to.  δ belongs to
every named array, not to pre-activations alone: S of a softmax, μ and r of a norm, the gates of an LSTM.  A model
(`explicit.model`) is a list of uses of layers, and knows names only.

Samples stand in the last axis: vectors (n, B), sequences (T, n, B), images (C, H, W, B).
"""

from explicit.layers.attention import Attention
from explicit.layers.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from explicit.layers.costs import (
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Huber,
    LogLikelihood,
    MeanSquares,
    Quadratic,
    SoftmaxCrossEntropy,
)
from explicit.layers.dense import Dense, Linear
from explicit.layers.embedding import Embedding
from explicit.layers.joining import Add, Concat, Dropout, Flatten
from explicit.layers.layer import Layer, equation
from explicit.layers.norm import BatchNorm, LayerNorm, RMSNorm
from explicit.layers.pooling import MaxPool1d, MaxPool2d, MeanPool1d, MeanPool2d
from explicit.layers.recurrent import GRUCell, LSTMCell, RNNCell
from explicit.layers.sigma import Sigma
from explicit.layers.softmax import Softmax

__all__ = [
    "Add",
    "Attention",
    "BatchNorm",
    "BinaryCrossEntropy",
    "Concat",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropy",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "Hinge",
    "Huber",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "Linear",
    "LogLikelihood",
    "MaxPool1d",
    "MaxPool2d",
    "MeanPool1d",
    "MeanPool2d",
    "MeanSquares",
    "Quadratic",
    "RMSNorm",
    "RNNCell",
    "Sigma",
    "Softmax",
    "SoftmaxCrossEntropy",
    "equation",
]
