"""Elements of XML and how they are written: indented, in the order given, the same text for the same elements."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_UNWRITABLE: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535, *range(55296, 57344)))
_RETURN: Final = {"\r": "&#13;"}


@dataclass(frozen=True, slots=True)
class Element:
    """An element to be written: `prefix:name`, attributes (None: left out), children or a text."""

    name: str
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    children: Sequence["Element"] = ()
    text: str = ""


def written(root: Element) -> str:
    """The document of a root element."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(_lines(root, "")) + "\n"


def writable(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return text.translate(_UNWRITABLE)


def _lines(element: Element, indent: str) -> Iterator[str]:
    given = "".join(
        f" {name}={quoteattr(writable(value))}" for name, value in element.attributes.items() if value is not None
    )
    if element.children:
        yield f"{indent}<{element.name}{given}>"
        for child in element.children:
            yield from _lines(child, indent + "  ")
        yield f"{indent}</{element.name}>"
    elif element.text:
        yield f"{indent}<{element.name}{given}>{escape(writable(element.text), _RETURN)}</{element.name}>"
    else:
        yield f"{indent}<{element.name}{given}/>"
