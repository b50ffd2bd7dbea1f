"""Networks from and to torch.nn.Sequential."""

import sys

import numpy as np
import pytest

from explicit import ACTIVATIONS, Activation, Network

torch = pytest.importorskip("torch", reason="weights from and to PyTorch need the extra `torch`")
nn = torch.nn

MODULES = {
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.01),
    "softplus": nn.Softplus(),
    "softsign": nn.Softsign(),
    "identity": nn.Identity(),
}


def sequential(*modules):
    torch.manual_seed(0)
    return nn.Sequential(*modules).double()


def bits(arrays):
    return [np.asarray(array).view(np.int64).tolist() for array in arrays]


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_comes_over_and_computes_the_same(name):
    model = sequential(nn.Linear(3, 4), MODULES[name], nn.Linear(4, 2), nn.Sigmoid())
    network = Network.from_torch(model, cost="cross_entropy")
    assert repr(network) == repr(Network([3, 4, 2], [name, "sigmoid"], "cross_entropy"))
    assert bits(network.weights) == bits([model[0].weight.detach().numpy(), model[2].weight.detach().numpy()])
    assert bits(network.biases) == bits([m.bias.detach().numpy().reshape(-1, 1) for m in (model[0], model[2])])
    x = np.random.RandomState(0).randn(3, 5)
    expected = model(torch.from_numpy(x.T)).detach().numpy().T
    assert np.allclose(network.feedforward(x), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_there_and_back_has_the_same_bits(name):
    network = Network([3, 4, 2], [name, "sigmoid"], seed=3)
    state = torch.get_rng_state()
    model = network.to_torch()
    assert torch.equal(state, torch.get_rng_state())  # torch's random numbers are not used up
    again = Network.from_torch(model)
    assert repr(again) == repr(network)
    assert bits(again.weights) == bits(network.weights) and bits(again.biases) == bits(network.biases)
    x = np.random.RandomState(0).randn(3, 5)
    assert np.allclose(model(torch.from_numpy(x.T)).detach().numpy().T, network.feedforward(x), rtol=1e-14, atol=1e-15)


def test_gradients_are_the_same_function_on_both_sides():
    network = Network([2, 3, 1], "tanh")
    model = network.to_torch()
    x, y = np.random.RandomState(0).randn(2, 4), np.ones((1, 4))
    (((model(torch.from_numpy(x.T)) - torch.from_numpy(y.T)) ** 2).sum() / 2).backward()
    record = network.backprop(x, y)
    assert np.allclose(model[0].weight.grad.numpy(), record.nabla_w[0], rtol=1e-12, atol=1e-14)
    assert np.allclose(model[2].bias.grad.numpy(), record.nabla_b[1][:, 0], rtol=1e-12, atol=1e-14)


def test_the_numbers_are_copies():
    model = sequential(nn.Linear(2, 1))
    network = Network.from_torch(model)
    with torch.no_grad():
        model[0].weight.zero_()
    assert network.weights[0].any()
    back = network.to_torch()
    network.weights[0][:] = 7
    assert not (back[0].weight == 7).any()


def test_float32_keeps_its_values_and_no_bias_is_bias_0():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Tanh(), nn.Linear(3, 1))
    network = Network.from_torch(model)
    assert network.weights[0].dtype == np.float64
    assert (network.weights[0].astype(np.float32) == model[0].weight.detach().numpy()).all()
    assert network.biases[0].tolist() == [[0.0], [0.0], [0.0]]


def test_a_linear_without_activation_has_the_identity():
    names = [f.name for f in Network.from_torch(sequential(nn.Linear(2, 2), nn.Linear(2, 1))).activation_functions]
    assert names == ["identity", "identity"]


def test_softplus_is_right_where_torchs_default_is_not():
    network = Network([1, 1], "softplus")
    network.weights, network.biases = [[[1.0]]], [[[0.0]]]
    x = np.array([[20.5, 39.0, 41.0, 1000.0]])
    ours = network.to_torch()(torch.from_numpy(x.T)).detach().numpy().T
    assert np.allclose(ours, network.feedforward(x), rtol=1e-15, atol=0)


class Mine(nn.Linear):
    """A subclass may compute anything."""


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ([nn.Linear(2, 2), nn.Dropout()], r"module 1, Dropout.*a Dropout is no known layer; known: Linear, Sigmoid"),
        ([nn.Linear(2, 2), nn.Sequential(nn.ReLU())], "module 1, .*a Sequential is no known layer"),
        ([Mine(2, 2)], "module 0, Mine.*a Mine is no known layer"),
        ([nn.Linear(2, 2), nn.LeakyReLU(0.2)], r"module 1, LeakyReLU.*negative_slope=0.01, got 0.2"),
        ([nn.Linear(2, 2), nn.Softplus(beta=2)], "module 1, Softplus.*beta=1"),
        ([nn.Linear(2, 2), nn.Softplus(threshold=5)], "module 1, Softplus.*threshold ≥ 20"),
        ([nn.ReLU(), nn.Linear(2, 2)], "module 0, ReLU.*before the first Linear"),
        ([nn.Linear(2, 2), nn.ReLU(), nn.Tanh()], "module 2, Tanh.*a second activation"),
        ([nn.Linear(2, 2), nn.Linear(3, 2)], "module 1, Linear.*expected 2 inputs"),
        ([], "at least one Linear"),
    ],
)
def test_anything_else_is_refused_with_its_index_and_type(modules, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        Network.from_torch(nn.Sequential(*modules))


def test_no_sequential_and_complex_numbers_are_refused():
    with pytest.raises(TypeError, match=r"expected a torch.nn.Sequential, got Linear"):
        Network.from_torch(nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"weight: expected real numbers, got torch.complex128"):
        Network.from_torch(nn.Sequential(nn.Linear(1, 1, dtype=torch.complex128)))


def test_what_torch_does_not_have_is_refused():
    with pytest.raises(ValueError, match="activation 'mine' is not one of sigmoid"):
        Network([1, 1], Activation("mine", lambda z: z, lambda z, a: z)).to_torch()
    network = Network([1, 1])
    network.weights = [np.array([[1]], dtype=object)]
    with pytest.raises(TypeError, match=r"weights\[0\]: expected float64"):
        network.to_torch()


def test_without_torch_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"from_torch needs torch: pip install 'delta-adjoint\[torch\]'"):
        Network.from_torch(None)
    with pytest.raises(ImportError, match="to_torch needs torch"):
        Network([1, 1]).to_torch()
