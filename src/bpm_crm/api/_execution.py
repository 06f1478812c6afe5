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
from graphql import ExecutionResult, GraphQLError
from graphql.execution import Executor, create_source_event_stream, map_source_to_response_event
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bpm_crm.api._bounded_cache import BoundedCache
from bpm_crm.api._executor import FastExecutor
from bpm_crm.api._limits import Limits
from bpm_crm.api._ports import Context
from bpm_crm.api._request import GraphQLRequest
from bpm_crm.api._resolvers import compile_resolvers
from bpm_crm.api.documents import SUGGESTED, Document, Documents, Operation
from bpm_crm.api.faults import Code, Fault, Problem, Refused, explain
from bpm_crm.api.guard import Cost, check_variables
from bpm_crm.engine.definition import Title

__all__ = ["Execution", "Plan"]

T = TypeVar("T")

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

    def _executor(self, plan: Plan, context: Context) -> FastExecutor:
        """The executor of a plan. Raises Refused for wrong variables."""
        values = plan.operation.variables.coerced(plan.request.variables)
        if values is None:
            found = self._checked(plan, context)
        else:
            found = FastExecutor.of(
                self._schema, plan.document.fragments, plan.operation.node, values, context, plan.request.extensions
            )
        found.selected = plan.document.selections.under(found.variable_values.coerced)
        return found

    def _checked(self, plan: Plan, context: Context, *, suggest: bool = False) -> FastExecutor:
        """The executor that graphql-core makes, after it has said what is wrong with the variables."""
        built: Any = FastExecutor.build(
            self._schema,
            plan.document.node,
            context_value=context,
            raw_variable_values=plan.request.variables,
            operation_name=plan.operation.name,
            max_coercion_errors=SUGGESTED if suggest else COERCION_ERRORS,
            hide_suggestions=not suggest,
            operation_extensions=plan.request.extensions,
        )
        if isinstance(built, FastExecutor):
            return built
        if len(built) <= SUGGESTED and plan.is_small and not suggest:
            return self._checked(plan, context, suggest=True)
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
