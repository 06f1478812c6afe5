"""Prepares a server before the first migration: roles, the database, and who may become whom."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bpm_crm.records.database import DatabaseUnfit
from bpm_crm.records.roles import APP, LOGINS, OWNER, SWEEPER, WORKER

_ROLES = {OWNER: "LOGIN", APP: "LOGIN", WORKER: "LOGIN", SWEEPER: "NOLOGIN"}
_MINIMUM_VERSION = 160_000


@dataclass(frozen=True, slots=True)
class Access:
    """How each part of the product reaches the database: a connection URL per role."""

    owner: str
    app: str
    worker: str


async def prepare_server(admin_dsn: str, database: str) -> None:
    """Create the roles and the database where they are missing, as a role that may (superuser, or CREATEROLE and CREATEDB).

    Safe to run again. `DatabaseUnfit` for a server older than PostgreSQL 16, or an `admin_dsn` without the rights.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        if connection.get_server_version().major * 10_000 < _MINIMUM_VERSION:
            raise DatabaseUnfit("PostgreSQL 16 or newer is needed; upgrade the server")
        await _create_roles(connection)
        exists = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database)
        if not exists:
            await connection.execute(_create_database(database))
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnfit(
            f"{error}; connect once as a role that may create roles and databases, or let the administrator run docs/operations.md"
        ) from error
    finally:
        await connection.close()


async def set_password(admin_dsn: str, password: str) -> None:
    """Give the login roles a password, for servers reached over TCP."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        for role in LOGINS:
            literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
            await connection.execute(f"ALTER ROLE {role} PASSWORD {literal}")
    finally:
        await connection.close()


def role_urls(url: str, password: str | None) -> Access:
    """The URLs of the three roles on the server and database of `url`."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]

    def of(role: str) -> str:
        login = role if password is None else f"{role}:{password}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}"))

    return Access(owner=of(OWNER), app=of(APP), worker=of(WORKER))


async def _create_roles(connection: asyncpg.Connection) -> None:
    known = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    for role, login in _ROLES.items():
        if role not in known:
            await connection.execute(f"CREATE ROLE {role} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
    await connection.execute(f"GRANT {SWEEPER} TO {OWNER} WITH INHERIT FALSE, SET TRUE")
    if await connection.fetchval("SELECT NOT pg_has_role(current_user, $1, 'SET')", OWNER):
        await connection.execute(f"GRANT {OWNER} TO CURRENT_USER WITH SET TRUE")


def _create_database(name: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return (
        f"CREATE DATABASE {quoted} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin "
        "BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
    )
