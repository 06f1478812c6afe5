"""Rollouts of versions: started, changed, stopped, finished; and what they show of the version beside the one before."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.analytics.managers import FEWEST_CASES, Counts
from bpm_crm.analytics.rollouts import ArmFigures, ArmVerdict, compare_arms
from bpm_crm.api.channels import Channel, channel_of
from bpm_crm.api.checks import KEY_DESCRIPTION, flaws
from bpm_crm.api.connections import After, First, PageInfo, cut, fetch_page, page_info, write_cursor
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input, not_found
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import decimal
from bpm_crm.api.people import User, user_of
from bpm_crm.api.process_releases import RolloutInTheWay, renewed, rollout_in_the_way
from bpm_crm.api.requests import key_reused, request_of
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.releasing import RolloutRuns
from bpm_crm.operations.rollout_checks import arms_of
from bpm_crm.operations.rollouts import (
    LEAST_SHARE,
    MOST_SHARE,
    AskedRollout,
    GuardRail,
    RolloutSaved,
    RolloutStatus,
    change_rollout,
    finish_rollout,
    start_rollout,
    stop_rollout,
)
from bpm_crm.records.identifiers import as_uuid
from bpm_crm.records.rollouts import ROLLOUTS, RolloutRecord, rollout_of
from bpm_crm.records.selection import Compare, Operator, Query

SHARE = f"Per cent of the new cases of each channel that take the version: {LEAST_SHARE} to {MOST_SHARE}."

expose(
    RolloutStatus,
    "How a rollout stands.",
    {
        RolloutStatus.RUNNING: "New cases are being split.",
        RolloutStatus.STOPPED: "Somebody stopped it: new cases take the version before.",
        RolloutStatus.TRIPPED: "Its guard-rail stopped it: new cases take the version before.",
        RolloutStatus.FINISHED: "It was finished: new cases take its version.",
    },
)
expose(
    ArmVerdict,
    "What can be said of the version that is rolled out beside the one before.",
    {
        ArmVerdict.BETTER: "It is better.",
        ArmVerdict.WORSE: "It is worse.",
        ArmVerdict.NO_EVIDENCE: "The difference may well be chance.",
        ArmVerdict.NOT_ENOUGH: f"One of them has fewer than {FEWEST_CASES} cases in channels that both have.",
    },
)


@strawberry.input(description="When a rollout is to be stopped by itself.")
class GuardRailInput:
    """When a rollout is to be stopped by itself."""

    clock: str = strawberry.field(description="Key of a clock that both versions have.")
    drop: Decimal = strawberry.field(
        description="By how much the attainment of the clock may be lower than under the version before; 0.05 is five points."
    )


@strawberry.input(description="Send a share of the new cases of each channel to a version.")
class StartRolloutInput:
    """Send a share of the new cases to a version."""

    process: str = strawberry.field(description="Key of the process.")
    version: int = strawberry.field(description="Number of the version, published and not taken by new cases.")
    share: int = strawberry.field(description=SHARE)
    guard_rail: GuardRailInput | None = strawberry.field(
        default=None, description="When it is to be stopped by itself; null: never."
    )
    comment: str | None = strawberry.field(default=None, description="What for; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Change the share of the rollout of a process. Its turns begin anew.")
class ChangeRolloutInput:
    """Change the share of a rollout."""

    process: str = strawberry.field(description="Key of the process.")
    share: int = strawberry.field(description=SHARE)
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Stop the rollout of a process: new cases take the version before.")
class StopRolloutInput:
    """Stop the rollout of a process."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Finish the rollout of a process: all new cases take its version.")
