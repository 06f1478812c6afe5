"""What all requests and connections of an endpoint share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bpm_crm.api._execution import Execution
from bpm_crm.api._limits import Limits
from bpm_crm.api._ports import ContextFactory, Streams
from bpm_crm.api.graphiql import GraphiQL

__all__ = ["Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """`now` is the clock of the entry point; `init_seconds` is how long a WebSocket may wait with `connection_init`."""

    execution: Execution
    context_factory: ContextFactory
    limits: Limits
    streams: Streams
    now: Callable[[], datetime]
    init_seconds: float
    graphiql: GraphiQL | None
