"""The tables and facts of the page on operations, held against the code."""

import ast
import re
from typing import Any

from prometheus_client import REGISTRY

from bpm_crm.api.health import ANSWER_SECONDS, PATHS
from bpm_crm.cli.supervisor import LONGEST_PAUSE, SHORTEST_PAUSE, STEADY_SECONDS, api_command, worker_command
from bpm_crm.config import Settings
from bpm_crm.embedded import errors
from bpm_crm.records.database import ACQUIRE_SECONDS, STATEMENT_TIMEOUT_MS
from bpm_crm.records.roles import (
    APP,
    APPEND_ONLY,
    COMPACTED,
    ERASABLE,
    LOGINS,
    PUBLISHED,
    READ_ONLY,
    SWEEPER,
    WORKER,
    rights,
)
from bpm_crm.records.tables import SQLModel
from tests.docs.pages import ROOT, blocks, tables

PAGE = ROOT / "docs/operations.md"
ROLES = (*LOGINS, SWEEPER)
TAKEN = "another program listens on the port"
REPLACED = "a warning"
COMMITTED = "the committed schema is older than the code"
REFUSED = "the server's own refusal, by its name"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    def told(value: Any) -> str:
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value).replace("'", '"')

    known = [
        [f"BPM_CRM_{name.upper()}", told(field.get_default(call_default_factory=True)), field.description]
        for name, field in Settings.model_fields.items()
    ]
    assert tables(PAGE, "Settings")[1:] == known


def test_the_table_of_rights_is_that_of_the_code() -> None:
    told: dict[str, str] = {}
    for names, *granted in tables(PAGE, "Roles and rights of the database"):
        told |= dict.fromkeys(names.split(", "), granted[0])
    listed = {*PUBLISHED, *READ_ONLY, *APPEND_ONLY, *ERASABLE, *COMPACTED}
    assert set(told) == {"role", *ROLES, "tables", "every other"} | listed
    for name in SQLModel.metadata.tables:
        api, worker = (", ".join(rights(name, role)) for role in (APP, WORKER))
        said = api if api == worker else f"the API {api}, the worker {worker}"
        assert told.get(name, told["every other"]) == said, name


def test_every_path_and_metric_is_named() -> None:
    named = {row[0] for row in tables(PAGE, "Health, metrics, logs")}
    ours = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("bpm_crm")}
    assert named - {"path", "metric"} == PATHS | ours


def told_faults() -> dict[str, list[str]]:
    """The texts of the troubleshooting tables, by the fault they are said to be."""
    found: dict[str, list[str]] = {}
    for heading in ("Troubles of the private server", "Troubles of your own server", "Other troubles"):
        for says, because, _ in tables(PAGE, heading)[1:]:
            found.setdefault(because.split(":")[0], []).append(says)
    return found


def reported_faults() -> set[str]:
    """The exceptions that commands report in one line, by the handlers of `cli/faults.py`."""
    tree = ast.parse((ROOT / "src/bpm_crm/cli/faults.py").read_text(encoding="utf-8"))
    handled = [handler.type for handler in ast.walk(tree) if isinstance(handler, ast.ExceptHandler)]
    return {node.id for kind in handled if kind is not None for node in ast.walk(kind) if isinstance(node, ast.Name)}


def test_every_fault_that_commands_report_has_a_cure() -> None:
    own = {kind.__name__ for kind in errors.EmbeddedFault.__subclasses__()}
    by_their_own_name = {"OSError", "asyncpg"}
    assert len(own) > 10
    assert (
        set(told_faults()) - {TAKEN, COMMITTED, REFUSED, REPLACED}
        == own | reported_faults() - {"EmbeddedFault"} - by_their_own_name
    )


def test_the_messages_quoted_are_those_of_the_code() -> None:
    files = [
        *ROOT.glob("src/bpm_crm/embedded/*.py"),
        *ROOT.glob("src/bpm_crm/cli/*.py"),
        *ROOT.glob("src/bpm_crm/records/*.py"),
    ]
    source = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))
    for fault, texts in told_faults().items():
        if fault in {
            "ValidationError",
            "DefinitionInvalid",
            "BpmnInvalid",
            "XesInvalid",
            "CsvInvalid",
            "TableRefused",
            REFUSED,
        }:
            continue
        assert [text for text in texts if text not in source] == [], fault


def test_the_commands_for_one_process_are_those_that_the_supervisor_runs() -> None:
    (block,) = blocks(PAGE, "bash", under="Processes")
    api, worker = block.text.replace("\\\n", " ").strip().splitlines()
    started = api_command(Settings(host="0.0.0.0", port=8000))  # noqa: S104  # as the page has it
    words = [word for part in started[1:] for word in part.split("=", 1)]
    assert api.split()[1:] == [word for word in words if word not in {"--log-level", "warning"}]
    assert worker.split()[1:] == worker_command()[1:]


def test_the_times_told_are_those_of_the_code() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for words in (
        f"the pool's connections within {ACQUIRE_SECONDS:.0f} seconds",
        f"A statement that took over {STATEMENT_TIMEOUT_MS // 1000} seconds",
        f"when the database answers within {ANSWER_SECONDS:.0f} seconds",
        f"ends again within {STEADY_SECONDS:.0f} seconds of its start",
        f"a pause that doubles from {SHORTEST_PAUSE} to {LONGEST_PAUSE:.0f} seconds",
    ):
        assert words in text
