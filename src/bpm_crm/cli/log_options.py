"""How the options of `bpm-crm import-log` name a log: its format, its columns, its times."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpm_crm.cli.faults import CommandRefused
from bpm_crm.exchange import csv_log
from bpm_crm.exchange.csv_log.times import Times
from bpm_crm.exchange.sources import LogSource, xes_source

XES_ENDINGS = (".xes", ".gz")
CSV_ENDINGS = (".csv", ".tsv", ".txt")
_SNIFFED = 512


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the options say of a log. `columns` are those of CSV by role, None where nobody named one."""

    columns: Mapping[csv_log.Role, str | None]
    attributes: Sequence[str]
    time_format: str | None
    zone: str | None
    wall_time: bool
    encoding: str | None
    delimiter: str | None

    @property
    def named(self) -> dict[csv_log.Role, str]:
        """The columns that were named."""
        return {role: name for role, name in self.columns.items() if name is not None}

    def is_csv(self, path: Path) -> bool:
        """Whether a file is to be read as CSV: columns are named, or its ending says so, or it does not begin as XML does."""
        if self.named or path.suffix.lower() in CSV_ENDINGS:
            return True
        if path.suffix.lower() in XES_ENDINGS or not path.is_file():
            return False
        with path.open("rb") as file:
            head = re.sub(rb"^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)|\0", b"", file.read(_SNIFFED)).lstrip()
        return bool(head) and not head.startswith((b"<", b"\x1f\x8b"))

    def times_zone(self) -> ZoneInfo | None:
        """The zone of wall times; UTC where they all are and none is named."""
        if self.zone is None:
            return ZoneInfo("UTC") if self.wall_time else None
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            message = f"There is no time zone “{self.zone}”; name one of the IANA list, as Europe/Moscow."
            raise CommandRefused(message) from error

    def form(self, path: Path) -> csv_log.Form:
        """The form of a CSV file."""
        return csv_log.form_of(path, encoding=self.encoding, delimiter=self.delimiter)

    def mapping(self) -> csv_log.Mapping:
        """The mapping of columns as named."""
        times = Times(self.time_format, self.times_zone(), self.wall_time)
        return csv_log.Mapping(self.named, tuple(self.attributes), times)

    @contextmanager
    def source(self, path: Path, progress: Callable[[int, int | None], None]) -> Iterator[LogSource]:
        """The log of a file, ready to be read; for CSV it has been read once by then, which `progress` hears."""
        if not self.is_csv(path):
            yield xes_source(path, zone=self.times_zone(), wall_time=self.wall_time)
            return
        with csv_log.csv_source(path, self.form(path), self.mapping(), progress) as source:
            yield source


def show_preview(out: Console, path: Path, options: LogOptions) -> None:
    """Print how a CSV file would be read."""
    preview = csv_log.preview_of(path, options.form(path), options.mapping())
    out.print(
        f"{preview.form.encoding}, delimiter {preview.form.delimiter!r}, {len(preview.columns)} columns", markup=False
    )
    roles = {name: role for role, name in preview.mapping.columns.items()}
    columns = Table("column", "meaning", "first values", box=None)
    for place, name in enumerate(preview.columns):
        role = roles.get(name)
        meaning = "case attribute" if name in preview.mapping.attributes else "" if role is None else f"--{role.value}"
        if role in preview.guessed:
            meaning += " (guessed: name it to use it)"
        values = [row[place][:30] for row in preview.rows if place < len(row)]
        columns.add_row(Text(name), meaning, Text(" · ".join(values)))
    out.print(columns)
    events = Table("line", "case", "activity", "time", box=None)
    for event in preview.events:
        events.add_row(str(event.line), Text(event.case), Text(event.activity), event.at.isoformat())
    out.print(events)
    for problem in preview.problems:
        out.print(str(problem), markup=False, highlight=False)
