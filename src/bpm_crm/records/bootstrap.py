"""Prepares a server before the first migration: roles, the database, and who may become whom."""

from dataclasses import dataclass
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


async def prepare_server(admin_dsn: str, database: str, password: str | None = None) -> None:
    """Create the roles and the database where they are missing, as a role that may (superuser, or CREATEROLE and CREATEDB).

    The login roles get `password`, for servers reached over TCP. Safe to run again. `DatabaseUnfit` for a server older than
    PostgreSQL 17 (the first with a builtin locale), or an `admin_dsn` without the rights.
    """
    connection = await _connected(admin_dsn)
    try:
        if connection.get_server_version().major < _MINIMUM_VERSION:
            raise DatabaseUnfit(f"PostgreSQL {_MINIMUM_VERSION} or newer is needed; upgrade the server")
        await _create_roles(connection, password)
        owned = await connection.fetchval(
            "SELECT datdba = $2::regrole FROM pg_database WHERE datname = $1", database, OWNER
        )
        if owned is None:
            await connection.execute(_create_database(database))
        elif not owned:
            await connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER}")
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


async def _create_roles(connection: asyncpg.Connection, password: str | None) -> None:
    known = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    for role, login in _ROLES.items():
        if role not in known:
            await connection.execute(f"CREATE ROLE {role} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
    for role in LOGINS if password is not None else ():
        literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(f"ALTER ROLE {role} PASSWORD {literal}")
    await connection.execute(f"GRANT {SWEEPER} TO {OWNER} WITH INHERIT FALSE, SET TRUE")
    if await connection.fetchval("SELECT NOT pg_has_role(current_user, $1, 'SET')", OWNER):
        await connection.execute(f"GRANT {OWNER} TO CURRENT_USER WITH SET TRUE")


def _create_database(name: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return (
        f"CREATE DATABASE {quoted} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin "
        "BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
    )
