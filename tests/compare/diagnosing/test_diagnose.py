"""Mistakes are planted by the lab here; students' code is in test_students.py."""

import json
import random

import numpy as np
import pytest

from compare import diagnose
from compare.diagnosing.trials import PAIRED, SHAPES, backward, on_floats, pairs, step, trials
from compare.mistakes import catalogue, find, mistaken
from compare.numbers.bounded import Near, near, within
from explicit import Network, train

X = np.array([[0.5, -1.0], [0.25, 2.0], [1.5, 0.75]])
Y = np.array([[1.0, 0.25], [0.0, 0.5]])
ONE = X[:, :1], Y[:, :1]


def network(**options):
    return Network([3, 4, 2], seed=3, **options)


def said(candidate, x=ONE[0], y=ONE[1], of=None, **options):
    of = of or network()
    return diagnose(candidate, x, y, weights=of.weights, biases=of.biases, **options)


def names(diagnosis):
    return [m.name for m in diagnosis.mistakes]


# -- the catalogue -----------------------------------------------------------------------------------


def test_there_are_at_least_thirty_records_and_their_names_are_unique():
    assert len(catalogue) >= 30
    for name, mistake in catalogue.items():
        assert mistake.name == name and mistake.sentence.endswith(".") and mistake.hint and mistake.formula


# Deep relu networks are tried on floats only: their fractions grow long, and flint may be missing.
DEEP = SHAPES[6]
EXACT = [(s, False) for s in SHAPES if s is not DEEP]
ALL = [*EXACT, *((s, True) for s in (SHAPES[1], SHAPES[3], DEEP))]
QUICK = [(SHAPES[0], False)]


@pytest.mark.parametrize(
    "shape, floats", [pytest.param(*of, marks=[] if of in QUICK else pytest.mark.long) for of in ALL], ids=str
)
def test_every_record_is_named_in_every_layer_and_nothing_else_is(shape, floats):
    made = list(trials([shape], floats=floats))
    assert len(made) > 80
    missed = [(t.plan, t.samples, names(t.diagnosis)) for t in made if not t.hit]
    false = [(t.plan, t.samples, t.false) for t in made if t.false]
    assert (missed, false) == ([], [])


@pytest.mark.parametrize("every", [990, pytest.param(11, marks=pytest.mark.long)])
@pytest.mark.parametrize("floats", [False, True])
def test_pairs_of_mistakes_are_both_named(floats, every):
    # One in so many of what `python -m compare mistakes --try --pairs` plants.
    made = list(pairs(PAIRED[0], floats=floats, every=every, first=int(floats)))
    assert len(made) > 770 // every
    missed = [(t.plan, names(t.diagnosis), t.false) for t in made if not t.hit or t.false]
    assert missed == []


@pytest.mark.parametrize(
    "planted, layers",
    [
        (("z-for-a", "bp4-transposed"), None),
        (("y-minus-a", "factor-two"), None),
        (("sigma-prime-of-a", "sigma-prime-twice"), None),
        (("a-of-wrong-layer", "z-for-a"), {"a-of-wrong-layer": [4]}),
        (("w-of-wrong-layer", "w-not-transposed", "sigma-for-sigma-prime"), None),
        (("no-sigma-prime-bp1", "sigma-prime-of-a", "bias-halved", "bp4-transposed"), {"sigma-prime-of-a": [2, 3]}),
    ],
)
def test_several_mistakes_in_one_place(planted, layers):
    of = Network([3, 3, 3, 3], seed=2)
    found = said(backward(mistaken(of, *planted, layers=layers)), of=of, x=X[:3, :1], y=[[0.25], [0.5], [0.75]])
    assert set(planted) <= set(names(found)) and found.unexplained == []
    firsts = [f.mistakes[0].name for f in found.findings]
    assert len(firsts) == len(planted)


def test_a_quantity_that_differs_from_call_to_call_does_not_hide_the_others():
    wrong = mistaken(network(), "nondeterministic", "sigma-prime-of-a")
    found = said(backward(wrong))
    assert names(found) == ["nondeterministic", "sigma-prime-of-a"] and found.unexplained == []
    assert [e.holds for e in found.equations] == [False, True, True, False, True, None]


