"""The header of a KPI file: comment lines `-- key: value`, a value going on in lines indented further."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from bpm_crm.analytics.dimensions import OF_CASES, OF_TIME, Dimension

_LINE: Final = re.compile(r"-- ([a-z_.]+): +(\S.*)")
_MORE: Final = re.compile(r"--   +(\S.*)")
_GROUPS: Final[Mapping[str, tuple[Dimension, ...]]] = {"case": (*OF_CASES, Dimension.PRODUCT), "time": OF_TIME}

E = TypeVar("E", bound=StrEnum)


class HeaderBroken(Exception):
    """The header of a KPI file cannot be used; the message names the file, the line and the cure."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a header, with the line it begins in."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Header:
    """The entries of a header by key, each taken once; what is left over is a fault."""

    path: Path
    entries: dict[str, Entry]
    body: str

    def text(self, key: str, default: str | None = None) -> str:
        """The value of a key; `HeaderBroken` where it is missing and has no default."""
        entry = self.entries.pop(key, None)
        if entry is not None:
            return entry.text
        if default is None:
            raise HeaderBroken(f"{self.path.name}:1: the header has no “{key}”; add a line `-- {key}: …`")
        return default

    def titles(self, key: str) -> dict[str, str]:
        """A text in both languages."""
        return {language: self.text(f"{key}.{language}") for language in ("en", "ru")}

    def choice(self, key: str, kind: type[E], default: E | None = None) -> E:
        """One of the values of an enum."""
        line = self._line(key)
        return self._read(key, line, self.text(key, default), kind, kind)

    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions by which the figure can be grouped: names, and the groups `case` and `time`."""
        line = self._line("dimensions")
        names = [name.strip() for name in self.text("dimensions").split(",")]
        found: list[Dimension] = []
        for name in names:
            read = _GROUPS.get(name)
            found.extend(read or (self._read("dimensions", line, name, Dimension, (*_GROUPS, *Dimension)),))
        return tuple(found)

    def finish(self) -> None:
        """`HeaderBroken` for an entry that nobody took."""
        for key, entry in self.entries.items():
            raise HeaderBroken(f"{self.path.name}:{entry.line}: “{key}” means nothing in a header; remove it")

    def _line(self, key: str) -> int:
        return self.entries[key].line if key in self.entries else 1

    def _read(self, key: str, line: int, text: str, read: Callable[[str], E], known: Iterable[str]) -> E:
        try:
            return read(text)
        except ValueError as error:
            names = ", ".join(known)
            raise HeaderBroken(f"{self.path.name}:{line}: “{text}” is no {key}; write one of {names}") from error


def read_header(path: Path) -> Header:
    """The header of a KPI file, and the SQL after it; `HeaderBroken` for a line that is neither."""
    entries: dict[str, Entry] = {}
    last = ""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.startswith("--"):
            return Header(path, entries, "\n".join(lines[number - 1 :]))
        entry, more = _LINE.fullmatch(line), _MORE.fullmatch(line)
        if entry is not None:
            last = entry[1]
            if last in entries:
                raise HeaderBroken(f"{path.name}:{number}: “{last}” is given twice; remove one")
            entries[last] = Entry(entry[2].strip(), number)
        elif more is not None and last:
            entries[last] = Entry(f"{entries[last].text} {more[1].strip()}", entries[last].line)
        else:
            raise HeaderBroken(f"{path.name}:{number}: write `-- key: value`, or go on with `--   …`")
    raise HeaderBroken(f"{path.name}:{len(lines)}: there is no SQL after the header")
