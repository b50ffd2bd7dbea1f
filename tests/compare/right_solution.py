import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def backprop(weights, biases, x, y):
    a = [x]
    for w, b in zip(weights, biases, strict=True):
        a.append(sigmoid(np.dot(w, a[-1]) + b))
    delta = (a[-1] - y) * a[-1] * (1 - a[-1])
    nabla_b, nabla_w = [delta], [np.dot(delta, a[-2].T)]
    for k in range(2, len(a)):
        delta = np.dot(weights[-k + 1].T, delta) * a[-k] * (1 - a[-k])
        nabla_b.insert(0, delta)
        nabla_w.insert(0, np.dot(delta, a[-k - 1].T))
    return nabla_b, nabla_w
