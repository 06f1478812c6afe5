"""Runs the migrations of the `migrations/` folder, as the owner role: `python -m bpm_crm.records.migrations` with the URL on its input.

The serving processes never import this: Alembic and SQLAlchemy would double the time they take to start.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bpm_crm.records.tables import SQLModel

_HERE = Path(__file__).resolve()


def script_folder() -> Path:
    """Where the migrations are: inside an installed package, or at the root of the repository."""
    packaged = _HERE.parents[1] / "migrations"
    return packaged if packaged.is_dir() else _HERE.parents[3] / "migrations"


def head() -> str:
    """The newest revision this code knows."""
    found = ScriptDirectory(str(script_folder())).get_current_head()
    if found is None:
        raise LookupError(f"no migration in {script_folder()}")
    return found


async def upgrade(owner_dsn: str, revision: str = "head") -> None:
    """Bring the schema up to `revision`."""
    await _run(owner_dsn, lambda connection: command.upgrade(_config(connection), revision))


async def downgrade(owner_dsn: str, revision: str) -> None:
    """Take the schema back to `revision` (`base` empties the database)."""
    await _run(owner_dsn, lambda connection: command.downgrade(_config(connection), revision))


async def drift(owner_dsn: str) -> list[object]:
    """The differences between the tables in code and the tables in the database; empty when the migrations are complete."""
    found: list[object] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found.extend(compare_metadata(context, SQLModel.metadata))

    await _run(owner_dsn, compare)
    return found


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_folder()))
    config.attributes["connection"] = connection
    return config


async def _run(dsn: str, action: Callable[[Connection], Any]) -> None:
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(action)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(upgrade(sys.stdin.readline().strip()))
