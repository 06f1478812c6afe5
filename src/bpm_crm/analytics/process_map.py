"""The process map: which activities cases see, what directly follows what and after how long, and where cases leave their definition.

Terms are those of process mining; `docs/figures.md` defines every number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from bpm_crm.analytics.event_log import EventClassifier, event_values, has_performers, reports_of
from bpm_crm.analytics.frames import Frame, Question, Version, columns
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.engine.definition import FINAL_KINDS
from bpm_crm.records.database import Connection

_REPORT = reports_of("process_map")
_NUMBERS = report("process_map_numbers")

Parts = tuple[str | None, ...]
"""How the report names a cell: the section, and what it is about."""


class Section(StrEnum):
    """The sections of a map, each read only where it is asked for."""

    CASES = "case"
    ACTIVITIES = "activity"
    EDGES = "edge"
    LOOPS = "loop"
    VARIANTS = "variant"
    HANDOVERS = "handover"
    DEVIATIONS = "deviation"


class DeviationKind(StrEnum):
    """How a case left the definition it ran under."""

    FORCED_MOVE = "forced_move"
    UNDEFINED_MOVE = "undefined_move"
    SKIPPED_STEP = "skipped_step"


@dataclass(frozen=True, slots=True)
class Spans:
    """Calendar seconds over what was completed."""

    mean: Decimal
    median: float
    p90: float
    least: float
    greatest: float


@dataclass(slots=True)
class Cell:
    """One thing a map counts: its cases by number, how often they count in it, how long it lasted; `step` lists them."""

    step: str
    parts: Parts
    cases: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    spans: Spans | None = None
    expected: Sequence[float | None] = (None, None)

    def count(self, number: str = "cases") -> int:
        """How many cases a number counts."""
        return self.cases.get(number, 0)

    def times(self, number: str = "cases") -> int:
        """How often these cases count in it."""
        return self.events.get(number, 0)

    def share(self, number: str, of: str = "cases") -> Fraction | None:
        """One number of another; None where that is nothing."""
        return Fraction(self.count(number), self.count(of)) if self.count(of) else None


@dataclass(frozen=True, slots=True)
class MapFigures:
    """The cells of a map by section, the most frequent first; what they were asked of, and the way to their cases."""

    frame: Frame
    classifier: EventClassifier
    cells: Mapping[Section, Sequence[Cell]]
    all_members: Members = field(repr=False)

    def members(self, section: Section) -> Members:
        """The way to the cases behind one section."""
        return narrowed(self.all_members, section)

    def of(self, section: Section, length: int) -> Iterator[Cell]:
        """The cells of a section that are named by so many parts."""
        return (cell for cell in self.cells.get(section, ()) if len(cell.parts) == length)

    def one(self, section: Section, *parts: str) -> Cell:
        """The cell of exactly these parts; one that counts nothing where no case is in it."""
        found = (cell for cell in self.cells.get(section, ()) if cell.parts == parts)
        return next(found, Cell("{" + ",".join(parts) + "}", parts))


def map_members(frame: Frame, question: Question, classifier: EventClassifier) -> Members:
    """The cases behind every number of a map."""
    values = {
        **question.values(frame),
        **event_values(frame, classifier),
        **_definition_values(frame.versions),
        "sections": [section.value for section in Section],
    }
    return Members(_REPORT[has_performers(frame)], question, values)


def narrowed(members: Members, *sections: Section) -> Members:
    """The same for some sections only: the others are not computed, nor is who performed what unless handovers ask for it."""
    values = {**members.values, "sections": [section.value for section in sections]}
    named = bool(values["performer_fields"]) and Section.HANDOVERS in sections
    return replace(members, report=_REPORT[named], values=values)


async def read_process_map(
    connection: Connection, frame: Frame, question: Question, classifier: EventClassifier, sections: Sequence[Section]
) -> MapFigures:
    """These sections of the map of one process over the cases begun in the period, in one statement."""
    members = map_members(frame, question, classifier)
    found = narrowed(members, *sections).statement(_NUMBERS)
    cells: dict[Parts, Cell] = {}
    for row in await connection.fetch(found.text, *found.values):
        parts = tuple(row["parts"])
        _note(cells.setdefault(parts, Cell(row["step"], parts)), row)
    by_section: dict[Section, list[Cell]] = {section: [] for section in sections}
    for cell in cells.values():
        by_section[_section(cell)].append(cell)
    for some in by_section.values():
        some.sort(key=lambda cell: (-cell.times(), -cell.count(), [part or "" for part in cell.parts]))
    return MapFigures(frame, classifier, by_section, members)


def _section(cell: Cell) -> Section:
    name = str(cell.parts[0])
    return Section.DEVIATIONS if name == "conformance" else Section(name)


def _note(cell: Cell, row: Mapping[str, Any]) -> None:
    match row["number"]:
        case "seconds":
            cell.spans = Spans(row["mean"], *row["seconds"])
        case "expected":
            cell.expected = row["seconds"]
        case number:
            cell.cases[number] = row["cases"]
            cell.events[number] = row["events"]


def _definition_values(versions: Sequence[Version]) -> dict[str, Any]:
    """What conformance is held against: the moves and the steps of every version."""
    moves = [(version.number, *move) for version in versions for move in _moves(version)]
    steps = [
        (version.number, key, part["order"])
        for version in versions
        for key, part in version.checkpoints.items()
        if part.get("order") is not None
    ]
    return {
        **columns("legal", ("versions", "sources", "targets"), moves),
        **columns("step", ("versions", "checkpoints", "places"), steps),
    }


def _moves(version: Version) -> set[tuple[str, str]]:
    """From which stage to which one the version has a transition; `*` is every stage that is not final."""
    running = [key for key, part in version.stages.items() if part["kind"] not in FINAL_KINDS]
    found = set()
    for part in version.transitions.values():
        written = part["from"]
        sources = running if written == "*" else [written] if isinstance(written, str) else written
        found |= {(source, part["to"]) for source in sources}
    return found
