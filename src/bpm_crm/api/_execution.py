"""Execution of prepared documents by graphql-core, without what Strawberry does around it for each request.

Everything Strawberry puts into the schema itself works: resolvers, permissions, field extensions, scalars, one-of and `Maybe` inputs.
What it does outside (schema extensions, custom operation directives, `process_errors`) is not run, and a schema that has it is refused.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLObjectType
from graphql.execution import Executor, create_source_event_stream, map_source_to_response_event
from graphql.execution.collect_fields import CollectedFields, FieldDetails, GroupedFieldSet
from graphql.pyutils import Path, Undefined, gather_with_cancel
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bpm_crm.api._bounded_cache import BoundedCache
from bpm_crm.api._limits import Limits
from bpm_crm.api._plain_fields import PlainField, plain_fields, plain_value
from bpm_crm.api._ports import Context
from bpm_crm.api._request import GraphQLRequest
from bpm_crm.api._resolvers import compile_resolvers
from bpm_crm.api.documents import SUGGESTED, Document, Documents, Operation
from bpm_crm.api.faults import Code, Fault, Problem, Refused, explain
from bpm_crm.api.guard import Cost, check_variables
from bpm_crm.engine.definition import Title

__all__ = ["Execution", "Plan"]

T = TypeVar("T")

_is_awaitable: Any = optimized_is_awaitable  # graphql-core asks for a TypeGuard, Strawberry promises a bool

COERCION_ERRORS = 3
"""Each of them quotes the whole value, which may be most of the request."""
FEW_VALUES = 200
FOR_ALL = (Code.UNAUTHENTICATED, Code.UNAVAILABLE, Code.OVERLOADED, Code.DEADLINE_EXCEEDED)
"""Where one of these left nothing but nulls, the answer has no data, so that its HTTP status says what happened."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An operation that passed every check that can be made before it runs."""

    document: Document
    operation: Operation
    cost: Cost
    request: GraphQLRequest
    is_small: bool
    """Whether the variables are few enough for names to be suggested for mistaken ones."""


