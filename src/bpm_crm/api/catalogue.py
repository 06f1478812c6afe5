"""Definitions and stages as the API shows them, made once per operation however many cases refer to them."""

from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from bpm_crm.api.context import RequestContext
from bpm_crm.api.definition_parts import StageType, stage_type
from bpm_crm.api.definitions import ProcessDefinitionType, definition_type
from bpm_crm.engine.process import Process


def shown_definition(
    context: RequestContext, process: Process, definition_id: UUID, version: int
) -> ProcessDefinitionType:
    """The definition of a case with the content of its version."""
    key = (definition_id, version)
    found: ProcessDefinitionType | None = context.memo.get(key)
    if found is None:
        record = context.known.definitions[definition_id]
        found = context.memo[key] = definition_type(record, process.definition, context.language)
    return found


def shown_stages(context: RequestContext, process: Process) -> Mapping[str, StageType]:
    """The stages of a version by key."""
    return _stages(process, context.language)


@lru_cache(maxsize=4_096)
def _stages(process: Process, language: str) -> Mapping[str, StageType]:
    return {stage.key: stage_type(stage, language) for stage in process.definition.stages.values()}