@pytest.mark.parametrize("floats", [False, True])
@pytest.mark.parametrize("layer", [2, 3])
def test_the_side_at_the_kink_of_leaky_relu(floats, layer):
    of = network(activation="leaky_relu")
    wrong = backward(mistaken(of, "relu-prime-at-zero", layers=[layer]))
    found = said(on_floats(wrong) if floats else wrong, of=of, activation="leaky_relu")
    assert names(found) == ["relu-prime-at-zero"] and found.findings[0].layers == (layer,)


def test_batch_and_layer_mistakes_come_together():
    wrong = mistaken(network(), "sigma-prime-of-a", "averaged-twice")
    assert names(said(backward(wrong), X, Y, reduction="sum")) == ["sigma-prime-of-a", "averaged-twice"]


def test_a_mistake_of_a_tenth_of_a_percent_is_seen_and_not_named():
    def backprop(weights, biases, x, y):
        nabla_b, nabla_w = backward(network())(weights, biases, x, y)
        return nabla_b, [nabla_w[0] * 1.001, nabla_w[1]]

    found = said(backprop)
    assert not found.right and found.mistakes == []
    assert found.unexplained == ["BP4 at layer 2: it is 1.001 times the right one"]
    assert [e.holds for e in found.equations] == [True, True, True, True, True, False]


@pytest.mark.parametrize(
    "change, pattern",
    [
        (lambda w: 3 * w, "it is 3 times the right one"),
        (lambda w: -w, "its sign is reversed"),
        (lambda w: w[::-1], "its numbers are the right ones in another order"),
        (lambda w: w + 0.5, "it is the right one plus 0.5 everywhere"),
        (lambda w: abs(w), "some signs are reversed"),
    ],
)
def test_what_no_record_explains_is_described(change, pattern):
    def backprop(weights, biases, x, y):
        nabla_b, nabla_w = backward(network())(weights, biases, x, y)
        return nabla_b, [change(nabla_w[0]), nabla_w[1]]

    found = said(on_floats(backprop))
    assert found.mistakes == [] and found.unexplained == [f"BP4 at layer 2: {pattern}"]


def test_a_missing_addend_is_described():
    of = network(activation="identity")
    right = of.backprop(*ONE)
    addend = of.weights[1][1:].T * right.deltas[1][1:]
    found = said([right.deltas[0] - addend, right.deltas[1]], of=of, activation="identity")
    assert found.mistakes == [] and found.unexplained == ["BP2 at layer 2: the addend of unit 2 of layer 3 is missing"]
    # Of two units, the sum less the first is the last alone: that has a name.
    found = said([addend, right.deltas[1]], of=of, activation="identity")
    assert names(found) == ["delta-overwritten"]


def test_numbers_at_a_point_without_a_derivative_are_refused():
    of = network(cost="cross_entropy")
    of.biases = [of.biases[0], of.biases[1] + 100]
    with pytest.raises(ValueError, match=r"cross_entropy needs 0 < a < 1; a\[0, 0\] = 1.0"):
        said([np.ones((4, 1)), np.ones((2, 1))], of=of, cost="cross_entropy")


# -- classes -----------------------------------------------------------------------------------------


def test_formulas_that_are_equal_here_are_all_named():
    assert names(said(backward(mistaken(network(), "no-sigma-prime-bp1")))) == [
        "no-sigma-prime-bp1",
        "cross-entropy-shortcut",
    ]


def test_a_symmetric_w_lists_all_that_fits():
    # Numbers alone: other weights, which would tell them apart, cannot be tried.
    of = Network([2, 2, 2], seed=1)
    of.weights = [np.array([[1.0, 0.5], [-0.5, 2.0]]), np.array([[0.5, -1.0], [-1.0, 0.25]])]
    x, y = np.array([[0.5], [1.0]]), np.array([[0.2], [0.7]])
    right = of.backprop(x, y)
    assert diagnose(right.deltas, x, y, weights=of.weights, biases=of.biases).mistakes == []
    of.weights = [of.weights[1], of.weights[1]]
    wrong = mistaken(of, "w-inverted").backprop(x, y)
    assert names(diagnose(wrong.deltas, x, y, weights=of.weights, biases=of.biases)) == ["w-inverted"]
    # W² = W³: the weights of the wrong layer, transposed, are the right ones; halved δ and ½n alike for n = 2.
    halved = mistaken(of, "factor-half").backprop(x, y)
    assert names(diagnose(halved.deltas, x, y, weights=of.weights, biases=of.biases)) == [
        "factor-half",
        "mean-over-outputs",
    ]


