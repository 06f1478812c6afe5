"""Reviews of processes: reading those that were frozen, and setting how often there is one."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument

from bpm_crm.api.checks import KEY_DESCRIPTION, flaws
from bpm_crm.api.connections import After, Before, First, Last, cut, fetch_page, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.requests import Repeatable, refusal, request_of, user_or_caller
from bpm_crm.api.review_types import Review, ReviewConnection, ReviewEdge, ReviewSchedule, review_type, schedule_type
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission
from bpm_crm.operations.review_journal import Saved
from bpm_crm.operations.review_periods import LAST_MONTHLY_DAY, ReviewRhythm
from bpm_crm.operations.reviews import MOST_PAST, ScheduleDraft, set_review_period, stop_reviews
from bpm_crm.records.reviews import REVIEWS, load_changes, load_schedule, load_schedules, review_of
from bpm_crm.records.selection import All, Compare, Condition, Key, Operator, Query, Slice, read_page

NEWEST_FIRST = (Key("r.until", "timestamptz", descending=True),)


@strawberry.input(description="How often a process is reviewed from now on, and by whom.")
class SetReviewPeriodInput:
    """How often a process is reviewed."""

    process: str = strawberry.field(description="Key of the process.")
    rhythm: ReviewRhythm = strawberry.field(description="How often.")
    starts_on: date = strawberry.field(
        description="First day of the first period: not before the end of the last review, of months one from 1 to "
        f"{LAST_MONTHLY_DAY}. It may lie in the past; up to {MOST_PAST} periods that have ended are then frozen, as known now."
    )
    owner: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of the user who holds the reviews; null: the caller."
    )
    comment: str | None = strawberry.field(default=None, description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="A process that is to be reviewed no more.")
class StopReviewsInput:
    """A process that is to be reviewed no more."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The process is reviewed in this rhythm from now on, or no more.")
class ReviewPeriodSet(Repeatable):
    """The process is reviewed in this rhythm."""

    schedule: ReviewSchedule = strawberry.field(description="The schedule after it.")


SetReviewPeriodResult = Annotated[
    ReviewPeriodSet | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("SetReviewPeriodResult", description="The schedule is so now, or why it is not."),
]
SetReviewPeriodArgument = Annotated[
    SetReviewPeriodInput, argument(description="Which process, how often, from when on.")
]
StopReviewsArgument = Annotated[StopReviewsInput, argument(description="Which process.")]


@strawberry.type
class ReviewsQuery:
    """Queries about reviews."""

    @strawberry.field(description="How often each process is reviewed, and by whom; by key of the process.")
    async def review_schedules(self, info: Info) -> list[ReviewSchedule]:
        """How often each process is reviewed."""
        context = info.context
        viewer, _ = context.require(Permission.VIEW_REVIEWS)
        async with context.services.database.reader(viewer.tenant_id) as connection:
            records = await load_schedules(connection, viewer.tenant_id)
            changes = await load_changes(connection, viewer.tenant_id, [record.id for record in records])
        found = [schedule_type(context, record, changes[record.id]) for record in records]
        return sorted(found, key=lambda schedule: schedule.process)

    @strawberry.field(description="Frozen reviews, those of the latest periods first.")
    async def reviews(
        self,
        info: Info,
        process: Annotated[str | None, argument(description="Key of the process; null: all of them.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ReviewConnection:
        """Frozen reviews."""
        context = info.context
        viewer, _ = context.require(Permission.VIEW_REVIEWS)
        query = Query(REVIEWS, _of_process(context, process), NEWEST_FIRST)
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes = [review_type(context, review_of(row)) for row in page.rows]
        return paged(ReviewConnection, ReviewEdge, nodes, page, window)

    @strawberry.field(description="One review; null when there is none.")
    async def review(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument(description="Global id of the review.")],  # noqa: A002  # the API's name
    ) -> Review | None:
        """One review."""
        info.context.require(Permission.VIEW_REVIEWS)
        key = uuid_of(id, "Review")
        return None if key is None else await find_review(info, key)


async def find_review(info: Any, key: UUID) -> Review | None:
    """A review by its id."""
    context = info.context
    viewer, _ = context.require(Permission.VIEW_REVIEWS)
    query = Query(REVIEWS, Compare("r.id", Operator.EQ, key, "uuid"))
    async with context.services.database.reader(viewer.tenant_id) as connection:
        page = await read_page(connection, viewer.tenant_id, query, Slice(1))
    return review_type(context, review_of(page.rows[0])) if page.rows else None


async def find_schedule(info: Any, key: UUID) -> ReviewSchedule | None:
    """A schedule by its id."""
    context = info.context
    viewer, _ = context.require(Permission.VIEW_REVIEWS)
    return await _schedule(context, viewer.tenant_id, key)


@strawberry.type
class ReviewsMutation:
    """Mutations of review schedules."""

    @strawberry.mutation(
        description="Set how often a process is reviewed. At the end of each period its KPIs are frozen by themselves."
    )
    async def set_review_period(self, info: Info, input: SetReviewPeriodArgument) -> SetReviewPeriodResult:  # noqa: A002  # the API's convention
        """Set how often a process is reviewed."""
        context = info.context
        context.require(Permission.SCHEDULE_REVIEWS)
        if flawed := flaws(comment=input.comment, idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        owner_id = user_or_caller(context, input.owner)
        asked = ScheduleDraft(input.process, input.rhythm, input.starts_on, owner_id)
        request = request_of(
            context, input, ["setReviewPeriod", asked.process, asked.rhythm, asked.starts_on, owner_id]
        )
        database, known = context.services.database, context.known
        return await _answered(context, await set_review_period(database, known, request, asked))

    @strawberry.mutation(description="Stop the reviews of a process. Those that were frozen stay.")
    async def stop_reviews(self, info: Info, input: StopReviewsArgument) -> SetReviewPeriodResult:  # noqa: A002  # the API's convention
        """Stop the reviews of a process."""
        context = info.context
        context.require(Permission.SCHEDULE_REVIEWS)
        if flawed := flaws(comment=input.comment, idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        request = request_of(context, input, ["stopReviews", input.process])
        database, known = context.services.database, context.known
        return await _answered(context, await stop_reviews(database, known, request, input.process))


async def _answered(context: RequestContext, answer: Any) -> Any:
    match answer:
        case Saved(subject_id, is_repeated):
            schedule = await _schedule(context, context.caller.tenant_id, subject_id)
            if schedule is None:
                raise Fault(
                    Code.UNAVAILABLE,
                    Title(
                        "The schedule is stored, but cannot be read now; read it again.",
                        "Расписание сохранено, но сейчас не читается; прочитайте его снова.",
                    ),
                )
            return ReviewPeriodSet(schedule=schedule, is_repeated=is_repeated)
        case _:
            return refusal(context, answer)


async def _schedule(context: RequestContext, tenant_id: UUID, key: UUID) -> ReviewSchedule | None:
    async with context.services.database.reader(tenant_id) as connection:
        record = await load_schedule(connection, tenant_id, key)
        changes = await load_changes(connection, tenant_id, [key])
    return None if record is None else schedule_type(context, record, changes[key])


def _of_process(context: RequestContext, process: str | None) -> Condition:
    if process is None:
        return All()
    known = context.known.definition(process)
    return Compare("r.definition_id", Operator.IN, [] if known is None else [known.id], "uuid")
