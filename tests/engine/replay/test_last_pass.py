import random
import struct

from engine import Value, record
from engine.nn import MLP


def bits(numbers):
    return [struct.pack("<d", float(x)) for x in numbers]


def test_adjoints_and_data_of_recorded_nodes(compiled):
    random.seed(3)
    mlp = MLP(3, [4, 2], activation="tanh")
    kept = {}

    def cost(x, _):
        out = mlp(x)
        kept["z"] = [z for layer in mlp.z for z in layer]
        kept["sums"] = [z.parents[0] for z in kept["z"]] + [z.parents[1] for z in kept["z"]]
        return out[0] * out[1]

    x = [0.5, -1.0, 2.0]
    tape = record(cost, [1.0, 1.0, 1.0], mlp.parameters(), compiled=compiled)
    nodes, inner = kept["z"], kept["sums"]
    tape.forward(x)
    tape.backward()
    wanted = cost([Value(v) for v in x], None)
    wanted.backward()
    assert bits(tape.adjoints(nodes)) == bits(z.grad for z in kept["z"])
    assert bits(tape.data(nodes)) == bits(z.data for z in kept["z"])
    assert bits(tape.data(inner)) == bits(n.data for n in kept["sums"])
    assert bits(tape.adjoints(inner)) == bits(n.grad for n in kept["sums"])
    assert bits([tape.adjoints("z²₁")]) == bits([kept["z"][0].grad])
    before = tape.forward(x)
    mlp.parameters()[0].data += 1.0
    assert tape.forward(x) != before  # parameters that are Values are read anew
