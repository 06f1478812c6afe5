"""The one walk over a parsed document: what its operations and fragments amount to, in time linear in its length."""

from collections.abc import Iterable, Mapping
from itertools import chain

from graphql import (
    ArgumentNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)

from bpm_crm.api._limits import NUL, Limits, exceeded, unstorable
from bpm_crm.api._prices import FieldPrice
from bpm_crm.api._tally import Part, Size, Tally, VariableSize

__all__ = ["Walk"]

UNKNOWN = FieldPrice()
NOTHING = Tally()
INTROSPECTION = ("__schema", "__type")
DIGITS = 9
"""A page size with more digits is above any maximum; reading it as a number could be slow."""


class Walk:
    """Tallies definitions of one document. Each is walked once; a spread takes the tally of its fragment, which comes before.

    Fragments that are undefined or spread themselves count nothing: validation refuses them.
    """

    def __init__(
        self, schema: GraphQLSchema, prices: Mapping[GraphQLNamedType, Mapping[str, FieldPrice]], limits: Limits
    ) -> None:
        self._schema = schema
        self._prices = prices
        self._limits = limits
        self._fragments: dict[str, Tally] = {}
        self._place = ""
        types = schema.type_map
        self._meta = {
            "__schema": FieldPrice(type=types.get("__Schema")),
            "__type": FieldPrice(type=types.get("__Type")),
        }

    def fragment(self, node: FragmentDefinitionNode) -> Tally:
        """Tally a fragment. The fragments it spreads are to be tallied before."""
        self._place = f"fragment {node.name.value}"
        tally = self._definition(node, self._schema.get_type(node.type_condition.name.value))
        self._fragments[node.name.value] = tally
        return tally

    def operation(self, node: OperationDefinitionNode) -> Tally:
        """Tally an operation. All fragments are to be tallied before."""
        self._place = f"{node.operation.value} {node.name.value if node.name else ''}".rstrip()
        tally = self._definition(node, self._schema.get_root_type(node.operation))
        variables = node.variable_definitions or ()
        for variable in variables:
            self._directives(variable.directives, tally)
            if variable.default_value:
                self._value(variable.default_value)
        self._at_most("variables", len(variables), node)
        self._at_most("root_fields", tally.width, node)
        return tally

    def _definition(
        self, node: OperationDefinitionNode | FragmentDefinitionNode, type_: GraphQLNamedType | None
    ) -> Tally:
        tally = Tally()
        self._directives(node.directives, tally)
        self._selections(node.selection_set, type_, 0, tally, {})
        self._at_most("fields", tally.fields, node)
        self._at_most("aliases", tally.aliases, node)
        self._at_most("directives", tally.directives, node)
        return tally

    def _selections(
        self,
        node: SelectionSetNode,
        type_: GraphQLNamedType | None,
        level: int,
        tally: Tally,
        seen: dict[tuple[GraphQLNamedType | None, str], int],
    ) -> None:
        """Add the selections to `tally`. `seen` counts what stands side by side: inline fragments share it with what is around them."""
        for selection in node.selections:
            tally.fields += 1
            self._directives(selection.directives, tally)
            if isinstance(selection, FieldNode):
                name = (selection.alias or selection.name).value
                self._field(selection, type_, level + 1, tally)
            elif isinstance(selection, FragmentSpreadNode):
                name = "..." + selection.name.value
                fragment = self._fragments.get(selection.name.value, NOTHING)
                self._at_most("depth", level + fragment.depth, selection)
                tally.spread(fragment)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else type_
                self._selections(selection.selection_set, inner, level, tally, seen)
                continue
            seen[type_, name] = count = seen.get((type_, name), 0) + 1
            self._at_most("repeats", count, selection)

    def _field(self, node: FieldNode, type_: GraphQLNamedType | None, level: int, tally: Tally) -> None:
        self._at_most("depth", level, node)
        name = node.name.value
        price = self._price(type_, name)
        tally.width += 1
        tally.aliases += node.alias is not None
        tally.price.flat += price.weight
        for argument in node.arguments or ():
            self._value(argument.value)
        if not node.selection_set:
            tally.depth = max(tally.depth, 1)
            return
        selection = Tally()
        self._selections(node.selection_set, price.type, level, selection, {})
        if name in INTROSPECTION:
            tally.nest_introspection(selection)
        else:
            tally.nest(selection, self._part(node, price, selection))

    def _price(self, type_: GraphQLNamedType | None, name: str) -> FieldPrice:
        known = self._prices.get(type_) if type_ else None
        return (known and known.get(name)) or self._meta.get(name, UNKNOWN)

    def _part(self, node: FieldNode, price: FieldPrice, selection: Tally) -> Part:
        size = self._size(node.arguments or ()) if price.is_paged else self._limits.page_size
        if price.is_paged and price.is_list:
            return Part(selection.price, size, self._limits.page_size, price.is_in_page)
        return Part(selection.price, price.times, size, price.is_in_page)

    def _size(self, arguments: Iterable[ArgumentNode]) -> Size:
        """The items a page may have. More than one size, or a size that is no number, is the schema's to refuse: take the most."""
        values = [argument.value for argument in arguments if argument.name.value in ("first", "last")]
        match values:
            case [] | [NullValueNode()]:
                return self._limits.page_size
            case [IntValueNode(value=digits)] if len(digits) <= DIGITS:
                return min(max(int(digits), 0), self._limits.maximum_page_size)
            case [VariableNode(name=name)]:
                return VariableSize(name.value)
            case _:
                return self._limits.maximum_page_size

    def _directives(self, directives: Iterable[DirectiveNode] | None, tally: Tally) -> None:
        if not directives:
            return
        nodes = list(directives)
        tally.directives += len(nodes)
        self._at_most("directives_at_one_place", len(nodes), nodes[-1])
        for argument in chain.from_iterable(node.arguments or () for node in nodes):
            self._value(argument.value)

    def _value(self, value: ValueNode) -> None:
        """Check how deep lists and objects are nested in a literal, and that its texts can be stored."""
        nested = [(value, 1)]
        while nested:
            value, depth = nested.pop()
            if isinstance(value, ListValueNode):
                inner: Iterable[ValueNode] = value.values
            elif isinstance(value, ObjectValueNode):
                inner = (member.value for member in value.fields)
            elif isinstance(value, StringValueNode) and NUL in value.value:
                raise unstorable(self._place, value)
            else:
                continue
            self._at_most("literal_depth", depth, value)
            nested.extend((node, depth + 1) for node in inner)

    def _at_most(self, limit: str, found: int, node: Node) -> None:
        maximum: int = getattr(self._limits, limit)
        if found > maximum:
            raise exceeded(limit, maximum, found, node=node, place=self._place)
