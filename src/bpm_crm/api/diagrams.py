"""Pictures of processes: of a definition, with figures or the way of a case written over it, and of a case."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import strawberry

from bpm_crm.analytics.case_paths import MOST_STEPS, case_path
from bpm_crm.analytics.dimensions import UNGROUPED
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.diagram_types import (
    AsOfArgument,
    Diagram,
    DiagramFormat,
    DiagramOverlay,
    FormatArgument,
    InstanceArgument,
    KnownAtArgument,
    LanguageArgument,
    OverlayArgument,
    PeriodArgument,
    VersionArgument,
    bpmn_finding,
)
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_frames import question_of
from bpm_crm.api.figure_inputs import PeriodInput
from bpm_crm.api.instance_filters import scope_condition
from bpm_crm.api.references import InstanceRef, find_instance
from bpm_crm.engine.definition import ProcessDefinition, Title
from bpm_crm.engine.drawing.marks import BARE, Marks
from bpm_crm.engine.drawing.mermaid import mermaid
from bpm_crm.engine.drawing.svg import svg
from bpm_crm.exchange.bpmn.export import MEDIA_TYPE, export_bpmn
from bpm_crm.operations.access import Permission
from bpm_crm.operations.pictures import Picture, figures_over
from bpm_crm.processes.definitions import parse_document
from bpm_crm.records.instances import InstanceRecord
from bpm_crm.records.reference import DefinitionRecord

_MEDIA: Final = {
    DiagramFormat.SVG: "image/svg+xml",
    DiagramFormat.MERMAID: "text/vnd.mermaid",
    DiagramFormat.BPMN: MEDIA_TYPE,
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for, with the language that is meant."""

    format: DiagramFormat
    overlay: DiagramOverlay
    language: str


@dataclass(frozen=True, slots=True)
class _Figures:
    """What was asked of the figures over a picture; nothing unless stated."""

    period: PeriodInput | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None


async def process_diagram(
    root: strawberry.Parent[Any],
    info: Info,
    format: FormatArgument = DiagramFormat.SVG,  # noqa: A002  # the API's name
    overlay: OverlayArgument = DiagramOverlay.NONE,
    version: VersionArgument = None,
    language: LanguageArgument = None,
    period: PeriodArgument = None,
    instance: InstanceArgument = None,
    as_of: AsOfArgument = None,
    known_at: KnownAtArgument = None,
) -> Diagram:
    """A picture of a process definition."""
    context = info.context
    context.require(Permission.VIEW_DEFINITIONS)
    wanted = _Wanted(format, overlay, context.language if language is None else language.value)
    figures = _Figures(period, as_of, known_at)
    _check(wanted, figures, instance)
    record = context.known.definition(root.key)
    if record is None:
        raise LookupError(f"process {root.key} is gone")
    case = None if instance is None else await _case(context, instance, record)
    newest = record.latest_version if case is None else case.version
    number = newest if version is None else version
    if not 1 <= number <= record.latest_version:
        message = Title(
            f"There is no version {number}; there are 1 to {record.latest_version}.",
            f"Версии {number} нет; есть с 1 по {record.latest_version}.",
        )
        raise Fault(Code.BAD_USER_INPUT, message, maximum=record.latest_version, found=number)
    definition = (await context.process(record.id, number)).definition
    marks, instant = BARE, None
    if case is not None:
        marks = await _path(context, definition, case, wanted.language)
    elif overlay in {DiagramOverlay.COUNTS, DiagramOverlay.BOTTLENECKS}:
        marks, instant = await _figures(context, record, definition, wanted, figures)
    return await _drawn(context, record.id, number, definition, wanted, marks, instant)


async def instance_diagram(
    root: strawberry.Parent[Any],
    info: Info,
    format: FormatArgument = DiagramFormat.SVG,  # noqa: A002  # the API's name
    language: LanguageArgument = None,
) -> Diagram:
    """The way of a case over the picture of its version."""
    context, case = info.context, root.record
    context.require(Permission.VIEW_DEFINITIONS)
    wanted = _Wanted(format, DiagramOverlay.INSTANCE, context.language if language is None else language.value)
    _check_format(wanted)
    definition = (await context.process(case.definition_id, case.version)).definition
    marks = await _path(context, definition, case, wanted.language)
    return await _drawn(context, case.definition_id, case.version, definition, wanted, marks, None)


