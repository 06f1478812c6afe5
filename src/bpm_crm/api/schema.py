"""The schema: roots put together from the nouns, scalars, and the types that refer to each other in a circle."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from graphql import build_schema as parse_schema
from graphql import print_schema
from graphql.utilities import lexicographic_sort_schema
from strawberry import argument
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

import bpm_crm.api.enums
import bpm_crm.api.review_enums  # noqa: F401  # both expose the enums of lower layers before the schema is built
from bpm_crm.api.acts import ActsMutation
from bpm_crm.api.bpmn_imports import BpmnImportsQuery
from bpm_crm.api.channels import ChannelsQuery, campaign_of, channel_of
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.corrective_actions import CorrectiveActionsMutation, CorrectiveActionsQuery, find_action
from bpm_crm.api.customers import Customer, CustomersQuery, CustomerView, customers_in
from bpm_crm.api.deal_lists import DealsQuery
from bpm_crm.api.deals import Deal, DealView
from bpm_crm.api.definition_lists import DefinitionsQuery
from bpm_crm.api.definitions import definition_type
from bpm_crm.api.exports import ExportsMutation
from bpm_crm.api.figure_map import ProcessMapQuery
from bpm_crm.api.figures import FiguresQuery
from bpm_crm.api.ids import from_global
from bpm_crm.api.imports import ImportsMutation, ImportsQuery
from bpm_crm.api.instance_lists import InstancesQuery, visible_instance
from bpm_crm.api.job_cancelling import JobCancellingMutation
from bpm_crm.api.job_kinds import replay_job_node
from bpm_crm.api.job_lists import JobListsQuery, JobsSubscription
from bpm_crm.api.jobs import JobsQuery, export_node, import_node
from bpm_crm.api.kpi_drivers import KpiDriversQuery
from bpm_crm.api.kpis import KpisQuery
from bpm_crm.api.leads import LeadsMutation
from bpm_crm.api.migrations import MigrationsMutation, MigrationsQuery, find_migration, find_plan
from bpm_crm.api.moves import MovesMutation
from bpm_crm.api.nodes import Node
from bpm_crm.api.own_kpi_versions import OwnKpiVersionsQuery
from bpm_crm.api.own_kpis import OwnKpisMutation, OwnKpisQuery
from bpm_crm.api.people import PeopleQuery, team_of, tenant_of, user_of
from bpm_crm.api.process_differences import ProcessDifferencesQuery
from bpm_crm.api.process_drafts import ProcessDraftsMutation, ProcessDraftsQuery
from bpm_crm.api.process_releases import ProcessReleasesMutation
from bpm_crm.api.process_rollouts import ProcessRolloutsMutation, ProcessRolloutsQuery
from bpm_crm.api.process_versions import ProcessVersionsQuery
from bpm_crm.api.replays import ReplaysMutation, ReplaysQuery, replay_node
from bpm_crm.api.reviews import ReviewsMutation, ReviewsQuery, find_review, find_schedule
from bpm_crm.api.scalars import SCALARS
from bpm_crm.api.stage_figures import StageFiguresQuery
from bpm_crm.api.subscriptions import Subscriptions
from bpm_crm.api.transition_forms import TransitionFormsQuery
from bpm_crm.api.version_types import version_of
from bpm_crm.operations.access import Permission
from bpm_crm.records.listings import CUSTOMERS, CustomerRecord, DealRecord, customer_of
from bpm_crm.records.selection import All, Compare, Operator, Query, Slice, read_page


class CircularViews:
    """Makes deals and customers for the types that refer to them."""

    def deal(self, context: RequestContext, record: DealRecord) -> Deal:
        """A deal as the API shows it."""
        return DealView(record, context)

    def customer(self, record: CustomerRecord) -> Customer:
        """A customer as the API shows it."""
        return CustomerView(record)


GlobalId = Annotated[strawberry.ID, argument(description="Global id of the object.")]


@strawberry.type
class NodesQuery:
    """Finding anything by its global id."""

    @strawberry.field(description="Any object by its global id; null when there is none that the viewer may see.")
    async def node(self, info: Info, id: GlobalId) -> Node | None:  # noqa: A002  # Relay's name
        """Any object by its global id."""
        info.context.caller  # noqa: B018  # a fault without credentials
        found = from_global(id)
        finder = _FINDERS.get(found[0]) if found is not None else None
        if found is None or finder is None:
            return None
        return await finder(info, found[1])


Finder = Callable[[Info, Any], Awaitable[Any]]


def _by_uuid(find: Finder) -> Finder:
    """A finder of what is known by a uuid; anything else finds nothing."""

    async def finder(info: Info, key: str) -> Any:
        try:
            known = UUID(key)
        except ValueError:
            return None
        return await find(info, known)

    return finder


async def _deal(info: Info, key: UUID) -> Any:
    _, scope = info.context.require(Permission.VIEW_CASES)
    record = await info.context.loader.deals.load(key)
    if record is None or not scope.covers(
        owner_id=record.owner_id, team_id=record.team_id, channel_id=record.channel_id
    ):
        return None
    return info.context.deal(record)


async def _customer(info: Info, key: UUID) -> Any:
    viewer, scope = info.context.require(Permission.VIEW_CUSTOMERS)
    condition = All((Compare("cu.id", Operator.EQ, key, "uuid"), customers_in(scope)))
    async with info.context.services.database.reader(viewer.tenant_id) as connection:
        page = await read_page(connection, viewer.tenant_id, Query(CUSTOMERS, condition), Slice(1))
    return CustomerView(customer_of(page.rows[0])) if page.rows else None


async def _definition(info: Info, key: UUID) -> Any:
    info.context.require(Permission.VIEW_DEFINITIONS)
    record = info.context.known.definitions.get(key)
    if record is None:
        return None
    process = await info.context.process(key, record.taken_version)
    return definition_type(record, process.definition, info.context.language)


async def _channel(info: Info, key: UUID) -> Any:
    info.context.require(Permission.VIEW_DEFINITIONS)
    known = key in info.context.known.channels
    return channel_of(info.context.known, key, info.context.language) if known else None


async def _campaign(info: Info, key: UUID) -> Any:
    info.context.require(Permission.VIEW_DEFINITIONS)
    return campaign_of(info.context.known, key)


async def _tenant(info: Info, key: UUID) -> Any:
    tenant = info.context.known.tenant
    return tenant_of(tenant) if tenant.id == key else None


async def _version(info: Info, key: str) -> Any:
    info.context.require(Permission.VIEW_DEFINITIONS)
    return await version_of(info, key)


async def _user(info: Info, key: UUID) -> Any:
    info.context.require(Permission.VIEW_PEOPLE)
    return user_of(info.context.known, key)


async def _team(info: Info, key: UUID) -> Any:
    info.context.require(Permission.VIEW_PEOPLE)
    return team_of(info.context.known, key)


_FINDERS: Mapping[str, Finder] = {
    "ProcessInstance": _by_uuid(visible_instance),
    "Deal": _by_uuid(_deal),
    "Customer": _by_uuid(_customer),
    "ProcessDefinition": _by_uuid(_definition),
    "ProcessVersion": _version,
    "Channel": _by_uuid(_channel),
    "Campaign": _by_uuid(_campaign),
    "User": _by_uuid(_user),
    "Team": _by_uuid(_team),
    "Tenant": _by_uuid(_tenant),
    "Review": _by_uuid(find_review),
    "ReviewSchedule": _by_uuid(find_schedule),
    "CorrectiveAction": _by_uuid(find_action),
    "ImportJob": _by_uuid(import_node),
    "ExportJob": _by_uuid(export_node),
    "Replay": _by_uuid(replay_node),
    "ReplayJob": _by_uuid(replay_job_node),
    "MigrationPlan": _by_uuid(find_plan),
    "Migration": _by_uuid(find_migration),
}


def _root(name: str, description: str, *parts: type) -> type:
    """A root type put together from those of the nouns."""
    root: Any = merge_types(name, parts)
    root.__strawberry_definition__.description = description
    return cast("type", root)


Query_ = _root(
    "Query",
    "What can be asked.",
    NodesQuery,
    PeopleQuery,
    ChannelsQuery,
    DefinitionsQuery,
    BpmnImportsQuery,
    ProcessDraftsQuery,
    ProcessDifferencesQuery,
    ProcessVersionsQuery,
    TransitionFormsQuery,
    ProcessRolloutsQuery,
    InstancesQuery,
    DealsQuery,
    CustomersQuery,
    FiguresQuery,
    ProcessMapQuery,
    ReviewsQuery,
    CorrectiveActionsQuery,
    KpiDriversQuery,
    KpisQuery,
    OwnKpisQuery,
    OwnKpiVersionsQuery,
    StageFiguresQuery,
    ImportsQuery,
    JobsQuery,
    JobListsQuery,
    ReplaysQuery,
    MigrationsQuery,
)
Mutation = _root(
    "Mutation",
    "What can be done. Each field is a transaction of its own.",
    LeadsMutation,
    MovesMutation,
    ActsMutation,
    OwnKpisMutation,
    ReviewsMutation,
    CorrectiveActionsMutation,
    ProcessDraftsMutation,
    ProcessReleasesMutation,
    ProcessRolloutsMutation,
    ImportsMutation,
    ExportsMutation,
    JobCancellingMutation,
    ReplaysMutation,
    MigrationsMutation,
)
Subscription = _root("Subscription", "What can be followed.", Subscriptions, JobsSubscription)


@cache
def build_schema() -> strawberry.Schema:
    """The schema, ready to be served; it has no state, so that applications in one process share it."""
    return strawberry.Schema(
        query=Query_, mutation=Mutation, subscription=Subscription, config=StrawberryConfig(scalar_map=SCALARS)
    )


def sorted_sdl(schema: strawberry.Schema) -> str:
    """The schema in its definition language, sorted by name: what `schema.graphql` holds."""
    return print_schema(lexicographic_sort_schema(parse_schema(schema.as_str()))) + "\n"
