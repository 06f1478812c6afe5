"""What differs between two documents of a process, for people and for programs."""

from typing import Annotated, Any

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.api.context import Info
from bpm_crm.api.errors import InvalidInput, NotFound, invalid_input, not_found
from bpm_crm.api.exposing import expose
from bpm_crm.api.process_draft_types import DOCUMENT
from bpm_crm.api.process_problems import InvalidDocument, invalid_document
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import Missing, NotUnderstood
from bpm_crm.operations.comparing import DRAFT, Compared, Side, SideRefused, compare_documents
from bpm_crm.processes.differences import Difference, DifferenceKind, ProcessPart

expose(
    DifferenceKind,
    "How something differs.",
    {
        DifferenceKind.ADDED: "It was not there.",
        DifferenceKind.REMOVED: "It is there no more.",
        DifferenceKind.CHANGED: "It says something else.",
        DifferenceKind.MOVED: "It stands in another order, where order means something.",
    },
)
expose(
    ProcessPart,
    "The part of a process in which something differs.",
    {
        ProcessPart.PROCESS: "The process itself: title, description, channels, key stage.",
        ProcessPart.CALENDAR: "Working hours, public holidays and exceptions.",
        ProcessPart.FIELDS: "A data field.",
        ProcessPart.ACTIVITIES: "A kind of activity.",
        ProcessPart.STAGES: "A stage.",
        ProcessPart.TRANSITIONS: "A transition, its guard, required data, roles, effects.",
        ProcessPart.CHECKPOINTS: "A checkpoint.",
        ProcessPart.PAUSES: "A reason for clocks to stand still.",
        ProcessPart.CLOCKS: "A clock.",
        ProcessPart.REASONS: "An entry of the catalogue of reasons.",
    },
)
_VERBS = {
    DifferenceKind.ADDED: ("is added", "добавлено"),
    DifferenceKind.REMOVED: ("is removed", "убрано"),
    DifferenceKind.CHANGED: ("is changed", "изменено"),
    DifferenceKind.MOVED: ("stand in another order", "стоят в другом порядке"),
}
_NOUNS = {
    ProcessPart.PROCESS: ("Process", "Процесс"),
    ProcessPart.CALENDAR: ("Calendar", "Календарь"),
    ProcessPart.FIELDS: ("Field", "Поле"),
    ProcessPart.ACTIVITIES: ("Activity", "Действие"),
    ProcessPart.STAGES: ("Stage", "Стадия"),
    ProcessPart.TRANSITIONS: ("Transition", "Переход"),
    ProcessPart.CHECKPOINTS: ("Checkpoint", "Контрольная точка"),
    ProcessPart.PAUSES: ("Pause", "Пауза"),
    ProcessPart.CLOCKS: ("Clock", "Часы"),
    ProcessPart.REASONS: ("Reason", "Причина"),
}


@strawberry.type(description="One thing in which two documents of a process differ.")
class ProcessDifference:
    """One thing in which two documents differ."""

    kind: DifferenceKind = strawberry.field(description="How it differs.")
    part: ProcessPart = strawberry.field(description="The part of the process.")
    key: str | None = strawberry.field(
        description="Key of the stage, transition, clock and so on; null outside of such."
    )
    title: str | None = strawberry.field(description="Its title, in the language of `Accept-Language`.")
    path: list[str] = strawberry.field(description="Keys that lead to the place in the document.")
    old: JSON | None = strawberry.field(description="What was there; of `MOVED` the keys in their old order.")
    new: JSON | None = strawberry.field(description="What is there; of `MOVED` the keys in their new order.")
    text: str = strawberry.field(description="The difference in a sentence, in the language of `Accept-Language`.")


@strawberry.type(description="What differs between two documents of a process: by structure, not by text.")
class ProcessDiff:
    """What differs between two documents of a process."""

    before_version: int | None = strawberry.field(
        description="Number of the version compared with; null: a draft or text."
    )
    after_version: int | None = strawberry.field(description="Number of the version compared; null: a draft or text.")
    is_same: bool = strawberry.field(description="Whether nothing differs.")
    differences: list[ProcessDifference] = strawberry.field(description="Everything that differs, in document order.")


@strawberry.input(one_of=True, description="One of two documents that are compared: give exactly one of these.")
class ProcessDocumentRef:
    """One of two documents that are compared."""

    version: strawberry.Maybe[int] = strawberry.field(description="Number of a published version.")
    draft: strawberry.Maybe[bool] = strawberry.field(description="The draft: `true`.")
    document: strawberry.Maybe[str] = strawberry.field(description=DOCUMENT)


DiffProcessResult = Annotated[
    ProcessDiff | InvalidDocument | NotFound | InvalidInput,
    strawberry.union("DiffProcessResult", description="What differs, or why it cannot be told."),
]


@strawberry.type
class ProcessDifferencesQuery:
    """Queries that compare documents of processes."""

    @strawberry.field(
        description="What differs between two documents of a process: stages, transitions, guards, clocks, checkpoints, fields, reasons, calendars, titles. Notation, comments and order without meaning do not count."
    )
    async def diff_process(
        self,
        info: Info,
        process: Annotated[str, argument(description="Key of the process.")],
        before: Annotated[
            ProcessDocumentRef | None, argument(description="What is compared with; null: the newest version.")
        ] = None,
        after: Annotated[ProcessDocumentRef | None, argument(description="What is compared; null: the draft.")] = None,
    ) -> DiffProcessResult:
        """What differs between two documents of a process."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        sides = None if before is None else _side(before), DRAFT if after is None else _side(after)
        answer: Any = await compare_documents(context.services.database, viewer.tenant_id, process, *sides)
        match answer:
            case Compared(found, old, new):
                return ProcessDiff(
                    before_version=old,
                    after_version=new,
                    is_same=not found,
                    differences=[difference_type(item, context.language) for item in found],
                )
            case SideRefused(problems, side):
                return invalid_document(context, problems, (side, "document"))
            case NotUnderstood(problems):
                return invalid_input(problems, context.language, ())
            case Missing():
                return not_found(context.language, "process")
            case _:
                raise TypeError(f"unexpected answer {type(answer).__name__}")


def difference_type(item: Difference, language: str) -> ProcessDifference:
    """A difference as the API shows it."""
    title = None if item.title is None else item.title.in_language(language)
    return ProcessDifference(
        kind=item.kind,
        part=item.part,
        key=item.key,
        title=title,
        path=list(item.path),
        old=item.old,
        new=item.new,
        text=_sentence(item, title, language),
    )


def _side(ref: ProcessDocumentRef) -> Side:
    if ref.version is not None:
        return Side(version=ref.version.value)
    return DRAFT if ref.document is None else Side(document=ref.document.value)


def _sentence(item: Difference, title: str | None, language: str) -> str:
    """A difference for people: what it is of, where in it, and the values where these are short."""
    place = 1 if language == "ru" else 0
    of = _NOUNS[item.part][place]
    rest = item.path if item.part is ProcessPart.PROCESS else item.path[1:]
    if item.key is not None:
        of, rest = f"{of} “{title or item.key}”", item.path[2:]
    where = f"{of}: {'.'.join(rest)}" if rest else of
    values = [_short(value) for value in (item.old, item.new) if value is not None]
    return f"{where} {_VERBS[item.kind][place]}" + (f" ({' → '.join(values)})" if rest and all(values) else "") + "."


def _short(value: Any) -> str:
    """A value as people read it; nothing for a part of a document."""
    if isinstance(value, dict):
        return ""
    return (
        ", ".join(map(str, value)) if isinstance(value, list) and all(isinstance(v, str) for v in value) else str(value)
    )
