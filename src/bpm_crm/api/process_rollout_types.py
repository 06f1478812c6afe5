"""Rollouts and their read-outs as the API shows them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.analytics.rollouts import ArmCounts, ArmFigures, ArmVerdict, compare_arms, total_of
from bpm_crm.analytics.stratified import FEWEST_CASES
from bpm_crm.api.channels import Channel, channel_of
from bpm_crm.api.connections import PageInfo
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import decimal
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT
from bpm_crm.api.people import User, user_of
from bpm_crm.api.requests import Repeatable
from bpm_crm.operations.access import Permission
from bpm_crm.operations.rollout_checks import arms_of
from bpm_crm.operations.rollouts import (
    RolloutStatus,
)
from bpm_crm.records.identifiers import as_uuid
from bpm_crm.records.rollouts import RolloutRecord

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
    description="What a rollout shows of its version beside the one before: of the cases that took a turn in it."
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
    async def read_out(
        self,
        info: Info,
        as_of: Annotated[datetime | None, argument(description=AS_OF)] = None,
        known_at: Annotated[datetime | None, argument(description=KNOWN_AT)] = None,
    ) -> RolloutReadOut:
        """The two versions compared."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        async with context.services.database.reader(viewer.tenant_id) as connection:
            arms = arms_of(viewer.tenant_id, self.process, self.record)
            report = await compare_arms(connection, arms, as_of=as_of, known_at=known_at)
        return RolloutReadOut(
            as_of=report.as_of, figures=[_figure(context, self.record, item) for item in report.figures]
        )


@strawberry.type(description="The rollout is so now.")
class RolloutAnswer(Repeatable):
    """The rollout is so now."""

    rollout: ProcessRollout = strawberry.field(description="The rollout.")


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


def _figure(context: RequestContext, record: RolloutRecord, item: ArmFigures) -> RolloutFigure:
    lower, upper = item.interval or (None, None)
    before, after = _by_channel(item.a), _by_channel(item.b)
    return RolloutFigure(
        clock=item.clock,
        before=_arm(record.version_a, total_of(item.a)),
        after=_arm(record.version_b, total_of(item.b)),
        difference=None if item.difference is None else decimal(item.difference),
        lower=None if lower is None else decimal(lower),
        upper=None if upper is None else decimal(upper),
        adjusted_p=None if item.adjusted_p is None else decimal(item.adjusted_p),
        verdict=item.verdict,
        channels=[
            RolloutChannel(
                channel=None if key is None else channel_of(context.known, as_uuid(key), context.language),
                before=_arm(record.version_a, before.get(key, (0, 0))),
                after=_arm(record.version_b, after.get(key, (0, 0))),
            )
            for key in sorted({*before, *after}, key=str)
        ],
    )


def _arm(version: int, counts: tuple[int, int]) -> RolloutArm:
    cases, converted = counts
    return RolloutArm(version=version, n=cases, converted=converted, rate=decimal(converted / cases) if cases else None)


def _by_channel(counts: ArmCounts) -> Mapping[str | None, tuple[int, int]]:
    """The counts of each channel, whatever share was in force."""
    channels = {channel for channel, _ in counts}
    return {
        channel: total_of({stratum: pair for stratum, pair in counts.items() if stratum[0] == channel})
        for channel in channels
    }
