"""Makes Python enums GraphQL enums with a description of every value."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=Enum)


def expose(enum: type[E], description: str, values: Mapping[E, str]) -> None:
    """Make an enum of a lower layer a GraphQL enum. `KeyError` for a member without a description."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[enum[value.name]]
