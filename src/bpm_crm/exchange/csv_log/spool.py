"""The rows of a CSV log put together to cases: spooled to a file of SQLite, so that memory does not grow with the log."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from bpm_crm.exchange.csv_log.form import Form
from bpm_crm.exchange.csv_log.mapping import Mapping, Role
from bpm_crm.exchange.csv_log.reading import CsvEvent, Reading
from bpm_crm.exchange.profile import CHANNEL, LIFECYCLE
from bpm_crm.exchange.sources import LogSource
from bpm_crm.exchange.xes import Attributes, Event, Trace
from bpm_crm.exchange.xes.model import NAME, TIMESTAMP

AT_ONCE = 1_000
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE log_case (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE log_event (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, line INTEGER NOT NULL, said BLOB NOT NULL);
"""
_INSERT_CASE = "INSERT OR IGNORE INTO log_case (name) VALUES (?)"
_INSERT_EVENT = "INSERT INTO log_event (case_id, line, said) SELECT c.id, ?, ? FROM log_case AS c WHERE c.name = ?"
_INDEX = "CREATE INDEX log_event_case ON log_event (case_id, id)"
_READ = """
SELECT c.name, e.line, e.said FROM log_event AS e JOIN log_case AS c ON c.id = e.case_id ORDER BY e.case_id, e.id
"""
_KEYS = {Role.RESOURCE.value: "org:resource", Role.GROUP.value: "org:group", Role.LIFECYCLE.value: LIFECYCLE}


@contextmanager
def csv_source(
    path: Path, form: Form, mapping: Mapping, progress: Callable[[int, int | None], None]
) -> Iterator[LogSource]:
    """Read a log to its end, and give it out case by case, in the order of their first rows; rows of a case keep theirs.

    `CsvInvalid` for a file that cannot be read, or with every bad row; then nothing is given out. `progress` hears bytes read and in all.
    """
    with TemporaryDirectory(prefix="bpm-crm-csv-") as folder:
        spool = Path(folder) / "log.sqlite"
        reading = Reading(path, form, mapping)
        size = path.stat().st_size
        with closing(sqlite3.connect(spool)) as connection:
            connection.executescript(_TABLES)
            events = iter(reading)
            while some := list(islice(events, AT_ONCE)):
                _put(connection, some)
                progress(reading.bytes_read, size)
            reading.check()
            connection.execute(_INDEX)
            connection.commit()

        @contextmanager
        def opened() -> Iterator[SpooledLog]:
            with closing(sqlite3.connect(spool)) as connection:
                yield SpooledLog(connection, reading.events, size)

        yield opened


class SpooledLog:
    """The log, case by case. `bytes_read` is the share of its events that were given out, in bytes of the file."""

    def __init__(self, connection: sqlite3.Connection, events: int, total_bytes: int) -> None:
        self.total_bytes: int | None = total_bytes
        self._connection = connection
        self._events = events
        self._given = 0

    @property
    def bytes_read(self) -> int:
        """Bytes of the file that what was given out stands for."""
        return (self.total_bytes or 0) * self._given // self._events

    def __iter__(self) -> Iterator[Trace]:
        """The cases."""
        rows = self._connection.execute(_READ)
        for ordinal, (name, some) in enumerate(groupby(rows, lambda row: row[0]), 1):
            events = [(line, orjson.loads(said)) for _, line, said in some]
            self._given += len(events)
            yield _trace(name, events, ordinal)


def _put(connection: sqlite3.Connection, events: Sequence[CsvEvent]) -> None:
    connection.executemany(_INSERT_CASE, [(event.case,) for event in events])
    connection.executemany(_INSERT_EVENT, [(event.line, orjson.dumps(_said(event)), event.case) for event in events])


def _said(event: CsvEvent) -> dict[str, Any]:
    values = {role.value: value for role, value in event.values.items()}
    return {"activity": event.activity, "at": event.at.isoformat(), "values": values, "case": event.attributes}


def _trace(name: str, events: Sequence[tuple[int, dict[str, Any]]], ordinal: int) -> Trace:
    """A case; what a column says of the whole of it is what its first row that says anything says."""
    attributes = Attributes()
    for _, said in reversed(events):
        attributes.update(said["case"])
        if Role.CHANNEL.value in said["values"]:
            attributes[CHANNEL] = said["values"][Role.CHANNEL.value]
    attributes[NAME] = name
    made = [_event(line, said, position) for position, (line, said) in enumerate(events, 1)]
    return Trace(attributes, tuple(made), events[0][0], ordinal)


def _event(line: int, said: dict[str, Any], position: int) -> Event:
    attributes = Attributes()
    attributes[NAME] = said["activity"]
    attributes[TIMESTAMP] = datetime.fromisoformat(said["at"])
    attributes.update({key: said["values"][role] for role, key in _KEYS.items() if role in said["values"]})
    return Event(attributes, line, position)