# -- interfaces and conventions ------------------------------------------------------------------------


def test_the_books_object_is_copied_and_named():
    class Book:
        def __init__(self):
            self.weights, self.biases = network().weights, network().biases

        def backprop(self, x, y):
            return backward(mistaken(network(), "z-for-a"))(self.weights, self.biases, x, y)

    book = Book()
    before = [w.tobytes() for w in book.weights]
    assert names(diagnose(book, X, Y)) == ["z-for-a"]
    assert [w.tobytes() for w in book.weights] == before


def test_numbers_alone():
    wrong = mistaken(network(), "sigma-prime-of-a").backprop(X, Y)
    for given in (wrong.deltas, (wrong.nabla_b, wrong.nabla_w), wrong.nabla_w):
        assert names(said(given, X, Y)) == ["sigma-prime-of-a"]
    right = network().backprop(X, Y)
    for given in (right.deltas, (right.nabla_b, right.nabla_w), right.nabla_w):
        assert said(given, X, Y).right
    single = [d.astype(np.float32) for d in right.deltas]
    assert said(single, X, Y).right and names(said(single, X, Y, dtype="float64")) == ["float32-inside"]
    assert said([d * (1 + 2.0**-22) for d in right.deltas], X, Y).mistakes == []
    averaged = [[a / 2 for a in g] for g in (right.nabla_b, right.nabla_w)]
    assert "averaged" in " ".join(said(averaged, X, Y).notes)
    assert names(said(averaged, X, Y, reduction="sum")) == ["mean-for-sum"]


def test_a_step_and_its_mistakes():
    assert said(step(network())).right
    for name in ("updated-w", "eta-forgotten", "step-ascends"):
        assert name in names(said(step(mistaken(network(), name, eta=0.375))))


def test_a_step_in_place():
    def train_step(weights, biases, x, y, eta):
        new_w, new_b = step(network())(weights, biases, x, y, eta)
        weights[:], biases[:] = new_w, new_b

    assert said(train_step).right


@pytest.mark.parametrize("layout", [None, "rows"])
@pytest.mark.parametrize("bias", [(4,), (1, 4)])
def test_rows_are_recognised(layout, bias):
    of = network()

    def backprop(weights, biases, x, y):
        columns = [np.reshape(b, (-1, 1)) for b in biases]
        nabla_b, nabla_w = backward(network())([w.T for w in weights], columns, x.T, y.T)
        return [g.reshape(b.shape) for g, b in zip(nabla_b, biases, strict=True)], [g.T for g in nabla_w]

    weights = [w.T for w in of.weights]
    biases = [b[:, 0] if len(bias) == 1 else b.T for b in of.biases]
    found = diagnose(backprop, X.T, Y.T, weights=weights, biases=biases, layout=layout)
    assert found.right and "samples are rows" in found.notes[0]


@pytest.mark.parametrize("first", [False, True])
def test_folded_biases_are_recognised(first):
    def split(w):
        return (w[:, 1:], w[:, :1]) if first else (w[:, :-1], w[:, -1:])

    def join(w, b):
        return np.hstack([b, w] if first else [w, b])

    def backprop(weights, x, y):
        parts = [split(w) for w in weights]
        nabla_b, nabla_w = backward(network())([w for w, _ in parts], [b for _, b in parts], x, y)
        return [join(w, b) for w, b in zip(nabla_w, nabla_b, strict=True)]

    of = network()
    found = diagnose(backprop, *ONE, weights=[join(w, b) for w, b in zip(of.weights, of.biases, strict=True)])
    assert found.right and "folded" in found.notes[0]


