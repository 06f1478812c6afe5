"""The conventions of the schema: everything is described, and named as front-end teams are promised."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_specified_scalar_type,
)

from bpm_crm.api.connections import MOST
from tests.api.walking import SCHEMA, own_types, root_fields

VERBS = "cancel|plan|dryRun|capture|fire|force|record|assign|exclude|save|validate|publish|retire|migrate|erase|merge|import|create|update|delete|set|issue|revoke|draft|reopen|stop|add|change|close|undo|export|discard|reinstate|install|start|finish|replay|sla"
"""How the names of mutations begin."""
WRITING_NOTHING = {"validateProcess"}
ONCE_BY_NATURE = {"cancelJob"}
"""Done twice it is done once, and the answer says so: there is nothing that a key would tell apart."""
"""What is asked like a mutation, and may be repeated as often as one likes."""


def described() -> Iterator[tuple[str, str | None]]:
    """The coordinate and description of every type, field, argument, input member, enum value and directive."""
    for type_ in own_types():
        if not is_specified_scalar_type(type_):
            yield type_.name, type_.description
        for name, member in getattr(type_, "fields", {}).items():
            yield f"{type_.name}.{name}", member.description
            for argument, item in getattr(member, "args", {}).items():
                yield f"{type_.name}.{name}({argument}:)", item.description
        for name, value in getattr(type_, "values", {}).items():
            yield f"{type_.name}.{name}", value.description
    for directive in SCHEMA.directives:
        yield f"@{directive.name}", directive.description


def test_everything_has_a_description() -> None:
    assert [place for place, text in described() if not text] == []


def test_a_description_is_a_sentence_and_not_a_repetition_of_the_name() -> None:
    ours = [(place, text or "") for place, text in described() if not place.startswith("@")]
    assert [place for place, text in ours if not re.search(r"[.)`…?]$", text.strip())] == []
    assert [place for place, text in ours if text.strip(".").lower() == place.rpartition(".")[2].lower() + "s"] == []


def test_names_are_written_as_is_the_custom() -> None:
    for type_ in own_types():
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", type_.name), type_.name
        for name, member in getattr(type_, "fields", {}).items():
            for written in (name, *getattr(member, "args", {})):
                assert re.fullmatch(r"[a-z][A-Za-z0-9]*", written), f"{type_.name}.{name}"
        for name in getattr(type_, "values", {}):
            assert re.fullmatch(r"[A-Z][A-Z0-9_]*", name), f"{type_.name}.{name}"


def test_a_mutation_begins_with_a_verb_takes_one_input_and_answers_with_a_union_or_a_payload() -> None:
    for _, name, field in root_fields("Mutation"):
        assert re.match(VERBS, name), name
        assert list(field.args) == ["input"], name
        argument = field.args["input"].type
        begun = name[0].upper() + name[1:]
        assert isinstance(argument, GraphQLNonNull)
        assert argument.of_type.name == f"{begun}Input"
        answer = field.type.of_type if isinstance(field.type, GraphQLNonNull) else None
        if isinstance(answer, GraphQLUnionType):
            assert answer.name.endswith("Result"), name
        else:
            assert isinstance(answer, GraphQLObjectType), name
            assert answer.name == f"{begun}Payload"


def test_every_member_of_an_answer_but_one_is_a_user_error() -> None:
    for _, name, field in root_fields("Mutation"):
        union = get_named_type(field.type)
        if isinstance(union, GraphQLUnionType):
            errors = [member for member in union.types if any(i.name == "UserError" for i in member.interfaces)]
            assert len(union.types) - len(errors) == 1, name
            assert {"NotFound", "InvalidInput"} & {member.name for member in errors}, name


def inputs_of(name: str) -> set[str]:
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLInputObjectType)
    return set(type_.fields)


def test_a_mutation_of_a_case_takes_an_idempotency_key_and_the_sequence_expected() -> None:
    for _, name, field in root_fields("Mutation"):
        argument = get_named_type(field.args["input"].type).name
        members = inputs_of(argument)
        if "items" in members:
            members = inputs_of(argument.replace("sInput", "Input"))
        assert "idempotencyKey" in members or name in WRITING_NOTHING | ONCE_BY_NATURE, name
        if "instance" in members:
            assert "expectedSequence" in members, name


def test_items_of_lists_are_never_null() -> None:
    for type_ in own_types():
        for name, member in getattr(type_, "fields", {}).items():
            for given in (member.type, *(argument.type for argument in getattr(member, "args", {}).values())):
                nullable = get_nullable_type(given)
                if isinstance(nullable, GraphQLList):
                    assert isinstance(nullable.of_type, GraphQLNonNull), f"{type_.name}.{name}"


CONNECTIONS = [type_ for type_ in own_types() if type_.name.endswith("Connection")]


@pytest.mark.parametrize("type_", CONNECTIONS, ids=[type_.name for type_ in CONNECTIONS])
def test_a_connection_is_one_of_relays(type_: GraphQLObjectType) -> None:
    assert set(type_.fields) >= {"edges", "nodes", "pageInfo", "totalCount"}
    edge = get_named_type(type_.fields["edges"].type)
    assert set(edge.fields) == {"cursor", "node"}
    assert get_named_type(type_.fields["nodes"].type) is get_named_type(edge.fields["node"].type)
    assert edge.name == type_.name.replace("Connection", "Edge")


def test_what_is_paged_is_a_connection_and_says_how_large_a_page_may_be() -> None:
    for type_ in own_types():
        for name, field in getattr(type_, "fields", {}).items():
            arguments = getattr(field, "args", {})
            is_connection = get_named_type(field.type).name.endswith("Connection")
            assert is_connection == ("first" in arguments), f"{type_.name}.{name}"
            if is_connection:
                assert "after" in arguments, f"{type_.name}.{name}"
                assert str(MOST) in arguments["first"].description, f"{type_.name}.{name}"
                assert not is_list_type(get_nullable_type(field.type))


def test_every_scalar_of_ours_says_where_it_is_specified() -> None:
    ours = [type_ for type_ in own_types() if isinstance(type_, GraphQLScalarType)]
    assert [type_.name for type_ in ours if not is_specified_scalar_type(type_) and not type_.specified_by_url] == []


def test_an_entity_with_a_global_id_is_a_node_or_belongs_to_one() -> None:
    """A step of a case has an id to be told from others, and is read through its case."""
    for type_ in own_types():
        if isinstance(type_, GraphQLObjectType) and "id" in type_.fields and type_.name != "TransitionRecord":
            assert any(interface.name == "Node" for interface in type_.interfaces), type_.name
            assert str(type_.fields["id"].type) == "ID!"


def test_what_is_deprecated_says_what_to_use_and_until_when() -> None:
    for type_ in own_types():
        for name, member in getattr(type_, "fields", {}).items():
            reason = getattr(member, "deprecation_reason", None)
            assert reason is None or re.search(r"use .*; removed after \d{4}-\d\d-\d\d", reason), f"{type_.name}.{name}"
