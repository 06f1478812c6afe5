"""Prepares a server before the first migration: roles, the database, and who may become whom."""

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bpm_crm.records.database import DatabaseUnfit
from bpm_crm.records.roles import APP, LOGINS, OWNER, SWEEPER, WORKER

_ROLES = {OWNER: "LOGIN", APP: "LOGIN", WORKER: "LOGIN", SWEEPER: "NOLOGIN"}
_MINIMUM_VERSION = 17


@dataclass(frozen=True, slots=True)
class Access:
    """How each part of the product reaches the database: a connection URL per role."""

    owner: str
    app: str
    worker: str


async def prepare_server(admin_dsn: str, database: str, password: str | None = None) -> list[str]:
    """Create the roles and the database where they are missing, as a role that may (superuser, or CREATEROLE and CREATEDB).

    New login roles get `password`, for servers reached over TCP; so do those that were there and cannot sign in with it, which
    are returned: another installation may have given them theirs. Safe to run again. `DatabaseUnfit` for a server older than
    PostgreSQL 17 (the first with a builtin locale), or an `admin_dsn` without the rights.
    """
    connection = await _connected(admin_dsn)
    try:
        if connection.get_server_version().major < _MINIMUM_VERSION:
            raise DatabaseUnfit(f"PostgreSQL {_MINIMUM_VERSION} or newer is needed; upgrade the server")
        created = await _create_roles(connection)
        shut_out: list[str] = []
        if password is not None:
            shut_out = await _shut_out(connection, admin_dsn, password, created)
            await _set_password(connection, [*created, *shut_out], password)
        await _grant(connection)
        owned = await connection.fetchval(
            "SELECT datdba = $2::regrole FROM pg_database WHERE datname = $1", database, OWNER
        )
        if owned is None:
            await connection.execute(_create_database(database))
        elif not owned:
            await connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER}")
        return shut_out
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnfit(
            f"{error}; connect once as a role that may create roles and databases, or let the administrator prepare the "
            f"server as docs/operations.md says and connect as {OWNER}"
        ) from error
    finally:
        await connection.close()


def is_prepared(url: str) -> bool:
    """Whether a URL is the owner's own: an administrator has prepared the server, as docs/operations.md says."""
    return urlsplit(url).username == OWNER


def role_urls(url: str, database: str, password: str | None) -> Access:
    """The URLs of the three login roles in a database on the server of `url`."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]

    def of(role: str) -> str:
        login = role if password is None else f"{role}:{password}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}", path=f"/{database}"))

    return Access(*(of(role) for role in LOGINS))


async def _connected(admin_dsn: str) -> asyncpg.Connection:
    """A connection to the database of the URL, or to `postgres` while there is no such database yet."""
    try:
        return await asyncpg.connect(admin_dsn)
    except asyncpg.InvalidCatalogNameError:
        return await asyncpg.connect(admin_dsn, database="postgres")


async def _create_roles(connection: asyncpg.Connection) -> list[str]:
    """Create the roles that are missing; which of those that log in were."""
    known = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    for role, login in _ROLES.items():
        if role not in known:
            await connection.execute(f"CREATE ROLE {role} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
    return [role for role in LOGINS if role not in known]


async def _shut_out(
    connection: asyncpg.Connection, admin_dsn: str, password: str, created: Collection[str]
) -> list[str]:
    """The login roles, but for those just created, whose password is another one."""
    database = await connection.fetchval("SELECT current_database()")
    urls = dict(zip(LOGINS, astuple(role_urls(admin_dsn, database, password)), strict=True))
    return [role for role, url in urls.items() if role not in created and await _is_refused(url)]


async def _is_refused(url: str) -> bool:
    """Whether a server refuses the password of a URL. Other refusals come after the password or have nothing to do with it."""
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidPasswordError:
        return True
    except asyncpg.PostgresError:
        return False
    await connection.close()
    return False


async def _set_password(connection: asyncpg.Connection, roles: Iterable[str], password: str) -> None:
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    for role in roles:
        await connection.execute(f"ALTER ROLE {role} PASSWORD {literal}")


async def _grant(connection: asyncpg.Connection) -> None:
    """Let the owner act as the sweeper, and the role of this connection as the owner."""
    await connection.execute(f"GRANT {SWEEPER} TO {OWNER} WITH INHERIT FALSE, SET TRUE")
    if await connection.fetchval("SELECT NOT pg_has_role(current_user, $1, 'SET')", OWNER):
        await connection.execute(f"GRANT {OWNER} TO CURRENT_USER WITH SET TRUE")


def _create_database(name: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return (
        f"CREATE DATABASE {quoted} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin "
        "BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
    )
