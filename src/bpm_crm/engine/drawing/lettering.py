"""How wide texts are, as far as that can be known without the font, and where their lines break."""

import unicodedata
from collections.abc import Iterator
from typing import Final

_EMS: Final = (
    (0.36, "iIjl.,:;'|!() "),
    (0.44, "ft[]rJг-·/\\"),
    (1.0, "mwMWшщжюмфыШЩЖЮМФЫ@%—…"),
)
_PLAIN, _CAPITAL, _FULL = 0.64, 0.78, 1.05
"""Of the size of the letters; not below the widest of the fonts asked for, so that no text leaves its place."""
_WIDTHS: Final = {character: width for width, characters in _EMS for character in characters}
_BOLD: Final = 1.1


def width_of(text: str, size: float, *, is_bold: bool = False) -> float:
    """At most how wide a line of text is, in the unit of its `size`."""
    return sum(map(_ems, text)) * size * (_BOLD if is_bold else 1)


def wrapped(text: str, width: float, size: float, *, most: int, is_bold: bool = False) -> tuple[str, ...]:
    """The lines of a text inside a width, at most so many; an ellipsis ends one that goes on."""
    lines = list(_lines(text, width, size, is_bold))
    if len(lines) <= most:
        return tuple(lines) or ("",)
    last = lines[most - 1]
    while last and width_of(last + "…", size, is_bold=is_bold) > width:
        last = last[:-1]
    return (*lines[: most - 1], last.rstrip() + "…")


def _lines(text: str, width: float, size: float, is_bold: bool) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, size, is_bold=is_bold) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while width_of(line, size, is_bold=is_bold) > width and len(line) > 1:
            cut = _fitting(line, width, size, is_bold)
            yield line[:cut]
            line = line[cut:]
    if line:
        yield line


def _fitting(word: str, width: float, size: float, is_bold: bool) -> int:
    """How many characters of a word that is too long fit, at least one."""
    cut = len(word)
    while cut > 1 and width_of(word[:cut], size, is_bold=is_bold) > width:
        cut -= 1
    return cut


def _ems(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return _FULL
    return _WIDTHS.get(character, _CAPITAL if character.isupper() else _PLAIN)
