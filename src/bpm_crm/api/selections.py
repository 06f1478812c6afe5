"""Look-ahead: which fields an operation selects below a field, so that one statement can load what they need."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode, value_from_ast

MOST_DEPTH = 12
LOADED_AS = "loaded-as"
"""In the metadata of a field whose resolver loads something: the attribute that has its value where a look-ahead has loaded it, else UNSET."""


class Selection:
    """The fields selected below a field, by name; directives are not looked at (too much is loaded rather than too little)."""

    __slots__ = ("children",)

    def __init__(self, children: "Mapping[str, Selection]") -> None:
        self.children = children

    def has(self, *path: str) -> bool:
        """Whether a field is selected, by its path of GraphQL names."""
        children = self.children
        for name in path:
            if name not in children:
                return False
            children = children[name].children
        return True

    def below(self, *path: str) -> "Selection":
        """The selection below a path; an empty one where it is not selected."""
        found = self
        for name in path:
            found = found.children.get(name, NOTHING)
        return found

    def union(self, other: "Selection") -> "Selection":
        """What either of two selections has."""
        merged = dict(self.children)
        for name, child in other.children.items():
            merged[name] = merged[name].union(child) if name in merged else child
        return Selection(merged)


NOTHING = Selection({})


def selects(info: Any) -> Selection:
    """What is selected below the field being resolved."""
    raw = info._raw_info if hasattr(info, "_raw_info") else info  # noqa: SLF001  # Strawberry's own walk converts every node
    found = NOTHING
    for node in raw.field_nodes:
        if node.selection_set is not None:
            found = found.union(_selection(node.selection_set, raw.fragments, MOST_DEPTH))
    return found


def arguments_of(info: Any, kind: str, name: str) -> list[dict[str, Any]]:
    """The arguments given to each selection of a field of a type, directly below the field being resolved."""
    raw = info._raw_info  # noqa: SLF001  # as above
    known = raw.schema.get_type(kind).fields[name].args
    selected = (
        field
        for node in raw.field_nodes
        if node.selection_set is not None
        for field in _fields(node.selection_set, raw.fragments, MOST_DEPTH)
    )
    return [
        {
            argument.name.value: value_from_ast(argument.value, known[argument.name.value].type, raw.variable_values)
            for argument in field.arguments or ()
        }
        for field in selected
        if field.name.value == name
    ]


def _selection(node: SelectionSetNode, fragments: Mapping[str, Any], depth: int) -> Selection:
    children: dict[str, Selection] = {}
    for field in _fields(node, fragments, depth):
        below = NOTHING
        if field.selection_set is not None and depth > 0:
            below = _selection(field.selection_set, fragments, depth - 1)
        name = field.name.value
        children[name] = children[name].union(below) if name in children else below
    return Selection(children)


def _fields(node: SelectionSetNode, fragments: Mapping[str, Any], depth: int) -> Iterator[FieldNode]:
    for selection in node.selections:
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _fields(selection.selection_set, fragments, depth)
        elif isinstance(selection, FragmentSpreadNode) and depth > 0:
            fragment = fragments.get(selection.name.value)
            if fragment is not None:
                yield from _fields(getattr(fragment, "definition", fragment).selection_set, fragments, depth - 1)
