import random

import numpy as np
import pytest

from compare.comparison.tracing import as_values, network_of, numbers, parameters, trace_mlp, trace_network
from engine import Value
from engine.nn import MLP, Layer
from engine.reverse import nodes
from explicit import Network


def traced(network, x, y):
    weights, biases = parameters("w", network.weights), parameters("b", network.biases)
    return trace_network(network, weights, biases, np.array(x), np.array(y)), weights, biases


NETWORK = Network([2, 3, 1], activation="tanh", seed=3)
X, Y = [[0.5], [-1.0]], [[1.0]]


def labels(nodes_):
    return [node.label for node in nodes_]


def test_nodes_have_the_names_of_the_book():
    graph, weights, biases = traced(NETWORK, X, Y)
    assert [labels(z[:, 0]) for z in graph.zs] == [["z²₁", "z²₂", "z²₃"], ["z³₁"]]
    assert [labels(a[:, 0]) for a in graph.activations] == [["a²₁", "a²₂", "a²₃"], ["a³₁"]]
    assert [labels(row) for row in weights[0]] == [["w²₁₁", "w²₁₂"], ["w²₂₁", "w²₂₂"], ["w²₃₁", "w²₃₂"]]
    assert labels(weights[1][0]) == ["w³₁₁", "w³₁₂", "w³₁₃"]
    assert [labels(b[:, 0]) for b in biases] == [["b²₁", "b²₂", "b²₃"], ["b³₁"]]
    assert graph.cost.label == "C"
    leaves = {node.label for node in nodes(graph.cost) if not node.parents}
    assert {"a¹₁", "a¹₂", "y₁", "w³₁₃", "b²₂"} <= leaves


def test_two_digit_indices_are_parted():
    _, weights, _ = traced(Network([1, 10, 2]), [[1.0]], [[0.0], [1.0]])
    assert weights[1][0, 9].label == "w³₁,₁₀" and weights[0][9, 0].label == "w²₁₀,₁"


def test_the_identity_s_z_and_a_are_one_node_named_z():
    graph, _, _ = traced(Network([1, 1], activation="identity"), [[1.0]], [[0.0]])
    assert graph.zs[0][0, 0] is graph.activations[0][0, 0]
    assert graph.zs[0][0, 0].label == "z²₁"


def test_the_nodes_are_entries_of_the_arrays_and_nodes_of_the_graph():
    graph, weights, biases = traced(NETWORK, X, Y)
    reached = set(nodes(graph.cost))
    for arrays in (graph.zs, graph.activations, weights, biases):
        for array in arrays:
            assert array.dtype == object and {type(v) for v in array.flat} == {Value}
            assert set(array.flat) <= reached
    for z, a in zip(graph.zs, graph.activations, strict=True):
        assert [node.parents for node in a[:, 0]] == [(node,) for node in z[:, 0]]


def test_the_data_have_the_bits_of_the_record():
    graph, _, _ = traced(NETWORK, X, Y)
    record = NETWORK.backprop(X, Y)
    assert [[n.data for n in z[:, 0]] for z in graph.zs] == [z[:, 0].tolist() for z in record.zs]
    assert graph.cost.data == record.cost


def test_as_values_makes_leaves_of_floats_and_keeps_objects():
    leaves = as_values(np.array([[1.0, -0.0]]))
    assert leaves.shape == (1, 2) and type(leaves[0, 0].data) is float and leaves[0, 0].label == ""
    assert str(leaves[0, 1].data) == "-0.0"
    objects = np.array([[10**30]], dtype=object)
    assert as_values(objects)[0, 0].data == 10**30
    assert as_values(np.empty((0, 2))).shape == (0, 2)


# -- an MLP ----------------------------------------------------------------------------------------


def perceptron(nin=2, nouts=(3, 2, 1), **keywords):
    random.seed(11)
    mlp = MLP(nin, list(nouts), **keywords)
    for p in mlp.parameters():
        p.data += 0.125
    return mlp


def test_network_of_has_the_mlp_s_bits_and_activations():
    mlp = perceptron(activation="tanh", output="sigmoid")
    network = network_of(mlp, "cross_entropy")
    assert network.sizes == [2, 3, 2, 1] and network.cost.name == "cross_entropy"
    assert [f.name for f in network.activation_functions] == ["tanh", "tanh", "sigmoid"]
    flat = [
        number
        for W, b in zip(network.weights, network.biases, strict=True)
        for row, (bias,) in zip(W.tolist(), b.tolist(), strict=True)
        for number in (*row, bias)
    ]
    assert [x.hex() for x in flat] == [p.data.hex() for p in mlp.parameters()]


def test_network_of_copies():
    mlp = perceptron()
    before = [p.data for p in mlp.parameters()]
    network = network_of(mlp)
    network.weights[0][:] = 0.0
    assert [p.data for p in mlp.parameters()] == before


def test_network_of_takes_an_mlp_that_has_diverged():
    mlp = perceptron()
    mlp.layers[0].neurons[0].w[0].data = float("nan")
    assert np.isnan(network_of(mlp).weights[0][0, 0])


def test_an_activation_without_a_textbook_side_is_refused():
    with pytest.raises(ValueError, match="network: activation 'exp' has no textbook side; known: sigmoid"):
        network_of(perceptron(activation="exp"))


def test_a_layer_of_different_activations_is_refused():
    mlp = perceptron()
    mlp.layers[1].neurons[1].activation = "tanh"
    with pytest.raises(ValueError, match="network: the neurons of layer 3 have different activations"):
        network_of(mlp)


def test_trace_mlp_takes_the_graph_that_the_mlp_builds():
    mlp = perceptron()
    graph = trace_mlp(network_of(mlp), mlp, np.array(X), np.array(Y))
    assert [labels(z[:, 0]) for z in graph.zs] == [["z²₁", "z²₂", "z²₃"], ["z³₁", "z³₂"], ["z⁴₁"]]
    assert set(mlp.parameters()) <= set(nodes(graph.cost))
    assert [z.ravel().tolist() for z in graph.zs] == [layer.z for layer in mlp.layers]


def test_trace_mlp_also_for_one_neuron_per_layer():
    random.seed(0)
    mlp = MLP(1, [1, 1])
    mlp.layers[1] = Layer(1, 1, activation="tanh", layer=3)
    graph = trace_mlp(network_of(mlp), mlp, np.array([[0.5]]), np.array([[1.0]]))
    assert [z.shape for z in graph.zs] == [(1, 1), (1, 1)]


def test_numbers_are_floats_or_stay_what_they_are():
    assert numbers([[Value(1), Value(2.5)]]).dtype == np.float64
    from compare import Rational

    kept = numbers([[Value(Rational(1, 3)), Value(2)]])
    assert kept.dtype == object and kept[0, 0] == Rational(1, 3)