class _Executor(Executor[None]):
    """graphql-core's plain executor with the resolve info that Strawberry's resolvers expect."""

    subfields: dict[Any, Any] | None = None

    def __init__(self, *args: Any, operation_extensions: dict[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.operation_extensions = operation_extensions
        self._plain: dict[int, tuple[object, list[PlainField]]] = {}

    build_resolve_info: Any = StrawberryGraphQLCoreExecutionContext.build_resolve_info

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: list[FieldDetails]
    ) -> CollectedFields:
        """Collect the fields below a field: once per document where no directive can make them differ from request to request."""
        shared = self.subfields
        if shared is None:
            return super().collect_subfields(return_type, field_details_list)
        key = (return_type, *[id(details.node) for details in field_details_list])
        collected: CollectedFields | None = shared.get(key)
        if collected is None:
            collected = shared[key] = super().collect_subfields(return_type, field_details_list)
        return collected

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: None,
    ) -> Any:
        """The same as graphql-core's, but that plain fields are read by the way of `_plain_fields`."""
        known = self._plain.get(id(grouped_field_set))
        if known is None:
            plain = plain_fields(self.schema, parent_type, grouped_field_set)
            known = self._plain[id(grouped_field_set)] = (grouped_field_set, plain)
        results: dict[str, Any] = {}
        waiting: list[str] = []
        try:
            for field in known[1]:
                value = plain_value(field, source_value)
                if value is Undefined or (field.object_type is not None and value is not None):
                    field_path = Path(path, field.name, parent_type.name)
                    if value is Undefined:
                        value = self.execute_field(
                            parent_type, source_value, field.details, field_path, position_context
                        )
                    else:
                        value = self._object(field, value, field_path)
                    if value is Undefined:
                        continue
                    if self.is_awaitable(value):
                        waiting.append(field.name)
                results[field.name] = value
        except Exception:
            self.settle_in_background([results[name] for name in waiting])
            raise
        return self._all(results, waiting) if waiting else results

    def _object(self, field: PlainField, value: Any, path: Path) -> Any:
        """An object by the fields below it; as graphql-core has it where one of these fails."""
        try:
            selection = self.collect_subfields(field.object_type, field.details).grouped_field_set  # type: ignore[arg-type]  # it has one
            found = self.execute_fields(field.object_type, value, path, selection, None)  # type: ignore[arg-type]  # as above
        except Exception as error:  # noqa: BLE001  # any error of a field is told
            self.handle_field_error(error, field.return_type, field.details, path)
            return None
        return self._awaited(found, field, path) if self.is_awaitable(found) else found

    async def _awaited(self, found: Awaitable[Any], field: PlainField, path: Path) -> Any:
        try:
            return await found
        except Exception as error:  # noqa: BLE001  # as above
            self.handle_field_error(error, field.return_type, field.details, path)
            return None

    async def _all(self, results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
        """The results when all that is waited for is there."""
        found = await gather_with_cancel(*(results[name] for name in waiting))
        results.update(zip(waiting, found, strict=True))
        return results


class Execution:
    """Plans and runs operations against one schema. Raises TypeError for a schema that needs Strawberry's own `execute`."""

    def __init__(
        self, schema: strawberry.Schema, documents: Documents, limits: Limits, deadline_seconds: float
    ) -> None:
        if (
            schema.extensions
            or schema.directives
            or schema.execution_context_class is not StrawberryGraphQLCoreExecutionContext
        ):
            raise TypeError(
                "the schema has extensions, directives or an executor of its own, which this endpoint does not run; remove them"
            )
        compile_resolvers(schema)
        self._schema = schema._schema  # noqa: SLF001  # Strawberry offers no other way to graphql-core's schema
        self._documents = documents
        self._limits = limits
        self._deadline = deadline_seconds
        self._too_late = Problem(
            Code.DEADLINE_EXCEEDED,
            Title(
                f"The operation took longer than {deadline_seconds:g} s and was cancelled.",
                f"Операция длилась дольше {deadline_seconds:g} с и отменена.",
            ),
        )
        self._introspections: BoundedCache[tuple[str, str | None], bytes] = BoundedCache(entries=16, size=16_000_000)
        self._introspecting = asyncio.Lock()

    def plan(self, request: GraphQLRequest, *, request_id: str) -> Plan:
        """Prepare and check a request. Raises Refused."""
        document = self._documents.prepare(request.query, request_id=request_id)
        try:
            operation = document.operation(request.operation_name)
            values = check_variables(request.variables, self._limits) if request.variables else 0
            cost = operation.cost.with_variables(request.variables)
        except (Fault, GraphQLError) as error:
            raise Refused(explain(error, request_id=request_id)) from error
        return Plan(document, operation, cost, request, is_small=values <= FEW_VALUES)

    async def answer(self, plan: Plan, context: Context) -> dict[str, Any]:
        """Run a query or mutation and return the response. Raises Refused where there is no `data` to return."""
        if plan.operation.is_introspection:
            return _response(await self._in_time(self._introspect(plan, context)), [], plan)
        result: Any = self._executor(plan, context).execute_operation()
        if not isinstance(result, ExecutionResult):
            result = await self._in_time(result)
        problems = _problems(result.errors, context)
        if not _has_data(result.data) and any(problem.code in FOR_ALL for problem in problems):
            raise Refused(*sorted(problems, key=lambda problem: problem.code not in FOR_ALL))
        return _response(result.data, _formatted(problems, context), plan)

    async def events(self, plan: Plan, context: Context) -> AsyncGenerator[dict[str, Any], None]:
        """Run a subscription and yield its responses. Raises Refused where it cannot start and where its source fails."""
        executor = self._executor(plan, context)
        source: Any = create_source_event_stream(executor)
        if isinstance(source, Awaitable):
            source = await self._in_time(source)
        if isinstance(source, ExecutionResult):
            raise Refused(*_problems(source.errors, context))
        try:
            async with aclosing(map_source_to_response_event(executor, source, self._event)) as results:
                async for result in results:
                    yield _response(result.data, _formatted(_problems(result.errors, context), context), plan)
        except Refused:
            raise
        except Exception as error:  # a source may fail with anything, and the client is to be told
            raise Refused(explain(error, request_id=context.request_id)) from error

    def _executor(self, plan: Plan, context: Context, *, suggest: bool = False) -> _Executor:
        built: Any = _Executor.build(
            self._schema,
            plan.document.node,
            context_value=context,
            raw_variable_values=plan.request.variables,
            operation_name=plan.operation.name,
            max_coercion_errors=SUGGESTED if suggest else COERCION_ERRORS,
            is_awaitable=_is_awaitable,
            hide_suggestions=not suggest,
            operation_extensions=plan.request.extensions,
        )
        if isinstance(built, _Executor):
            built.subfields = plan.document.subfields
            return built
        if len(built) <= SUGGESTED and plan.is_small and not suggest:
            return self._executor(plan, context, suggest=True)
        raise Refused(*(explain(error, request_id=context.request_id, code=Code.BAD_USER_INPUT) for error in built))

    async def _introspect(self, plan: Plan, context: Context) -> orjson.Fragment:
        """Answer a query that asks for nothing but the schema, once per text and in a thread: it may take half a second."""
        key = (plan.document.text, plan.operation.name)
        known = self._introspections.get(key)
        if known is None:
            async with self._introspecting:
                result: Any = await asyncio.to_thread(self._executor(plan, context).execute_operation)
            known = orjson.dumps(result.data)
            self._introspections.put(key, known, size=len(known))
        return orjson.Fragment(known)

    def _event(self, executor: Executor[Any]) -> Any:
        """Run the selection of a subscription for one event of its source."""
        result: Any = executor.execute_operation(False)
        return result if isinstance(result, ExecutionResult) else self._in_time(result)

    async def _in_time(self, result: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._deadline):
                return await result
        except TimeoutError as error:
            raise Refused(self._too_late) from error


def _has_data(data: dict[str, Any] | None) -> bool:
    return data is not None and any(value is not None for value in data.values())


def _problems(errors: Sequence[GraphQLError] | None, context: Context) -> list[Problem]:
    return [explain(error, request_id=context.request_id) for error in errors or ()]


def _formatted(problems: Sequence[Problem], context: Context) -> list[dict[str, Any]]:
    return [problem.formatted(context.request_id, context.language) for problem in problems]


def _response(data: Any, errors: list[dict[str, Any]], plan: Plan) -> dict[str, Any]:
    response = {"errors": errors} if errors else {}
    return {**response, "data": data, "extensions": {"cost": plan.cost}}
