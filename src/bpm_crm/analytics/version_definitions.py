"""The definitions of published versions, restored from their documents."""

from collections.abc import Sequence
from uuid import UUID

from bpm_crm.analytics.statements import report, statement
from bpm_crm.analytics.version_cache import VersionKey
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.processes.definitions import restore
from bpm_crm.records.database import Connection

_DOCUMENTS = report("documents")


async def load_definitions(
    connection: Connection, tenant_id: UUID, keys: Sequence[VersionKey]
) -> dict[VersionKey, ProcessDefinition]:
    """The definitions of published versions, by definition and number."""
    values = {"definitions": [key[0] for key in keys], "versions": [key[1] for key in keys]}
    found = statement(_DOCUMENTS, tenant_id, values)
    rows = await connection.fetch(found.text, *found.values)
    return {(row["definition_id"], row["version"]): restore(row["document"]) for row in rows}
