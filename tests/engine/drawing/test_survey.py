from engine.drawing.survey import place_of_label


def test_labels_name_neurons():
    assert place_of_label("z²₁") == (2, 1) and place_of_label("b¹²₃₄") == (12, 34)
    assert place_of_label("w³₁₀,₃") == (3, 10) and place_of_label("a¹₇") == (1, 0)
    assert place_of_label("zoo") is None and place_of_label("w³₁₂₃") is None and place_of_label("z²") is None
