"""Our parts of a process as extension elements: one for each part, with its key, its place in the document and the part as JSON."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from bpm_crm.exchange.bpmn.xml_writer import Element

SECTIONS: Final = {
    "fields": "field",
    "activities": "activity",
    "checkpoints": "checkpoint",
    "pauses": "pause",
    "clocks": "clock",
    "reasons": "reason",
}
"""The parts of a document that belong to the process as a whole, and the extension element of each."""

_ELSEWHERE: Final = frozenset({"stages", "transitions", "calendar", *SECTIONS})
_UNSAFE: Final = {code: f"\\u{code:04x}" for code in (0x7F, 0xFFFE, 0xFFFF, *range(0x80, 0xA0))}


def process_parts(data: Mapping[str, Any], timers: Mapping[str, int], drawn: Collection[str]) -> Iterator[Element]:
    """The extension elements of a process; `timers` says how many boundary events stand for each clock, `drawn` which transitions have flows."""
    head = {key: value for key, value in data.items() if key not in _ELSEWHERE}
    yield part("process", str(data["process"]), 0, head)
    yield part("calendar", None, 0, data["calendar"])
    for section, name in SECTIONS.items():
        for order, (key, value) in enumerate(data.get(section, {}).items(), 1):
            count = {"timers": str(timers.get(key, 0))} if section == "clocks" else {}
            yield part(name, key, order, value, count)
    for order, (key, value) in enumerate(data["transitions"].items(), 1):
        if key not in drawn:
            yield part("transition", key, order, value)


def part(name: str, key: str | None, order: int, value: Any, more: Mapping[str, str] | None = None) -> Element:
    """The extension element of one part."""
    given = {"key": key, "order": str(order) if order else None, **(more or {})}
    return Element(f"crm:{name}", given, text=json.dumps(value, ensure_ascii=False).translate(_UNSAFE))


def extensions(*elements: Element) -> Element:
    """The element that holds extension elements."""
    return Element("bpmn:extensionElements", children=elements)