def _check(wanted: _Wanted, figures: _Figures, instance: InstanceRef | None) -> None:
    """Faults for what does not go together."""
    _check_format(wanted)
    if (instance is None) is (wanted.overlay is DiagramOverlay.INSTANCE):
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "Give `instance` with the overlay INSTANCE, and only then.",
                "Укажите `instance` с наложением INSTANCE и только с ним.",
            ),
        )
    if figures != _Figures() and wanted.overlay not in {DiagramOverlay.COUNTS, DiagramOverlay.BOTTLENECKS}:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "Give `period`, `asOf` and `knownAt` with the overlay COUNTS or BOTTLENECKS, and only then.",
                "Укажите `period`, `asOf` и `knownAt` с наложением COUNTS или BOTTLENECKS и только с ними.",
            ),
        )


def _check_format(wanted: _Wanted) -> None:
    if wanted.format is DiagramFormat.BPMN and wanted.overlay is not DiagramOverlay.NONE:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "BPMN has no overlays; ask for SVG or MERMAID, or for the overlay NONE.",
                "В BPMN наложений нет; запросите SVG или MERMAID либо наложение NONE.",
            ),
        )


async def _drawn(
    context: RequestContext,
    definition_id: UUID,
    version: int,
    definition: ProcessDefinition,
    wanted: _Wanted,
    marks: Marks,
    as_of: datetime | None,
) -> Diagram:
    findings = []
    match wanted.format:
        case DiagramFormat.SVG:
            text = await asyncio.to_thread(svg, definition, version, wanted.language, marks)
        case DiagramFormat.MERMAID:
            text = await asyncio.to_thread(mermaid, definition, wanted.language, marks)
        case DiagramFormat.BPMN:
            row = await context.loader.documents.load((definition_id, version))
            if row is None:
                raise LookupError(f"version {version} is gone")
            exported = await asyncio.to_thread(lambda: export_bpmn(parse_document(row["document"])))
            text = exported.text
            findings = [bpmn_finding(finding, context.language) for finding in exported.findings]
    return Diagram(
        format=wanted.format,
        overlay=wanted.overlay,
        version=version,
        media_type=_MEDIA[wanted.format],
        text=text,
        as_of=as_of,
        findings=findings,
    )


async def _case(context: RequestContext, instance: InstanceRef, record: DefinitionRecord) -> InstanceRecord:
    """The case a reference means, if the viewer may see it and it is one of this process."""
    _, scope = context.require(Permission.VIEW_CASES)
    case_id = await find_instance(context, instance)
    case = None if case_id is None else await context.loader.instances.load(case_id)
    is_visible = case is not None and scope.covers_state(case.state, case.channel_id)
    if case is None or not is_visible or case.definition_id != record.id:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"There is no case of “{record.key}” with this reference that you may see.",
                f"Нет обращения процесса «{record.key}» с такой ссылкой, которое вам видно.",
            ),
        )
    return case


async def _path(context: RequestContext, definition: ProcessDefinition, case: InstanceRecord, language: str) -> Marks:
    rows = await context.loader.histories.load((case.id, MOST_STEPS, 0))
    return case_path(definition, rows, zone=context.known.tenant.zone, language=language)


async def _figures(
    context: RequestContext,
    record: DefinitionRecord,
    definition: ProcessDefinition,
    wanted: _Wanted,
    figures: _Figures,
) -> tuple[Marks, datetime]:
    """The figures of the whole process within the viewer's reach, and the instant they are of."""
    viewer, scope = context.require(Permission.VIEW_FIGURES)
    ever, asked = (question_of(context, chosen, None, UNGROUPED) for chosen in (None, figures.period))
    picture = Picture(record, definition, wanted.language, context.known.tenant.zone)
    reach = scope_condition(scope, "i") if wanted.overlay is DiagramOverlay.COUNTS else None
    async with context.services.database.reader(viewer.tenant_id) as connection:
        processes = context.services.writer.processes
        return await figures_over(
            connection,
            processes,
            picture,
            ever=ever,
            asked=asked,
            reach=reach,
            as_of=figures.as_of,
            known_at=figures.known_at,
        )
