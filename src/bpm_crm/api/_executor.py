"""graphql-core's executor with what it lacks here: Strawberry's resolve info, selections kept by document, and plain fields read at once."""

from collections.abc import Mapping
from typing import Any, Self
from weakref import proxy

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, FieldDetails, FragmentDetails
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bpm_crm.api._selected_fields import SelectedFields

__all__ = ["FastExecutor"]


class FastExecutor(Executor[None]):
    """An executor whose answers are those of graphql-core. Strawberry's resolvers get the resolve info that they expect.

    Where a reader fails, graphql-core begins its field or object anew, so attributes and methods that are plain must be free to be read twice.
    """

    def __init__(self, *args: Any, operation_extensions: dict[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_awaitable = optimized_is_awaitable  # type: ignore[assignment]  # graphql-core asks for a TypeGuard
        self.operation_extensions = operation_extensions
        # Its own methods would make it part of a cycle: all of an answer would wait for the garbage collector.
        own = proxy(self)
        self.async_helpers = GraphQLResolveInfoHelpers(
            gather=lambda values: own.gather_async_work(values),  # noqa: PLW0108  # a method of a proxy holds what that stands for
            track=lambda values: own.track_async_work(values),  # noqa: PLW0108  # likewise
        )
        self.selected = SelectedFields(self.schema)

    @classmethod
    def of(
        cls,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDetails],
        operation: OperationDefinitionNode,
        variables: VariableValues,
        context: Any,
        operation_extensions: dict[str, Any],
    ) -> Self:
        """The executor of an operation whose variables are coerced already."""
        return cls(
            schema,
            {name: fragment.definition for name, fragment in fragments.items()},
            dict(fragments),
            None,
            context,
            operation,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=True,
            operation_extensions=operation_extensions,
        )

    build_resolve_info: Any = StrawberryGraphQLCoreExecutionContext.build_resolve_info

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: list[FieldDetails]
    ) -> CollectedFields:
        """The fields below a field."""
        return self.selected.below(return_type, field_details_list, super().collect_subfields)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: list[FieldDetails],
        path: Path,
        position_context: None,
    ) -> Any:
        """One field: at once where it is plain, though others beside it are not."""
        read = self.selected.of_field(field_details_list)
        if read is not None:
            try:
                return read(source)
            except Exception:  # noqa: BLE001, S110  # graphql-core begins anew, and tells of the error where it is
                pass
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: Any,
        path: Path,
        result: Any,
        position_context: None,
    ) -> Any:
        """The answer for what a resolver gave: at once where all that is selected below it is plain."""
        read = self.selected.of_value(return_type, field_details_list, super().collect_subfields)
        if read is not None:
            try:
                return read(result)
            except Exception:  # noqa: BLE001, S110  # as above
                pass
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)
