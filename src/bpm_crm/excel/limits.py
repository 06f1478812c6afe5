"""Bounds on a table that is read: what a person's file never passes, and what a hostile one is stopped at."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLimits:
    """Bounds on one file. A value equal to the limit is allowed."""

    file_bytes: int = 32_000_000
    """Bytes of the file as it is sent."""
    unpacked_bytes: int = 400_000_000
    """Bytes of all parts of a workbook, unpacked."""
    parts: int = 2_000
    """Parts (files) inside a workbook."""
    sheets: int = 200
    """Sheets of a workbook."""
    rows: int = 300_000
    """Rows of a sheet, the empty ones above the last one included."""
    columns: int = 500
    """Columns of a sheet, the empty ones before the last one included."""
    cells: int = 5_000_000
    """Rows times columns."""
    cell_characters: int = 32_767
    """Characters of one cell: what Excel itself allows."""
    memory_bytes: int = 2_000_000_000
    """Address space of the process that reads."""
    cpu_seconds: int = 60
    """Processor time of the process that reads."""


FILES_KEPT = timedelta(days=7)
"""How long files are kept: tables that were sent, and workbooks that were made."""
LIMITS = TableLimits()
