import xml.etree.ElementTree as ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value
from engine.drawing.text import number, scale, shade


@given(st.floats(allow_subnormal=True), st.integers(1, 17))
def test_a_number_has_its_sign_and_its_digits(x, digits):
    text = number(x, digits)
    if x != x:
        assert text == "nan"
        return
    assert text[0] in "+-" and (text[0] == "-") == (str(x)[0] == "-")
    assert float(text) == float(f"{x:.{digits}g}")


@given(st.text())
@settings(max_examples=200)
def test_clean_text_fits_into_xml(text):
    root = ElementTree.fromstring(Value(1.0, text).graph().svg(engine="grid"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_colours_tell_the_sign():
    assert shade(-1.0, 1.0) == "#86bfee" and shade(1.0, 1.0) == "#f4a55a" and shade(0.0, 1.0) == "#ffffff"
    assert shade(float("nan"), 1.0) == "#ffffff" and shade(float("inf"), 1.0) == "#f4a55a"
    assert scale([0.0, float("inf"), -2.0, 4.0, 6.0]) == 4.0 and scale([]) == 1.0
