"""graphql-core's executor with what it lacks here: Strawberry's resolve info, selections kept by document, and plain fields read at once."""

from collections.abc import Awaitable
from typing import Any

from graphql import GraphQLObjectType
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, FieldDetails, GroupedFieldSet
from graphql.pyutils import Path, Undefined, gather_with_cancel
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bpm_crm.api._plain_fields import PlainField, plain_fields, plain_value

__all__ = ["FastExecutor"]


class FastExecutor(Executor[None]):
    """An executor whose answers are those of graphql-core. Strawberry's resolvers get the resolve info that they expect."""

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
            selection = field.selection
            if selection is None:
                selection = self.collect_subfields(field.object_type, field.details).grouped_field_set  # type: ignore[arg-type]  # it has one
                field.selection = selection
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
