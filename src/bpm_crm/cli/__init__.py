"""The command line, `bpm-crm`: wires and runs; no logic."""

from bpm_crm.cli.main import app

__all__ = ["app"]
