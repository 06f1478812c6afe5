"""Prepared documents: parsed, examined by the guard and validated once per text, so that a repeated one costs a dictionary look-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLSyntaxError,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.language.parser import MAX_NESTING_DEPTH
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from bpm_crm.api._bounded_cache import BoundedCache
from bpm_crm.api._limits import Limits, exceeded
from bpm_crm.api._selected_fields import DocumentSelections
from bpm_crm.api._variables import Coerce, OperationVariables
from bpm_crm.api.faults import Code, Fault, Problem, Refused, explain
from bpm_crm.api.guard import FieldCost, Guard, OperationCost
from bpm_crm.engine.definition import Title

__all__ = ["Document", "Documents", "Operation"]

BYTES_PER_TOKEN = 800
"""What a document takes in memory with its nodes, locations and costs, measured: 600 to 1,000 bytes for each token."""
READERS_PER_TOKEN = 1_500
"""What its readers take, measured: 700 to 1,900 bytes."""
BYTES_PER_PROBLEM = 1_000
SUGGESTED = 2
"""With so few errors or fewer, names are suggested for the mistaken ones. A suggestion takes milliseconds: many would be an attack."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a prepared document. `is_introspection`: it selects nothing but the schema."""

    name: str | None
    kind: OperationType
    node: OperationDefinitionNode
    variables: OperationVariables
    cost: OperationCost
    is_introspection: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document within the limits."""

    text: str
    node: DocumentNode
    operations: Mapping[str | None, Operation]
    fragments: Mapping[str, FragmentDetails]
    selections: DocumentSelections

    def operation(self, name: str | None) -> Operation:
        """Return the operation of that name, or the only one. Raises Fault BAD_REQUEST where there is none such."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name in self.operations and name is not None:
            return self.operations[name]
        known = ", ".join(sorted(filter(None, self.operations))) or "none has a name"
        if name is None:
            raise Fault(
                Code.BAD_REQUEST,
                Title(
                    f"The document has several operations; say in operationName which: {known}.",
                    f"В документе несколько операций; укажите в operationName, какую: {known}.",
                ),
            )
        raise Fault(
            Code.BAD_REQUEST,
            Title(
                f"The document has no operation named {name[:100]!r}; it has: {known}.",
                f"В документе нет операции {name[:100]!r}; есть: {known}.",
            ),
        )


class Documents:
    """The cache. Refusals are kept too, so that repeating a bad document costs the server nothing."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, costs: Mapping[str, FieldCost] = MappingProxyType({})
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._guard = Guard(schema, limits, costs)
        self._coercions: dict[str, Coerce] = {}
        self.cache: BoundedCache[str, Document | tuple[Problem, ...]] = BoundedCache(
            entries=limits.cached_documents, size=limits.cached_bytes
        )

    def prepare(self, text: str, *, request_id: str) -> Document:
        """Return the document of this text. Raises Refused: GRAPHQL_PARSE_FAILED, QUERY_TOO_COMPLEX, GRAPHQL_VALIDATION_FAILED."""
        prepared = self.cache.get(text)
        if prepared is None:
            prepared = self._prepare(text, request_id)
            if len(text) <= self._limits.cached_document_characters:
                self.cache.put(text, prepared, size=len(text) + _size(prepared))
        if isinstance(prepared, Document):
            return prepared
        raise Refused(*prepared)

    def _prepare(self, text: str, request_id: str) -> Document | tuple[Problem, ...]:
        try:
            node = self._parse(text)
            costs = self._guard.examine(node)
        except GraphQLError as error:
            return (explain(error, request_id=request_id, code=Code.GRAPHQL_PARSE_FAILED),)
        if errors := self._validate(node):
            return tuple(explain(error, request_id=request_id, code=Code.GRAPHQL_VALIDATION_FAILED) for error in errors)
        operations = {
            definition.name.value if definition.name else None: definition
            for definition in node.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        prepared = {name: self._operation(name, found, costs[name]) for name, found in operations.items()}
        fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in node.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        return Document(text, node, prepared, fragments, DocumentSelections(self._schema, node))

    def _operation(self, name: str | None, node: OperationDefinitionNode, cost: OperationCost) -> Operation:
        fields = node.selection_set.selections
        return Operation(
            name=name,
            kind=node.operation,
            node=node,
            variables=OperationVariables(self._schema, node, self._coercions),
            cost=cost,
            is_introspection=node.operation is OperationType.QUERY
            and not node.variable_definitions
            and all(isinstance(field, FieldNode) and field.name.value.startswith("__") for field in fields),
        )

    def _parse(self, text: str) -> DocumentNode:
        limits = self._limits
        if len(text) > limits.document_characters:
            cure = Title("Send long values as variables.", "Длинные значения передайте переменными.")
            raise exceeded("document_characters", limits.document_characters, len(text), cure=cure)
        try:
            return parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
        except GraphQLSyntaxError as error:
            raise _limit_met(error, limits) or error from None

    def _validate(self, node: DocumentNode) -> list[GraphQLError]:
        errors = validate(self._schema, node, RULES, max_errors=self._limits.errors, hide_suggestions=True)
        if 0 < len(errors) <= SUGGESTED:
            return validate(self._schema, node, RULES, max_errors=SUGGESTED)
        return errors


def _size(prepared: Document | tuple[Problem, ...]) -> int:
    """Estimate the memory taken, in bytes."""
    if not isinstance(prepared, Document):
        return BYTES_PER_PROBLEM * len(prepared)
    tokens, token = 0, prepared.node.loc.start_token if prepared.node.loc else None
    while token := token and token.next:
        tokens += 1
    return (BYTES_PER_TOKEN + READERS_PER_TOKEN * prepared.selections.most) * tokens


def _limit_met(error: GraphQLSyntaxError, limits: Limits) -> GraphQLError | None:
    """The refusal, where the parser stopped at a limit and not at an error. It tells the two apart in words only."""
    if not error.message.endswith("Parsing aborted."):
        return None
    limit = next((name for name in ("tokens", "comments") if f" {name}." in error.message), "nesting")
    maximum: int = getattr(limits, limit, MAX_NESTING_DEPTH)
    return exceeded(limit, maximum, maximum + 1, place=f"line {error.locations[0].line}" if error.locations else "")


class _OneOfRule(OneOfInputValidationRule):
    """Strawberry's rule fails on an undeclared variable, and in a fragment it takes the variables of whichever operation came last.

    Here it keeps silent about both: the first is another rule's, the second is checked when the argument is read.
    """

    variable_definitions: dict[str, Any]

    def enter_document(self, *_args: Any) -> None:
        """Forget the variables of other documents."""
        self.variable_definitions = {}

    def enter_fragment_definition(self, _node: FragmentDefinitionNode, *_args: Any) -> None:
        """Forget the variables of the operations before."""
        self.variable_definitions = {}

    def validate_one_of(self, node: ObjectValueNode, type: GraphQLNamedType) -> None:  # noqa: A002  # the name is Strawberry's
        """Check the object where its variable is known."""
        values = [member.value for member in node.fields]
        if all(value.name.value in self.variable_definitions for value in values if isinstance(value, VariableNode)):
            super().validate_one_of(node, type)


RULES = (*specified_rules, MaybeNullValidationRule, _OneOfRule)
