import pytest

from engine.notation import symbol


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("z", 2, 1), "z²₁"),
        (("δ", 3, 10), "δ³₁₀"),
        (("w", 2, 1, 3), "w²₁₃"),
        (("w", 2, 1, 13), "w²₁,₁₃"),
        (("w", 12, 10, 3), "w¹²₁₀,₃"),
        (("y", None, 4), "y₄"),
    ],
)
def test_symbols_are_the_books(arguments, text):
    assert symbol(*arguments) == text


def test_different_nodes_have_different_symbols():
    names = [symbol("w", layer, j, k) for layer in (2, 12) for j in range(1, 25) for k in range(1, 25)]
    assert len(set(names)) == len(names)
