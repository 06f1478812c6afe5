"""Reads YAML into plain data with the line of every place, and refuses what would be read differently than it looks.

The events of the parser are worked off one by one, so that depth and size are bounded while reading: the library's own composer
recurses in C and ends the process on a text of brackets.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from bpm_crm.engine.definition import Title
from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.engine.texts import is_text, shown

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24
MAX_NODES = 50_000

Path = tuple[str, ...]

_ENDS: Final = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_TAG: Final = "tag:yaml.org,2002:"
_AS_TEXT: Final = frozenset({"str", "timestamp"})
_WRITTEN: Final[Mapping[str, re.Pattern[str]]] = {
    "null": re.compile("~|null|"),
    "bool": re.compile("true|false"),
    "int": re.compile("[-+]?(?:0|[1-9][0-9]{0,29})"),
    "float": re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})\.[0-9]{1,30}"),
}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "null": lambda text: None,
    "bool": "true".__eq__,
    "int": int,
    "float": float,
}

_ALIAS: Final = Title(
    "aliases and anchors are not allowed; write the value out or use `include`.",
    "псевдонимы и якоря не допускаются; повторите значение или используйте `include`.",
)
_TOO_DEEP: Final = Title("it is nested too deeply; flatten it.", "слишком глубокая вложенность; упростите её.")
_EMPTY: Final = Title("it is empty; write a process.", "он пуст; опишите процесс.")
_SECOND: Final = Title("another document follows; keep one.", "следом идёт другой документ; оставьте один.")
_KEY: Final = Title("a key must be a plain word; write one.", "ключ должен быть простым словом; запишите его так.")
_SURROGATE: Final = Title(
    "it holds half of a surrogate pair; remove it.", "в нём половина суррогатной пары; уберите её."
)
_CONTROL: Final = Title("it holds a control character; remove it.", "в нём управляющий символ; уберите его.")
_TOO_LONG: Final = Title(
    f"it is longer than {MAX_BYTES // 1024} KiB; divide the process.",
    f"он длиннее {MAX_BYTES // 1024} КиБ; разделите процесс.",
)
_TOO_MANY: Final = Title(
    f"it has more than {MAX_NODES} values; divide the process.",
    f"в нём больше {MAX_NODES} значений; разделите процесс.",
)


@dataclass(frozen=True, slots=True)
class Source:
    """A document as read: plain data, and the 1-based line on which each place begins."""

    data: Any
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of a place, or of the nearest place above it; 0 when nothing is known."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read_yaml(text: str) -> Source:
    """Read one YAML (or JSON) document.

    `DefinitionInvalid` for bad syntax, more than one document, a key written twice, aliases, anchors, tags, plain words that YAML reads
    as something else (`no`, `010`, `12:30`), or too much of it.
    """
    if not is_text(text):
        raise _syntax(_SURROGATE, 0)
    if len(text.encode()) > MAX_BYTES:
        raise _syntax(_TOO_LONG, 1)
    reader = _Reader(yaml.parse(text, Loader=yaml.CSafeLoader))
    try:
        data = reader.document()
    except yaml.reader.ReaderError as error:
        raise _syntax(_CONTROL, text.count("\n", 0, error.position) + 1) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _syntax(_unreadable(error.problem), mark.line + 1 if mark else 0) from error
    return Source(data, reader.lines)


def located(problems: Iterable[Problem], source: Source) -> list[Problem]:
    """The problems with the lines of their places in a document."""
    return [problem if problem.line else replace(problem, line=source.line_of(problem.path)) for problem in problems]


class _Reader:
    def __init__(self, events: Iterator[Any]) -> None:
        self.lines: dict[Path, int] = {}
        self._events = events
        self._nodes = 0
        self._resolver: Any = yaml.resolver.Resolver()

    def document(self) -> Any:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _syntax(_EMPTY, 1)
        first = next(self._events)
        if isinstance(first, yaml.ScalarEvent) and first.value == "" and first.implicit[0]:
            raise _syntax(_EMPTY, 1)
        data = self._value(first, ())
        next(self._events)
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise _syntax(_SECOND, _line(following))
        return data

    def _value(self, event: Any, path: Path) -> Any:
        self._admit(event, path)
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            raise _syntax(_TOO_DEEP, _line(event), path)
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)

    def _admit(self, event: Any, path: Path) -> None:
        """Refuse what no document needs."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _syntax(_TOO_MANY, _line(event), path)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _syntax(_ALIAS, _line(event), path)
        if event.tag not in {None, "!"}:
            raise _syntax(_tag(shown(event.tag)), _line(event), path)

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), _ENDS):
            found.append(self._value(event, (*path, str(len(found)))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), _ENDS):
            key = self._key(event, path)
            if key in found:
                raise _syntax(_twice(shown(key)), _line(event), (*path, key))
            self.lines[(*path, key)] = _line(event)
            found[key] = self._value(next(self._events), (*path, key))
        return found

    def _key(self, event: Any, path: Path) -> str:
        self._admit(event, path)
        if not isinstance(event, yaml.ScalarEvent) or event.value in {"", "<<"}:
            raise _syntax(_KEY, _line(event), path)
        key: str = event.value
        return key

    def _scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        kind = self._resolver.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
        if kind in _AS_TEXT:
            return text
        if kind not in _WRITTEN or not _WRITTEN[kind].fullmatch(text):
            raise _syntax(_misleading(shown(text)), _line(event), path)
        return _READ[kind](text)


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line


def _tag(tag: str) -> Title:
    return Title(f"the tag {tag} is not allowed; leave it out.", f"тег {tag} не допускается; уберите его.")


def _twice(key: str) -> Title:
    return Title(f"the key “{key}” is written twice; keep one.", f"ключ «{key}» указан дважды; оставьте один.")


def _unreadable(problem: str | None) -> Title:
    return Title(
        f"{problem}; check the indentation, the brackets and the quotes up to this line.",
        f"{problem}; проверьте отступы, скобки и кавычки до этой строки.",
    )


def _misleading(text: str) -> Title:
    return Title(
        f"“{text}” is read differently than it looks; write true, false or a plain decimal number, or put a text in quotes.",
        f"«{text}» читается иначе, чем выглядит; пишите true, false или обычное число, а текст берите в кавычки.",
    )


def _syntax(fault: Title, line: int, path: Path = ()) -> DefinitionInvalid:
    return DefinitionInvalid([Problem(ProblemCode.SYNTAX, path, {"fault": fault}, line)])
