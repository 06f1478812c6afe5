"""Event logs in XES (IEEE 1849): read as a stream, in memory that does not grow with the log."""

from bpm_crm.exchange.xes.faults import XesCode, XesInvalid
from bpm_crm.exchange.xes.limits import Limits
from bpm_crm.exchange.xes.model import Attributes, Entry, Event, Extension, Header, Identifier, Trace, Value
from bpm_crm.exchange.xes.reader import EventLog, open_log, read_log

__all__ = [
    "Attributes",
    "Entry",
    "Event",
    "EventLog",
    "Extension",
    "Header",
    "Identifier",
    "Limits",
    "Trace",
    "Value",
    "XesCode",
    "XesInvalid",
    "open_log",
    "read_log",
]