def test_float32_by_design_and_by_accident():
    def openly(weights, biases, x, y):
        return tuple([a.astype(np.float32) for a in g] for g in backward(network())(weights, biases, x, y))

    found = said(on_floats(openly))
    assert found.right and "float32" in found.notes[0]
    assert names(said(on_floats(openly), dtype="float64")) == ["float32-inside"]
    hidden = on_floats(backward(mistaken(network(), "float32-inside")))
    assert names(said(hidden)) == ["float32-inside"]
    assert said(hidden, dtype="float32").right


@pytest.mark.parametrize("factor", [1.001, 1 + 2.0**-20, 1 + 2.0**-24])
@pytest.mark.long
def test_a_small_factor_is_not_taken_for_the_rounding_of_float32(factor):
    of = Network([200, 5, 2], seed=1)

    def backprop(weights, biases, x, y):
        nabla_b, nabla_w = backward(network())(weights, biases, x, y)
        return nabla_b, [nabla_w[0] * factor, nabla_w[1]]

    x = np.random.RandomState(0).rand(200, 1)
    for candidate in (backprop, on_floats(backprop)):
        found = said(candidate, x=x, of=of)
        assert found.mistakes == []
        assert found.unexplained == [f"BP4 at layer 2: it is {factor:.10g} times the right one"]


def test_blas_is_right():
    assert said(on_floats(backward(network(matmul=np.matmul)))).right


def test_regularisation_that_is_not_declared_is_reported():
    found = said(backward(mistaken(network(), regularisation=0.3)))
    assert found.right and "λ = 0.3" in found.notes[0]


def test_one_sample_at_a_time_is_no_mistake_unless_a_batch_was_declared():
    book = backward(mistaken(network(), "bias-not-summed-over-batch"))
    found = said(book, X, Y)
    assert found.right and "one sample at a time" in found.notes[0]
    assert names(said(book, X, Y, reduction="sum")) == ["bias-not-summed-over-batch"]
    assert names(said(book, X, Y, reduction="mean")) == ["bias-not-summed-over-batch", "sum-for-mean"]


@pytest.mark.parametrize("seed, many", [(1, 50), pytest.param(2, 200, marks=pytest.mark.long)])
def test_right_code_is_never_accused(seed, many):
    generator = random.Random(seed)
    for number in range(many):
        sizes = [generator.randint(1, 5) for _ in range(generator.randint(2, 4))]
        cost = generator.choice(["quadratic", "cross_entropy"])
        activations = ["sigmoid"] if cost == "cross_entropy" else ["sigmoid", "tanh", "relu", "softplus", "leaky_relu"]
        activation = [generator.choice(activations) for _ in sizes[1:]]
        of = Network(sizes, activation, cost, seed=number, matmul=generator.choice([None, np.matmul]))
        m = generator.randint(1, 3)
        x = np.random.RandomState(number).randn(sizes[0], m)
        y = np.random.RandomState(number).uniform(0.1, 0.9, (sizes[-1], m))
        candidate = backward(mistaken(of, *generator.choice([(), ("mean-for-sum",)])))
        if generator.random() < 0.5:
            candidate = on_floats(candidate)
        found = diagnose(candidate, x, y, activation, cost, weights=of.weights, biases=of.biases)
        assert found.right, f"{number}: {found}"


# -- code that does not run ------------------------------------------------------------------------------


def test_an_exception_is_a_finding_with_its_line():
    def backprop(weights, biases, x, y):
        raise RuntimeError("not today")

    found = said(backprop)
    assert not found.right and found.mistakes == [] and "not today" in found.failure and ".py:" in found.failure


def test_w_that_is_not_transposed_raises_and_is_named_on_square_layers():
    def backprop(weights, biases, x, y):
        def sigmoid(z):
            return 1 / (1 + np.exp(-z))

        a = [x]
        for w, b in zip(weights, biases, strict=True):
            a.append(sigmoid(w @ a[-1] + b))
        delta = (a[2] - y) * a[2] * (1 - a[2])
        below = (weights[1] @ delta) * a[1] * (1 - a[1])
        return [below, delta], [below @ a[0].T, delta @ a[1].T]

    found = said(backprop)
    assert "matmul" in found.failure and names(found) == ["w-not-transposed"]


