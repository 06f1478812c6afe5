"""Instants as options of commands."""

from datetime import UTC, datetime
from typing import Annotated

import typer

INSTANTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]

AsOf = Annotated[
    datetime | None,
    typer.Option(formats=INSTANTS, help="Figures as they were then; days of UTC. Now, unless stated."),
]
KnownAt = Annotated[
    datetime | None,
    typer.Option(formats=INSTANTS, help="What was recorded later is not seen; that of `--as-of` unless stated."),
]


def aware(instant: datetime | None) -> datetime | None:
    """An instant as given; a day is one of UTC."""
    return instant if instant is None or instant.tzinfo is not None else instant.replace(tzinfo=UTC)
