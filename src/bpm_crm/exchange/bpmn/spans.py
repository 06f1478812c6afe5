"""Durations of BPMN timers as targets of clocks."""

import re
from typing import Final

from bpm_crm.engine.duration import DurationInvalid, format_duration, parse_span
from bpm_crm.engine.instants import SECOND
from bpm_crm.exchange.bpmn.model import Element
from bpm_crm.exchange.bpmn.names import BPMN

_DURATION: Final = re.compile(
    r"P(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?"
)
_UNITS: Final = (7 * 86_400, 86_400, 3_600, 60, 1)


def timer_text(event: Element) -> str:
    """What a timer says, in its own words; empty where it says nothing."""
    said = [child.text.strip() for definition in event.events for child in definition.children if child.space == BPMN]
    return next((text for text in said if text), "")


def target_of(text: str) -> str | None:
    """The target that a duration means, in elapsed time; None for dates, cycles, months and what cannot be read."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    seconds = sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True))
    try:
        return str(parse_span(format_duration(seconds * SECOND)))
    except DurationInvalid:
        return None
