"""Expected failures of commands as one line for people, with status 1; anything else keeps its traceback."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import asyncpg
import typer
from pydantic import ValidationError
from rich.console import Console

from bpm_crm.cli.certificates import trace_lines
from bpm_crm.cli.provision import MigrationFailed
from bpm_crm.cli.supervisor import StartFailed
from bpm_crm.embedded.errors import EmbeddedFault
from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.excel.problems import TableRefused
from bpm_crm.exchange.bpmn.xml_reader import BpmnInvalid
from bpm_crm.exchange.csv_log import CsvInvalid
from bpm_crm.exchange.xes import XesInvalid
from bpm_crm.records.database import DatabaseUnfit

P = ParamSpec("P")
T = TypeVar("T")

err = Console(stderr=True, soft_wrap=True)


class CommandRefused(Exception):
    """A command that cannot do what was asked; the message says why and what to do."""


def reported(command: Callable[P, T]) -> Callable[P, T]:
    """Report expected failures of a command in one line each."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except DefinitionInvalid as error:
            for problem in error.problems:
                place = ".".join(problem.path) or "the document"
                line = f" (line {problem.line})" if problem.line else ""
                err.print(f"{problem.code}: {place}{line}: {problem.text()}", markup=False, highlight=False)
                for step in trace_lines(problem.trace):
                    err.print(step, markup=False, highlight=False)
        except ValidationError as error:
            for fault in error.errors():
                name = "_".join(str(part) for part in fault["loc"]).upper()
                err.print(f"BPM_CRM_{name}: {fault['msg']}", markup=False, highlight=False)
        except (
            BpmnInvalid,
            CommandRefused,
            CsvInvalid,
            DatabaseUnfit,
            EmbeddedFault,
            MigrationFailed,
            StartFailed,
            TableRefused,
            XesInvalid,
        ) as error:
            err.print(str(error), markup=False, highlight=False)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            err.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)
        raise typer.Exit(1)

    return wrapper
