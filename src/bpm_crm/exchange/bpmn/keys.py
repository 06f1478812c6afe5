"""Keys made from the names of other people."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from bpm_crm.engine.validate import RESERVED_TRIGGERS

MOST_CHARACTERS: Final = 40

_LATIN: Final = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "",
            "y",
            "",
            "e",
            "yu",
            "ya",
        ],
        strict=True,
    )
)
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def key_of(name: str, fallback: str, taken: Collection[str], separator: str = "_") -> str:
    """A key that is not taken: the name in small Latin letters, or the fallback where none of it is left, numbered if need be."""
    latin = "".join(_LATIN.get(character, character) for character in name.lower())
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().lower()
    words = _OTHER.sub(separator, plain).strip(separator)
    stem = words[:MOST_CHARACTERS].rstrip(separator)
    if not stem or not stem[0].isalpha() or stem in RESERVED_TRIGGERS:
        stem = f"{fallback}{separator}{stem}".rstrip(separator)[:MOST_CHARACTERS]
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}{separator}{number}"
    return key