class FinishRolloutInput:
    """Finish the rollout of a process."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="A guard-rail: when a rollout is stopped by itself.")
class RolloutGuardRail:
    """When a rollout is stopped by itself."""

    clock: str = strawberry.field(description="Key of the clock.")
    drop: Decimal = strawberry.field(
        description="By how much its attainment may be lower than under the version before. It stops only when the interval of 99.9 % lies below this, since it is looked at again and again."
    )
    figures: JSON | None = strawberry.field(
        description="The figures of the last look: cycles due and met under each version, the difference with its interval; null: none yet."
    )


@strawberry.type(description="One version in one figure.")
class RolloutArm:
    """One version in one figure."""

    version: int = strawberry.field(description="Number of the version.")
    n: int = strawberry.field(description="Cases begun, or cycles of the clock due.")
    converted: int = strawberry.field(description="Of these, cases won so far, or cycles met.")
    rate: Decimal | None = strawberry.field(description="The one by the other; null of none.")


@strawberry.type(description="A figure of both versions in one channel.")
class RolloutChannel:
    """A figure of both versions in one channel."""

    channel: Channel | None = strawberry.field(description="The channel.")
    before: RolloutArm = strawberry.field(description="The version before.")
    after: RolloutArm = strawberry.field(description="The version that is rolled out.")


@strawberry.type(description="One figure of both versions: conversion, or the attainment of a clock.")
class RolloutFigure:
    """One figure of both versions."""

    clock: str | None = strawberry.field(description="Key of the clock; null: conversion, won of begun.")
    before: RolloutArm = strawberry.field(description="The version before, over all channels.")
    after: RolloutArm = strawberry.field(description="The version that is rolled out, over all channels.")
    difference: Decimal | None = strawberry.field(
        description="By how much the rate of the version is above that of the one before, both over the channel mix of the two; null where no channel has both."
    )
    lower: Decimal | None = strawberry.field(description="Lower end of its interval of 95 %.")
    upper: Decimal | None = strawberry.field(description="Upper end of its interval of 95 %.")
    adjusted_p: Decimal | None = strawberry.field(
        description="Probability of so great a difference by chance, within channels, adjusted for the number of figures; null where it is not judged."
    )
    verdict: ArmVerdict = strawberry.field(description="What can be said.")
    channels: list[RolloutChannel] = strawberry.field(description="Channel by channel.")


@strawberry.type(
    description="What a rollout shows of its version beside the one before: of the cases begun while it ran."
)
class RolloutReadOut:
    """What a rollout shows."""

    as_of: datetime = strawberry.field(description="The instant it is of.")
    figures: list[RolloutFigure] = strawberry.field(description="Conversion first, then the attainment of each clock.")


@strawberry.type(
    description="A rollout: a version takes a share of the new cases of each channel beside the one before."
)
class ProcessRollout:
    """A rollout."""

    process: str = strawberry.field(description="Key of the process.")
    before_version: int = strawberry.field(description="The version that the others take.")
    version: int = strawberry.field(description="The version that is rolled out.")
    share: int = strawberry.field(description="Per cent of the new cases of each channel that take it.")
    guard_rail: RolloutGuardRail | None = strawberry.field(description="When it is stopped by itself; null: never.")
    status: RolloutStatus = strawberry.field(description="How it stands.")
    started_at: datetime = strawberry.field(description="When it was started.")
    started_by: User | None = strawberry.field(description="Who started it; null: a command of the installation.")
    ended_at: datetime | None = strawberry.field(description="When it ended; null: it runs.")
    revision: int = strawberry.field(description="Counts the changes of its share.")
    record: strawberry.Private[RolloutRecord]

    @strawberry.field(description="The two versions compared within channels: n, interval, and what can be said.")
    async def read_out(self, info: Info) -> RolloutReadOut:
        """The two versions compared."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        async with context.services.database.reader(viewer.tenant_id) as connection:
            report = await compare_arms(connection, arms_of(viewer.tenant_id, self.process, self.record))
        return RolloutReadOut(
            as_of=report.as_of, figures=[_figure(context, self.record, item) for item in report.figures]
        )


@strawberry.type(description="The rollout is so now.")
class RolloutAnswer:
    """The rollout is so now."""

    rollout: ProcessRollout = strawberry.field(description="The rollout.")
    is_repeated: bool = strawberry.field(
        description="Whether this repeats the first answer to the same idempotency key."
    )


@strawberry.type(description="A rollout in a list, with its cursor.")
class ProcessRolloutEdge:
    """A rollout in a list."""

    cursor: str = strawberry.field(description="Cursor of the rollout.")
    node: ProcessRollout = strawberry.field(description="The rollout.")


@strawberry.type(description="A page of rollouts.")
class ProcessRolloutConnection:
    """A page of rollouts."""

    edges: list[ProcessRolloutEdge] = strawberry.field(description="Rollouts with their cursors.")
    nodes: list[ProcessRollout] = strawberry.field(description="Rollouts.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of rollouts in the whole list.")


RolloutResult = Annotated[
    RolloutAnswer | RolloutInTheWay | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("RolloutResult", description="The rollout is so now, or why it is not."),
]
StartArgument = Annotated[StartRolloutInput, argument(description="Which version takes how many of the new cases.")]
ChangeArgument = Annotated[ChangeRolloutInput, argument(description="Which share it is to be.")]
StopArgument = Annotated[StopRolloutInput, argument(description="Which process.")]
FinishArgument = Annotated[FinishRolloutInput, argument(description="Which process.")]


