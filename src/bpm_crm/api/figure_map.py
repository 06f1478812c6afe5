"""The process map as the API shows it, and the query for it."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import UNGROUPED
from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.process_map import Cell, MapFigures, Section, read_process_map
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_conformance import Conformance, conformance_type
from bpm_crm.api.figure_frames import FigureFrame, frame_of, frame_type, question_of
from bpm_crm.api.figure_map_inputs import MapNumber, ProcessMapInput
from bpm_crm.api.figure_map_parts import (
    activity_type,
    durations_type,
    edge_type,
    handover_type,
    loop_type,
    rework_type,
)
from bpm_crm.api.figure_map_types import (
    CaseDurations,
    Handover,
    MapActivity,
    MapEdge,
    MapLoop,
    Rework,
    WhichMapNumber,
)
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.figure_variants import AfterVariant, FirstVariants, ProcessVariantConnection, variant_page
from bpm_crm.api.instance_lists import ProcessInstanceConnection
from bpm_crm.api.selections import Selection, selects
from bpm_crm.engine.definition import Title

MOST_CELLS = 5_000
"""More activities and edges than this nobody reads, and no browser draws."""

T = TypeVar("T")
MapArgument = Annotated[ProcessMapInput, argument(description="Which process map.")]

_FIELDS = {
    "activities": Section.ACTIVITIES,
    "edges": Section.EDGES,
    "loops": Section.LOOPS,
    "handovers": Section.HANDOVERS,
    "conformance": Section.DEVIATIONS,
}
"""The section that each field is made of; fields of no section are made of the cases, which are always counted."""


@strawberry.type(
    description="What happened to the cases of a process, and what directly followed what. Events of a case are ordered by when they happened, equal instants by sequence. `docs/figures.md` defines every number."
)
class ProcessMap:
    """What happened to the cases of a process."""

    frame: FigureFrame = strawberry.field(description="What the map was asked of.")
    classifier: EventClassifier = strawberry.field(description="What counted as an event.")
    cases: int = strawberry.field(description="Cases of the map.")
    eventless: int = strawberry.field(description="Of `cases`: those without any event by the classifier.")
    events: int = strawberry.field(description="Events of these cases.")
    activities: list[MapActivity] = strawberry.field(description="Activities, the most frequent first.")
    edges: list[MapEdge] = strawberry.field(description="What directly followed what, the most frequent first.")
    loops: list[MapLoop] = strawberry.field(description="Loops of one and of two activities, the most frequent first.")
    handovers: list[Handover] = strawberry.field(description="Work that went between people, the most frequent first.")
    conformance: Conformance = strawberry.field(description="How far the cases kept to their definitions.")
    durations: CaseDurations = strawberry.field(description="How long the cases took.")
    rework: Rework = strawberry.field(description="What happened again in the same case.")

    @strawberry.field(description="The different ways cases went, the most frequent first.")
    async def variants(
        self, info: Info, first: FirstVariants = None, after: AfterVariant = None
    ) -> ProcessVariantConnection:
        """The different ways cases went."""
        return await variant_page(info.context, self.figures, first, after)

    @strawberry.field(description="The cases of a number of the whole map, newest first.")
    async def instances(
        self, info: Info, number: WhichMapNumber = MapNumber.CASES, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of a number of the whole map."""
        return await self.drilldown.page(info, self.step, (number.value,), None, first, after)

    step: strawberry.Private[str]
    figures: strawberry.Private[MapFigures]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type
class ProcessMapQuery:
    """The query for a process map."""

    @strawberry.field(
        description="A process as its cases ran, inside the viewer's reach: activities, what followed what, variants, loops, handovers, conformance."
    )
    async def process_map(self, info: Info, input: MapArgument) -> ProcessMap:  # noqa: A002  # as everywhere in the API
        """A process as its cases ran."""
        context = info.context
        question = question_of(context, input.period, input.where, UNGROUPED)
        async with context.services.database.reader(question.tenant_id) as connection:
            times = {"as_of": input.as_of, "known_at": input.known_at}
            frame = await frame_of(context, connection, question, input.process, **times)
            sections = _sections(selects(info))
            figures = await read_process_map(connection, frame, question, input.classifier, sections)
        _check_size(figures)
        return _map_type(context, figures, frame_type(frame, frame.versions, question, input.where))


def _sections(chosen: Selection) -> list[Section]:
    """The sections that the selected fields are made of."""
    return [Section.CASES, *(section for name, section in _FIELDS.items() if chosen.has(name))]


def _check_size(figures: MapFigures) -> None:
    found = sum(len(cells) for cells in figures.cells.values())
    if found > MOST_CELLS:
        message = Title(
            f"This map has {found} parts, at most {MOST_CELLS} are given; filter the cases or choose another classifier.",
            f"В карте {found} частей, отдаётся не больше {MOST_CELLS}; отберите процессы или выберите другой классификатор.",
        )
        raise Fault(Code.BAD_USER_INPUT, message, maximum=MOST_CELLS, found=found)


def _map_type(context: RequestContext, figures: MapFigures, frame: FigureFrame) -> ProcessMap:
    def listed(section: Section, make: Callable[[RequestContext, MapFigures, Cell, Drilldown], T]) -> list[T]:
        drilldown = Drilldown(context, figures.members(section))
        return [make(context, figures, cell, drilldown) for cell in figures.cells.get(section, ())]

    whole = figures.one(Section.CASES, Section.CASES.value)
    return ProcessMap(
        frame=frame,
        classifier=figures.classifier,
        cases=whole.count(),
        eventless=whole.count("eventless"),
        events=whole.times(),
        activities=listed(Section.ACTIVITIES, activity_type),
        edges=listed(Section.EDGES, edge_type),
        loops=listed(Section.LOOPS, loop_type),
        handovers=listed(Section.HANDOVERS, handover_type),
        conformance=conformance_type(context, figures, Drilldown(context, figures.members(Section.DEVIATIONS))),
        durations=durations_type(whole),
        rework=rework_type(whole),
        step=whole.step,
        figures=figures,
        drilldown=Drilldown(context, figures.members(Section.CASES)),
    )
