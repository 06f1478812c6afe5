"""Reads YAML into plain data with the line of every place, and refuses what would be read differently than it looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24

Path = tuple[str, ...]


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
    """Read one YAML (or JSON) document. `DefinitionInvalid` for bad syntax, a key written twice, an alias, or too much of it."""
    if len(text.encode()) > MAX_BYTES:
        raise _syntax(f"longer than {MAX_BYTES // 1024} KiB", 1)
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _syntax(getattr(error, "problem", None) or str(error), mark.line + 1 if mark else 0) from error
    if node is None:
        raise _syntax("the document is empty", 1)
    reader = _Reader()
    return Source(reader.value(node, ()), reader.lines)


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._seen: set[int] = set()
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if id(node) in self._seen:
            raise _syntax("aliases are not allowed; write the value out or use `include`", line, path)
        if len(path) > MAX_DEPTH:
            raise _syntax("nested too deeply", line, path)
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, str(index))) for index, item in enumerate(node.value)]
        return self._scalar(node, line, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                raise _syntax("keys must be plain words", line, path)
            key = key_node.value
            if key in found:
                raise _syntax(f"the key “{key}” is written twice", line, (*path, key))
            self.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: yaml.Node, line: int, path: Path) -> Any:
        if node.tag in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary"}:
            return node.value
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise _syntax(f"the tag {node.tag} is not allowed", line, path)
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise _syntax(str(error), line, path) from error


def _syntax(fault: str, line: int, path: Path = ()) -> DefinitionInvalid:
    return DefinitionInvalid([Problem(ProblemCode.SYNTAX, path, {"fault": fault}, line)])