@strawberry.type
class ProcessRolloutsQuery:
    """Queries about rollouts."""

    @strawberry.field(
        description="The rollouts of a process, the latest first: the one that runs, if there is one, is the first."
    )
    async def process_rollouts(
        self,
        info: Info,
        process: Annotated[str, argument(description="Key of the process.")],
        first: First = None,
        after: After = None,
    ) -> ProcessRolloutConnection:
        """The rollouts of a process."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        known = context.known.definition(process)
        query = Query(ROLLOUTS, Compare("r.definition_id", Operator.IN, [] if known is None else [known.id], "uuid"))
        window = cut(query.keys, first, after)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes = [rollout_type(context, process, rollout_of(row)) for row in page.rows]
        edges = [
            ProcessRolloutEdge(cursor=write_cursor(keys), node=node)
            for keys, node in zip(page.keys, nodes, strict=True)
        ]
        return ProcessRolloutConnection(
            edges=edges, nodes=nodes, page_info=page_info(page, window), total_count=page.total or 0
        )


@strawberry.type
class ProcessRolloutsMutation:
    """Mutations of rollouts."""

    @strawberry.mutation(
        description="Send a share of the new cases of each channel to a version; the others go on as they are. Repeated leads stay where they were."
    )
    async def start_rollout(self, info: Info, input: StartArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Send a share of the new cases to a version."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        rail = input.guard_rail
        guard = None if rail is None else GuardRail(rail.clock, rail.drop)
        asked = AskedRollout(input.process, input.version, input.share, guard)
        said = [
            "startRollout",
            asked.process,
            asked.version,
            asked.share,
            None if rail is None else [rail.clock, rail.drop],
        ]
        answer = await start_rollout(context.services.database, request_of(context, input, said), asked)
        return await _answered(context, answer)

    @strawberry.mutation(description="Change the share of the rollout of a process.")
    async def change_rollout(self, info: Info, input: ChangeArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Change the share of a rollout."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        request = request_of(context, input, ["changeRollout", input.process, input.share])
        answer = await change_rollout(context.services.database, request, input.process, input.share)
        return await _answered(context, answer)

    @strawberry.mutation(description="Stop the rollout of a process: new cases take the version before.")
    async def stop_rollout(self, info: Info, input: StopArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Stop the rollout of a process."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        request = request_of(context, input, ["stopRollout", input.process])
        return await _answered(context, await stop_rollout(context.services.database, request, input.process))

    @strawberry.mutation(description="Finish the rollout of a process: all new cases take its version.")
    async def finish_rollout(self, info: Info, input: FinishArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Finish the rollout of a process."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        request = request_of(context, input, ["finishRollout", input.process])
        return await _answered(context, await finish_rollout(context.services.database, request, input.process))


def rollout_type(context: RequestContext, process: str, record: RolloutRecord) -> ProcessRollout:
    """A rollout as the API shows it."""
    rail = None
    if record.guard_clock is not None and record.guard_drop is not None:
        figures = None if record.figures is None else JSON(record.figures)
        rail = RolloutGuardRail(clock=record.guard_clock, drop=record.guard_drop, figures=figures)
    return ProcessRollout(
        process=process,
        before_version=record.version_a,
        version=record.version_b,
        share=record.share,
        guard_rail=rail,
        status=RolloutStatus(record.status),
        started_at=record.started_at,
        started_by=user_of(context.people, record.started_by),
        ended_at=record.ended_at,
        revision=record.revision,
        record=record,
    )


def _flawed(context: RequestContext, asked: Any) -> InvalidInput | None:
    context.require(Permission.MANAGE_PROCESSES)
    found = flaws(comment=asked.comment, idempotency_key=asked.idempotency_key)
    return invalid_input(found, context.language) if found else None


def _figure(context: RequestContext, record: RolloutRecord, item: ArmFigures) -> RolloutFigure:
    lower, upper = item.interval or (None, None)
    channels = sorted({*item.a, *item.b}, key=str)
    return RolloutFigure(
        clock=item.clock,
        before=_arm(record.version_a, _sum(item.a)),
        after=_arm(record.version_b, _sum(item.b)),
        difference=None if item.difference is None else decimal(item.difference),
        lower=None if lower is None else decimal(lower),
        upper=None if upper is None else decimal(upper),
        adjusted_p=None if item.adjusted_p is None else decimal(item.adjusted_p),
        verdict=item.verdict,
        channels=[
            RolloutChannel(
                channel=None if key is None else channel_of(context.known, as_uuid(key), context.language),
                before=_arm(record.version_a, item.a.get(key, (0, 0))),
                after=_arm(record.version_b, item.b.get(key, (0, 0))),
            )
            for key in channels
        ],
    )


def _arm(version: int, counts: tuple[int, int]) -> RolloutArm:
    cases, converted = counts
    return RolloutArm(version=version, n=cases, converted=converted, rate=decimal(converted / cases) if cases else None)


def _sum(counts: Counts) -> tuple[int, int]:
    return sum(cases for cases, _ in counts.values()), sum(converted for _, converted in counts.values())


async def _answered(context: RequestContext, answer: Any) -> Any:
    match answer:
        case RolloutSaved(process, rollout, is_repeated):
            context = await renewed(context)
            return RolloutAnswer(rollout=rollout_type(context, process, rollout), is_repeated=is_repeated)
        case RolloutRuns():
            return rollout_in_the_way(context, answer)
        case NotUnderstood(problems):
            return invalid_input(problems, context.language)
        case Missing():
            return not_found(context.language, "input", "process")
        case KeyReused(key):
            return key_reused(context, key)
        case _:
            raise TypeError(f"unexpected answer {type(answer).__name__}")
