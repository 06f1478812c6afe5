"""Event logs in CSV, one event a row: read with a mapping of columns, refused with line and cure."""

from bpm_crm.exchange.csv_log.faults import CsvCode, CsvInvalid, CsvProblem
from bpm_crm.exchange.csv_log.form import Form, form_of
from bpm_crm.exchange.csv_log.mapping import Mapping, Role
from bpm_crm.exchange.csv_log.preview import Preview, preview_of
from bpm_crm.exchange.csv_log.spool import csv_source

__all__ = [
    "CsvCode",
    "CsvInvalid",
    "CsvProblem",
    "Form",
    "Mapping",
    "Preview",
    "Role",
    "csv_source",
    "form_of",
    "preview_of",
]
