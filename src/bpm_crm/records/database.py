"""The database as the rest of the product sees it: transactions of one tenant, over a pool of asyncpg connections."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from bpm_crm.records.outages import CommitInterrupted, may_have_committed
from bpm_crm.records.sessions import Session

Connection: TypeAlias = asyncpg.connection.Connection
Row: TypeAlias = asyncpg.Record

STATEMENT_TIMEOUT_MS = 15_000
ACQUIRE_SECONDS = 5.0
"""How long a transaction waits for a connection: less than an operation may take, so that its caller still hears why it failed."""

_BEGIN_BY_KEY = "BEGIN; SET LOCAL enable_seqscan = off"
_BY_STATEMENT = MappingProxyType({"enable_seqscan": "off", "lock_timeout": "100"})
"""What such a statement writes was decided before it was sent, so it does not wait for locks longer than these milliseconds."""


class DatabaseUnfit(Exception):
    """The server or the role is not one the product may run on; the message names the cure."""


class Database:
    """A pool of connections of one role. Every transaction begins by naming its tenant; nothing is ever read outside of one."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._pool: asyncpg.Pool
        self._sessions: asyncpg.Pool | None = None
        self._on_statement: Callable[[str], None] | None = None

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 8, through_pooler: bool = False) -> "Database":
        """Open a pool. `through_pooler` is for PgBouncer in transaction mode.

        `DatabaseUnfit` when the role could bypass the tenant wall, or the server does not fold the case of Cyrillic letters.
        """
        database = cls(dsn)

        database._pool = await _pool(dsn, size, min_size=min(2, size), through_pooler=through_pooler)
        await database._check_fitness()
        if not through_pooler:
            database._sessions = await _pool(dsn, size, connection_class=Session, settings=_BY_STATEMENT)
        return database

    @property
    def size(self) -> int:
        """How many connections there can be."""
        most: int = self._pool.get_max_size()
        return most

    def log_statements(self, hear: Callable[[str], None] | None) -> None:
        """Tell `hear` every statement from now on (None: nobody): tests count and read them."""
        self._on_statement = hear

    async def analyse(self) -> None:
        """Gather statistics at once, as the owner after loading much; autovacuum would, but only minutes later."""
        async with self._acquired() as connection:
            await connection.execute("ANALYZE")

    async def close(self) -> None:
        """Close every connection, waiting for the statements under way."""
        for pool in (self._sessions, self._pool):
            if pool is not None:
                await pool.close()

    @asynccontextmanager
    async def transaction(
        self, tenant_id: UUID, *, dry_run: bool = False, by_key: bool = False
    ) -> AsyncIterator[Connection]:
        """A transaction behind the wall of one tenant: committed at the end, rolled back by any exception, and of a dry run always.

        `by_key`: all that it looks up has a key, so nothing is scanned. What is planned while a table is empty would be, for as long
        as nobody gathers statistics, however much the table grows.
        """
        async with self._begun(tenant_id, _BEGIN_BY_KEY if by_key else "BEGIN") as connection:
            yield connection
            if dry_run:
                await _roll_back(connection)
            else:
                await _commit(connection)

    @asynccontextmanager
    async def reader(self, tenant_id: UUID) -> AsyncIterator[Connection]:
        """A read-only transaction of one tenant in which every statement sees the same snapshot."""
        async with self._begun(tenant_id, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection
            await connection.execute("COMMIT")

    @property
    def commits_by_statement(self) -> bool:
        """Whether `by_statement` can be had: a pooler between would give each statement another session."""
        return self._sessions is not None

    @asynccontextmanager
    async def by_statement(self, tenant_id: UUID) -> AsyncIterator[Connection]:
        """A connection on which each statement is a transaction of its own, behind the wall of one tenant; all that it looks up has a key.

        What interrupts a statement interrupts its commit: `CommitInterrupted`.
        """
        if self._sessions is None:
            raise LookupError("there is no session through a pooler")
        async with self._acquired(self._sessions) as connection:
            await connection.enter(tenant_id)
            try:
                yield connection
            except Exception as error:
                if may_have_committed(error):
                    raise CommitInterrupted from error
                raise

    @asynccontextmanager
    async def across_tenants(self) -> AsyncIterator[Connection]:
        """A connection without a tenant, for `sweeping` only: the wall refuses every table to it."""
        async with self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def _acquired(self, pool: asyncpg.Pool | None = None) -> AsyncIterator[Connection]:
        pool = pool or self._pool
        connection = await pool.acquire(timeout=ACQUIRE_SECONDS)
        try:
            if self._on_statement is None:
                yield connection
            else:
                with connection.query_logger(self._heard):
                    yield connection
        finally:
            await _release(pool, connection)

    @asynccontextmanager
    async def _begun(self, tenant_id: UUID, begin: str) -> AsyncIterator[Connection]:
        async with self._acquired() as connection:
            try:
                await connection.execute(f"{begin}; SET LOCAL app.tenant_id = '{UUID(str(tenant_id))}'")
                yield connection
            except BaseException:
                await _roll_back(connection)
                raise

    def _heard(self, record: Any) -> None:
        if self._on_statement is not None:
            self._on_statement(record.query)

    async def _check_fitness(self) -> None:
        async with self._pool.acquire() as connection:
            role = await connection.fetchrow(
                "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            )
            folds = await connection.fetchval("SELECT lower('Ё') = 'ё' AND 'Ё' ILIKE 'ё'")
        if role["rolsuper"] or role["rolbypassrls"]:
            await self._pool.close()
            raise DatabaseUnfit(
                f"the role {role['rolname']} can bypass row security; connect as {'bpm_crm_app'} or bpm_crm_worker"
            )
        if not folds:
            await self._pool.close()
            raise DatabaseUnfit(
                "the database does not fold the case of Cyrillic letters; create it with LOCALE_PROVIDER builtin, "
                "BUILTIN_LOCALE 'C.UTF-8', LC_CTYPE 'C.UTF-8'"
            )


async def hold(connection: Connection, name: str) -> None:
    """Hold a name until the transaction ends: whoever else asks for it waits."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)


async def set_codecs(connection: Connection) -> None:
    """Read and write json and jsonb by orjson."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=orjson.dumps, decoder=orjson.loads, format="binary"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value, default=_text_of_uuid),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )


def _text_of_uuid(value: object) -> str:
    """UUIDs read by asyncpg are of a class of its own, which orjson does not know."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


async def _nothing_to_reset(_connection: Connection) -> None:
    """Settings are local to transactions, so a connection goes back to the pool as it came; a session stays where it is."""


async def _release(pool: asyncpg.Pool, connection: Connection) -> None:
    """Give a connection back; one that cannot be is lost to the pool. That says nothing of what was done with it, so it is no error."""
    try:
        await pool.release(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        with suppress(asyncpg.InterfaceError):
            connection.terminate()


async def _commit(connection: Connection) -> None:
    try:
        await connection.execute("COMMIT")
    except Exception as error:
        if may_have_committed(error):
            raise CommitInterrupted from error
        raise


async def _roll_back(connection: Connection) -> None:
    """Undo what was begun; a connection that cannot even do that is closed, which undoes it too."""
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK", timeout=5)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        with suppress(asyncpg.InterfaceError):  # lost, so the pool has taken it back
            connection.terminate()


async def _pool(
    dsn: str,
    size: int,
    *,
    min_size: int = 0,
    through_pooler: bool = False,
    connection_class: type[Connection] = asyncpg.Connection,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=size,
        init=set_codecs,
        reset=_nothing_to_reset,
        connection_class=connection_class,
        statement_cache_size=0 if through_pooler else 512,
        server_settings={**_server_settings(through_pooler), **settings},
        command_timeout=STATEMENT_TIMEOUT_MS / 1000 * 2,
    )


def _server_settings(through_pooler: bool) -> dict[str, str]:
    if through_pooler:
        return {}
    return {
        "application_name": "bpm_crm",
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(STATEMENT_TIMEOUT_MS),
        "lock_timeout": "10000",
    }
