"""Our extension elements in a BPMN file, read back: parts of a process by key, in the order of the document they were written from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.definition import Title
from bpm_crm.exchange.bpmn.names import BPMN, CRM
from bpm_crm.exchange.bpmn.xml_reader import BpmnInvalid, Node

_MOST_NESTED = 40


@dataclass(frozen=True, slots=True)
class Part:
    """One of our parts: the name of its element, its key, its place, its content, and the other attributes."""

    name: str
    key: str
    order: int
    value: Any
    more: Mapping[str, str]
    line: int


def parts_of(node: Node) -> list[Part]:
    """Our parts of an element, in their order; `BpmnInvalid` for one that cannot be read."""
    found = [
        _part(child)
        for holder in node.all(BPMN, "extensionElements")
        for child in holder.children
        if child.space == CRM and child.name != "timer"
    ]
    return sorted(found, key=lambda part: part.order)


def part_of(node: Node, name: str) -> Part | None:
    """Our part of that name; None without one."""
    return next((part for part in parts_of(node) if part.name == name and isinstance(part.value, dict)), None)


def timers_of(node: Node) -> Iterator[Node]:
    """What marks an event as one made for a clock."""
    for holder in node.all(BPMN, "extensionElements"):
        yield from holder.all(CRM, "timer")


def _part(node: Node) -> Part:
    try:
        value = json.loads(node.text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(node) from error
    if _depth(value) > _MOST_NESTED:
        raise _unreadable(node)
    order = node.get("order")
    number = int(order) if order.isdecimal() and len(order) < 10 else 0
    return Part(node.name, node.get("key"), number, value, node.attributes, node.line)


def _depth(value: Any) -> int:
    """How deep lists and mappings are nested; what is too deep is cut there."""
    depth, level = 0, [value]
    while level and depth <= _MOST_NESTED:
        depth += 1
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return depth


def _unreadable(node: Node) -> BpmnInvalid:
    return BpmnInvalid(
        Title(
            f"the extension element <{node.name}> holds no readable JSON; export the process again",
            f"в элементе расширения <{node.name}> нет читаемого JSON; выгрузите процесс снова",
        ),
        node.line,
    )
