"""The query guard: refuses, before validation, a document that would cost too much, and says what an operation costs.

The limiters that ship with Strawberry follow every spread and take time exponential in nested fragments; this one is linear.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    get_introspection_query,
    parse,
)

from bpm_crm.api._limits import NUL, Limits, exceeded, unstorable
from bpm_crm.api._prices import FieldCost, price_list
from bpm_crm.api._tally import Tally, VariableSize
from bpm_crm.api._walk import DIGITS, Walk
from bpm_crm.engine.definition import Title

__all__ = ["Cost", "FieldCost", "Guard", "Limits", "OperationCost", "check_variables"]

INTROSPECTION_HEADROOM = 1.5
"""An operation may introspect this much more than the fullest standard introspection query does."""
CURE = Title(
    "Ask for smaller pages (first), fewer lists inside lists, or several requests.",
    "Запросите страницы короче (first), меньше вложенных списков или несколько запросов.",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation costs: values it may produce, the same for introspection, fields inside each other, selections."""

    total: int
    introspection: int
    depth: int
    fields: int


class OperationCost:
    """The cost of one operation of a document, reckoned once where it does not depend on variables."""

    def __init__(self, node: OperationDefinitionNode, tally: Tally, limits: Limits) -> None:
        self._node = node
        self._tally = tally
        self._limits = limits
        self._defaults = {
            definition.variable.name.value: int(definition.default_value.value)
            for definition in node.variable_definitions or ()
            if isinstance(definition.default_value, IntValueNode) and len(definition.default_value.value) <= DIGITS
        }
        self._settled = self._cost(tally.price.flat) if tally.price.is_settled else None

    def with_variables(self, variables: Mapping[str, Any]) -> Cost:
        """Return the cost for these (not yet coerced) variables. Raises GraphQLError QUERY_TOO_COMPLEX above the limit."""
        if self._settled:
            return self._settled
        total, _ = self._tally.price.settle(partial(self._size, variables), {})
        return self._cost(total)

    def _size(self, variables: Mapping[str, Any], size: VariableSize) -> int:
        match variables.get(size.name, self._defaults.get(size.name)):
            case None:
                return self._limits.page_size
            case int(number):
                return min(max(number, 0), self._limits.maximum_page_size)
            case _:
                return self._limits.maximum_page_size

    def _cost(self, total: int) -> Cost:
        if total > self._limits.cost:
            raise exceeded("cost", self._limits.cost, total, node=self._node, cure=CURE)
        return Cost(total, self._tally.introspection, self._tally.depth, self._tally.fields)


class Guard:
    """Examines parsed documents against a schema.

    `costs` declares, by `Type.field`, fields that weigh more and the sizes of bounded lists. Raises ValueError for an unknown field.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, costs: Mapping[str, FieldCost] = MappingProxyType({})
    ) -> None:
        self._limits = limits
        prices = price_list(schema, costs, limits)
        self._walk = partial(Walk, schema, prices)
        self._introspection = round(INTROSPECTION_HEADROOM * self._standard_introspection())

    def examine(self, document: DocumentNode) -> dict[str | None, OperationCost]:
        """Return the cost of each operation by its name. Raises GraphQLError QUERY_TOO_COMPLEX at the first limit passed.

        Takes time linear in the length of the document, whatever is in it; the document need not be valid.
        """
        costs = {}
        for node, tally in self._tallies(document, self._limits):
            if tally.introspection > self._introspection:
                raise exceeded("introspection", self._introspection, tally.introspection, node=node)
            costs[node.name.value if node.name else None] = OperationCost(node, tally, self._limits)
        return costs

    def _tallies(self, document: DocumentNode, limits: Limits) -> Iterator[tuple[OperationDefinitionNode, Tally]]:
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
        if len(operations) > limits.operations:
            raise exceeded("operations", limits.operations, len(operations), node=operations[-1])
        if len(fragments) > limits.fragments:
            raise exceeded("fragments", limits.fragments, len(fragments), node=fragments[-1])
        walk = self._walk(limits)
        for fragment in _dependencies_first(fragments):
            walk.fragment(fragment)
        return ((node, walk.operation(node)) for node in operations)

    def _standard_introspection(self) -> int:
        """What the fullest introspection query costs that a tool may send."""
        query = get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
            experimental_directive_deprecation=True,
            one_of=True,
        )
        return sum(tally.introspection for _, tally in self._tallies(parse(query), Limits()))


def check_variables(variables: Mapping[str, Any], limits: Limits) -> int:
    """Count the values in the JSON of `variables`.

    Raises GraphQLError QUERY_TOO_COMPLEX where they are too many or too deep, BAD_USER_INPUT for a text that cannot be stored.
    """
    count = 0
    nested: list[tuple[Any, int, tuple[str, ...]]] = [(variables, 0, ("variables",))]
    while nested:
        value, depth, path = nested.pop()
        count += len(value)
        if depth > limits.variable_depth:
            raise exceeded("variable_depth", limits.variable_depth, depth)
        if count > limits.variable_values:
            raise exceeded("variable_values", limits.variable_values, count)
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, str):
                if NUL in item:
                    raise unstorable(".".join((*path, str(name))))
            elif isinstance(item, dict | list):
                nested.append((item, depth + 1, (*path, str(name))))
    return count


def _dependencies_first(fragments: list[FragmentDefinitionNode]) -> list[FragmentDefinitionNode]:
    """Order fragments so that each comes after those it spreads; one that spreads itself comes anywhere. Takes no recursion."""
    spreads = {node.name.value: _spreads(node) for node in fragments}
    nodes = {node.name.value: node for node in fragments}
    ordered: list[FragmentDefinitionNode] = []
    met: set[str] = set()
    for start in nodes:
        path = [start] if start not in met else []
        met.add(start)
        while path:
            following = next((name for name in spreads[path[-1]] if name in nodes and name not in met), None)
            if following is None:
                ordered.append(nodes[path.pop()])
            else:
                met.add(following)
                path.append(following)
    return ordered


def _spreads(fragment: FragmentDefinitionNode) -> Iterator[str]:
    """Yield the names of the fragments a fragment spreads, at any depth."""
    sets = [fragment.selection_set]
    while sets:
        for selection in sets.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                sets.append(selection.selection_set)
