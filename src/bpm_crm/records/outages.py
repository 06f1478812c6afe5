"""What it means that the database cannot be reached: which errors say so, and when it is not known what was done."""

import asyncpg

_OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that was cut off between two statements
    OSError,
    TimeoutError,
)
_CLOSED = ("closed", "closing", "released back to the pool")
"""Words by which asyncpg tells a lost connection, which its pool takes back at once, from a wrong call: both are `InterfaceError`s."""


class CommitInterrupted(Exception):
    """The connection was lost while a transaction was being committed: it may or may not have happened."""


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached or cannot work now: repeating may succeed, and nothing was done.

    A lost or refused connection, one that is not had in time, a server that starts, stops or lacks room, a role it does not let in.
    Not a statement that took too long (`QueryCanceledError`), nor a value or call that is wrong every time.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in _CLOSED)
    return isinstance(error, _OUTAGES) and not isinstance(error, asyncpg.QueryCanceledError)


def may_have_committed(error: BaseException) -> bool:
    """Whether what failed so while it was being committed may have been committed: not where the server says that it lacked room."""
    return is_outage(error) and not isinstance(error, asyncpg.InsufficientResourcesError)
