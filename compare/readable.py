"""The forms in which a report is read, the same for every report: text, HTML, plain data, JSON."""

import html
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from engine.files import write_json
from explicit import Network


@dataclass(frozen=True)
class Table:
    """A table of a report: its head and its rows, of texts as they are shown."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def text(self, form: str) -> str:
        """The table in a format of tabulate's; "" without rows."""
        return tabulate(self.rows, self.head, tablefmt=form, disable_numparse=True) if self.rows else ""


class Readable:
    """A report; who inherits says what its parts are, and what it is as plain data."""

    def _parts(self) -> Iterable[str | Table]:
        """The paragraphs and tables, in order; empty ones are left out."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        raise NotImplementedError

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON, whole or not at all.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        write_json(path, self.to_dict())

    def __str__(self) -> str:
        texts = (part.text("simple") if isinstance(part, Table) else part for part in self._parts())
        return "\n\n".join(text for text in texts if text)

    def _repr_html_(self) -> str:
        texts = (part.text("html") if isinstance(part, Table) else _paragraph(part) for part in self._parts())
        return "\n".join(text for text in texts if text)


def _paragraph(text: str) -> str:
    if "\n" not in text:
        return text and f"<p>{html.escape(text)}</p>"
    return f'<pre style="white-space: pre-wrap">{html.escape(text)}</pre>'


def name_of(network: Network) -> str:
    """What a report's title calls a network.

    >>> name_of(Network([2, 3, 1], ["tanh", "sigmoid"]))
    '2-3-1, tanh/sigmoid, quadratic'
    """
    names = [sigma.name for sigma in network.activation_functions]
    activations = "/".join(names if len(set(names)) > 1 else names[:1])
    return f"{'-'.join(map(str, network.sizes))}, {activations}, {network.cost.name}"
