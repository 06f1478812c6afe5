"""Writes a document as people would: a line for each part where it fits, comments above the parts they are about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

WIDTH: Final = 120

Comments = Mapping[tuple[str, ...], Sequence[str]]


def write_yaml(data: Mapping[str, Any], comments: Comments | None = None) -> str:
    """The text of plain JSON data, which the reader reads as the same; comments by the path of keys that they stand above, () for the top."""
    said = comments or {}
    lines = [*_comments(said.get((), ()), ""), *_mapping(data, (), said)]
    return "\n".join(lines) + "\n"


def _mapping(data: Mapping[str, Any], path: tuple[str, ...], comments: Comments) -> Iterator[str]:
    indent = "  " * len(path)
    for key, value in data.items():
        place = (*path, key)
        is_section = (
            not path and isinstance(value, Mapping) and any(isinstance(item, Mapping) for item in value.values())
        )
        if is_section:
            yield ""
        yield from _comments(comments.get(place, ()), indent)
        line = f"{indent}{_flow(key)}: {_flow(value)}"
        opens = isinstance(value, Mapping) and value and (is_section or len(line) > WIDTH or _is_above(place, comments))
        if isinstance(value, Mapping) and opens:
            yield f"{indent}{_flow(key)}:"
            yield from _mapping(value, place, comments)
        else:
            yield line


def _is_above(place: tuple[str, ...], comments: Comments) -> bool:
    return any(path[: len(place)] == place and path != place for path in comments)


def _comments(lines: Sequence[str], indent: str) -> Iterator[str]:
    for text in lines:
        for line in _printable(text).splitlines() or [""]:
            yield f"{indent}# {line}".rstrip()


def _printable(text: str) -> str:
    """Without what YAML refuses even in comments."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _flow(value: Any) -> str:
    """A value on one line."""
    text = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000_000
    )
    return text.removesuffix("\n").removesuffix("\n...")


class _Dumper(yaml.SafeDumper):
    """Writes everything out: documents may not use aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never an alias."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # A line break of Unicode (U+0085, U+2028) outside double quotes would be read back as a space.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)
