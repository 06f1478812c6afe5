"""How migrations create tables: behind the tenant wall, with rights, and distributed where the server is a sharded one."""

from typing import Any

from alembic import op
from sqlalchemy import text

from bpm_crm.records.roles import SWEEPER, WORKER, wall_statements


def create_tenant_table(name: str, *items: Any, owner_sees_all: bool = False, **options: Any) -> None:
    """Create a table of tenants' rows: columns and constraints as `op.create_table` takes them, then wall and rights."""
    op.create_table(name, *items, **options)
    for statement in wall_statements(name, owner_sees_all=owner_sees_all):
        op.execute(statement)
    citus = op.get_bind().execute(text("SELECT 1 FROM pg_extension WHERE extname = 'citus'")).scalar()
    if citus:
        op.execute(f"SELECT create_distributed_table('{name}', 'tenant_id')")


def forbid_changes(table: str) -> None:
    """Make a table append-only for everyone, its owner included; the missing rights of the application roles do the same."""
    op.execute(
        f"""
        CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"
    )


def create_sweeping_function(name: str, arguments: str, returns: str, body: str, *, callers: str = WORKER) -> None:
    """Create a function that looks across tenants: it belongs to the sweeper, and only the worker (or these roles) may call it."""
    signature = ", ".join(argument.split()[1] for argument in arguments.split(",")) if arguments else ""
    op.execute(
        f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE sql VOLATILE SECURITY DEFINER "
        f"SET search_path = public, pg_temp AS $$ {body} $$"
    )
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SWEEPER}")
    op.execute(f"REVOKE ALL ON FUNCTION {name}({signature}) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {name}({signature}) TO {callers}")
    op.execute(f"ALTER FUNCTION {name}({signature}) OWNER TO {SWEEPER}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SWEEPER}")
