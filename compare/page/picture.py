"""The right picture of a page: a Graph's SVG, made ready for a page that fills its grads in step by step."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

NAMESPACE = "http://www.w3.org/2000/svg"
SVG = f"{{{NAMESPACE}}}"


class Ready:
    """A picture that a page can fill in.

    text :   the SVG, as part of an HTML page: marked are each box's text (class "grad") and background of the grad
    ids :    the ids that it has, without the prefix
    """

    def __init__(self, svg: str, prefix: str, buttons: Mapping[str, str]) -> None:
        """buttons: the ids (without prefix) of the boxes that can be chosen, with what a screen reader says."""
        ElementTree.register_namespace("", NAMESPACE)
        root = ElementTree.fromstring(svg)
        root.set("role", "group")  # not img: it has parts that can be focused
        for side in ("width", "height"):
            root.set(side, root.get(side, "").removesuffix("pt"))
        self.ids: set[str] = set()
        for element in root.iter():
            key = element.get("id", "").removeprefix(prefix)
            if key:
                self.ids.add(key)
            if element.tag == f"{SVG}g" and "node" in element.get("class", "").split():
                _mark_grad(element)
            if key in buttons:
                element.set("role", "button")
                element.set("tabindex", "0")
                element.set("aria-label", buttons[key])
        text = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
        # HTML reads <rect/> within svg, but not <title/>; there are none, since every title has a text.
        self.text = re.sub(r"\s*\n\s*", "", text)


def _mark_grad(box: ElementTree.Element) -> None:
    """Mark the number beside "grad" (or δ) and the coloured cell behind it; a white cell has none and gets one."""
    parts = list(box)
    frame = next((p for p in parts if p.tag == f"{SVG}rect"), None)
    for i, part in enumerate(parts[:-1]):
        is_name = part.tag == f"{SVG}text" and part.get("class") == "k"
        if not (is_name and (part.text or "").startswith(("grad", "δ")) and frame is not None):
            continue
        cell, number = (parts[i + 1], parts[i + 2]) if parts[i + 1].tag == f"{SVG}rect" else (None, parts[i + 1])
        if cell is None:
            cell = ElementTree.Element(f"{SVG}rect")
            # As wide as a number of five digits, which is the widest that the page writes there.
            right, y = float(number.get("x", "0")) + 3, float(number.get("y", "0"))
            cell.attrib.update({"x": f"{right - 80:.1f}", "y": f"{y - 12.5:.1f}", "width": "80", "height": "17"})
            box.insert(i + 1, cell)
        cell.attrib.pop("fill", None)
        cell.set("class", "gradcell")
        number.set("class", "r grad")
        return
