"""The bounds that keep a hostile or broken document from filling the memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may ask for; each is far above what real logs need.

    `depth` counts open elements; `value_characters` bounds one attribute value or key; `part_bytes` bounds the source of one
    trace, or of the header, because each is held in memory whole (to within the 64 KiB that are read at a time); `names`
    bounds distinct names of elements, XML attributes and prefixes, which the XML parser never forgets.
    """

    depth: int = 64
    value_characters: int = 1_048_576
    part_bytes: int = 67_108_864
    names: int = 10_000

    @property
    def token_bytes(self) -> int:
        """The longest single tag or comment, in bytes: a value of four-byte characters, and room for a parser that waits for more."""
        return 8 * self.value_characters + 65_536