def test_a_wrong_number_of_arrays_is_a_finding():
    assert "expected the pair" in said(lambda weights, biases, x, y: 3).failure


# -- forms and errors ------------------------------------------------------------------------------------


def test_the_report_says_where_what_and_how_to_fix():
    found = said(backward(mistaken(network(), "sigma-prime-of-a", layers=[2])))
    text = str(found)
    for part in ("BP1, BP2 at layer 2", "[sigma-prime-of-a]", "computed: ", "right: ", "fix: "):
        assert part in text
    wrong = mistaken(network(), "sigma-prime-of-a", layers=[2]).backprop(*ONE).deltas[0]
    right = network().backprop(*ONE).deltas[0]
    j = int(np.argmax(abs(wrong - right)))
    assert f"= {right[j, 0]:.5g}, computed" in text and f"= {wrong[j, 0]:.5g}\n" in text
    assert found._repr_html_().count("<table>") == 1
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["mistakes"] == ["sigma-prime-of-a"] and plain["findings"][0]["layers"] == [2]
    assert [e["holds"] for e in plain["equations"]] == [True, True, True, False, True, True]
    assert plain["first_divergence"] == {"layer": 2, "equation": "BP2", "holds": False}
    assert "1 MISTAKE; walking backward from the cost, first in BP2 at layer 2." in text
    assert said(backward(network())).first_divergence is None


@pytest.mark.parametrize(
    "options, named",
    [
        ({"reduction": "max"}, "reduction"),
        ({"layout": "diagonal"}, "layout"),
        ({"dtype": "float16"}, "dtype"),
        ({"regularisation": float("nan")}, "regularisation"),
        ({"eta": 0}, "eta"),
    ],
)
def test_bad_arguments_are_named(options, named):
    with pytest.raises(ValueError, match=named):
        said(backward(network()), **options)


def test_bad_candidates_are_refused():
    with pytest.raises(TypeError, match="candidate"):
        diagnose(3, *ONE)
    with pytest.raises(TypeError, match="weights"):
        diagnose(backward(network()), *ONE)
    with pytest.raises(ValueError, match="candidate: expected δ of shapes"):
        said([np.ones((7, 1)), np.ones((2, 1))])
    with pytest.raises(ValueError, match="x: expected"):
        said(backward(network()), X[:2, :1])


# -- the lab -----------------------------------------------------------------------------------------------


def test_the_lab_without_mistakes_has_the_networks_bits():
    for a, b in zip(mistaken(network()).backprop(X, Y).nabla_w, network().backprop(X, Y).nabla_w, strict=True):
        assert a.tobytes() == b.tobytes()


def test_training_with_a_mistake_is_training_with_other_numbers():
    right, wrong = network(), mistaken(network(), "no-sigma-prime-bp2")
    train(right, (X, Y), epochs=3, batch_size=1, eta=1.0, progress=False)
    train(wrong, (X, Y), epochs=3, batch_size=1, eta=1.0, progress=False)
    assert right.weights[0].tobytes() != wrong.weights[0].tobytes()


def test_what_cannot_be_made_is_refused():
    with pytest.raises(ValueError, match="w-not-transposed: cannot be made"):
        mistaken(network(), "w-not-transposed")
    with pytest.raises(ValueError, match="expected one of no-sigma-prime"):
        find("no-such-mistake")
    with pytest.raises(ValueError, match="layers"):
        mistaken(network(), "bias-halved", layers=[1])


# -- error bounds -------------------------------------------------------------------------------------------


def test_the_running_bound_holds_what_exact_arithmetic_says():
    from fractions import Fraction

    generator = random.Random(0)
    for _ in range(200):
        a, b, c = (generator.uniform(-2, 2) for _ in range(3))
        x, y, z = (Near(v) for v in (a, b, c))
        made = x * y + z / (y + 3) - x * z
        true = Fraction(a) * Fraction(b) + Fraction(c) / (Fraction(b) + 3) - Fraction(a) * Fraction(c)
        assert abs(Fraction(made.value) - true) <= Fraction(made.error)


def test_nan_is_within_nothing():
    assert not within(np.array([[np.nan]]), near(np.array([[1.0]])))
