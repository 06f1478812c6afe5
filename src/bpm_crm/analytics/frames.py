"""What every figure is asked of: the instants, the published versions known by then, the cases and the segments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bpm_crm.analytics.dimensions import UNGROUPED, Grouping
from bpm_crm.analytics.statements import EVERY_CASE, CaseFilter, report, statement
from bpm_crm.analytics.version_cache import VersionCache, VersionKey
from bpm_crm.engine.definition import Title
from bpm_crm.records.database import Connection

_FRAME = report("frame")
_DOCUMENTS = report("frame_versions")
_PARTS = ("checkpoints", "stages", "clocks", "reasons", "fields", "transitions", "activities")

FIRST_INSTANT = datetime(1, 1, 1, tzinfo=UTC)
LAST_INSTANT = datetime(9999, 1, 1, tzinfo=UTC)

Titles = Mapping[str, str]
"""A text people see, by language."""


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a process: the parts of its document that figures read."""

    definition_id: UUID
    process: str
    number: int
    checkpoints: Mapping[str, Any]
    stages: Mapping[str, Any]
    clocks: Mapping[str, Any]
    reasons: Mapping[str, Any]
    fields: Mapping[str, Any]
    transitions: Mapping[str, Any] = field(default_factory=dict)
    activities: Mapping[str, Any] = field(default_factory=dict)
    key_stage: str | None = None

    def bound_to(self, column: str) -> str | None:
        """The data field that is bound to a column of the deal, if any."""
        return next((key for key, part in self.fields.items() if part.get("binds") == column), None)


@dataclass(frozen=True, slots=True)
class Frame:
    """The instants a figure is asked for, and the versions published by then, oldest first within a process.

    What happened after `as_of`, or was recorded after `known_at`, is not seen. `is_current`: both are now.
    """

    as_of: datetime
    known_at: datetime
    versions: tuple[Version, ...]
    is_current: bool = field(default=False, compare=False)

    @property
    def definitions(self) -> list[UUID]:
        """The definitions of the versions."""
        return list(dict.fromkeys(version.definition_id for version in self.versions))

    def of(self, process: str | None) -> tuple[Version, ...]:
        """The versions of a process; None: all."""
        return tuple(version for version in self.versions if process in {None, version.process})


@dataclass(frozen=True, slots=True)
class Question:
    """Which cases, in which period `[since, until)` (by default: ever), in which segments."""

    tenant_id: UUID
    cases: CaseFilter = EVERY_CASE
    since: datetime = FIRST_INSTANT
    until: datetime = LAST_INSTANT
    grouping: Grouping = UNGROUPED

    def values(self, frame: Frame) -> dict[str, Any]:
        """The named values that every report takes."""
        times = {"as_of": frame.as_of, "known_at": frame.known_at, "since": self.since, "until": self.until}
        return {**times, **bound_fields("product", frame.versions)}


def bound_fields(column: str, versions: Sequence[Version]) -> dict[str, list[Any]]:
    """The data fields that versions bind to a column of the deal, as named values."""
    bound = [(item.definition_id, item.number, item.bound_to(column)) for item in versions]
    return columns(column, ("definitions", "versions", "fields"), [item for item in bound if item[2] is not None])


def lacks_product(cases: CaseFilter, versions: Sequence[Version]) -> Title | None:
    """Why cases cannot be filtered by product: no version binds a data field to it. None where they can, or are not."""
    if not cases.names_product or any(version.bound_to("product") for version in versions):
        return None
    processes = ", ".join(sorted({version.process for version in versions}))
    return Title(
        f"Cases of {processes} have no product: no data field has `binds: product`. Leave `product` out of `where`.",
        f"У процессов {processes} нет продукта: ни у одного поля данных нет `binds: product`. Уберите `product` из `where`.",
    )


def columns(prefix: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows as arrays, one named value for each column."""
    return {f"{prefix}_{name}": [row[place] for row in rows] for place, name in enumerate(names)}


async def load_versions(
    connection: Connection, tenant_id: UUID, keys: Sequence[VersionKey]
) -> dict[VersionKey, Version]:
    """Published versions by definition and number."""
    values = {"definitions": [key[0] for key in keys], "versions": [key[1] for key in keys]}
    found = statement(_DOCUMENTS, tenant_id, values)
    rows = await connection.fetch(found.text, *found.values)
    return {(row["definition_id"], row["version"]): _version(row) for row in rows}


_VERSIONS = VersionCache(4_096, load_versions)


async def read_frame(
    connection: Connection,
    tenant_id: UUID,
    *,
    process: str | None = None,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> Frame:
    """The frame of a question: `as_of` defaults to the database's now, `known_at` to `as_of`; what lies in the future means now.

    `process` is the key of a definition; None: all of them.
    """
    found = statement(_FRAME, tenant_id, {"process": process, "as_of": as_of, "known_at": known_at})
    rows = await connection.fetch(found.text, *found.values)
    wanted = [(row["definition_id"], row["version"]) for row in rows if row["definition_id"] is not None]
    versions = await _VERSIONS.read(connection, tenant_id, wanted)
    return Frame(rows[0]["as_of"], rows[0]["known_at"], versions, rows[0]["is_current"])


def titles_of(parts: Iterable[Mapping[str, Any]], key: str) -> Titles:
    """The title of the last of these parts that has the key; the key itself where none has."""
    found = [part[key]["title"] for part in parts if key in part]
    return found[-1] if found else {"en": key, "ru": key}


def _version(row: Mapping[str, Any]) -> Version:
    parts = {name: row[name] or {} for name in _PARTS}
    return Version(row["definition_id"], row["process"], row["version"], key_stage=row["key_stage"], **parts)
