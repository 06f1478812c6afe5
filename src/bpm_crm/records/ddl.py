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


def create_due_functions(name: str, table: str, due: str, waiting: str = "true") -> None:
    """The sweeping functions of a table whose rows fall due at `due` while `waiting` holds: claim those due, when the next one is.

    A claim is a lease: a subject that somebody holds is not due.
    """
    held = """SELECT FROM lease
        WHERE lease.tenant_id = subject.tenant_id AND lease.subject_id = subject.id AND lease.until > now()"""
    create_sweeping_function(
        f"claim_due_{name}",
        "horizon timestamptz, most integer, lease_until timestamptz",
        "TABLE (tenant_id uuid, id uuid)",
        f"""
        WITH due AS (
            SELECT subject.tenant_id, subject.id, subject.{due} AS due_at
            FROM {table} AS subject
            WHERE subject.{due} < horizon AND {waiting} AND NOT EXISTS ({held})
            ORDER BY subject.{due}
            LIMIT most
        ), taken AS (
            INSERT INTO lease (tenant_id, subject_id, until)
            SELECT due.tenant_id, due.id, lease_until FROM due ORDER BY due.tenant_id, due.id
            ON CONFLICT (tenant_id, subject_id) DO UPDATE SET until = excluded.until WHERE lease.until <= now()
            RETURNING tenant_id, subject_id
        )
        SELECT due.tenant_id, due.id
        FROM due JOIN taken ON taken.tenant_id = due.tenant_id AND taken.subject_id = due.id
        ORDER BY due.due_at
        """,
    )
    create_sweeping_function(
        f"next_due_{name}",
        "",
        "timestamptz",
        f"""
        SELECT least(
            (
                SELECT subject.{due} FROM {table} AS subject
                WHERE subject.{due} IS NOT NULL AND {waiting} AND NOT EXISTS ({held})
                ORDER BY subject.{due} LIMIT 1
            ),
            (SELECT min(lease.until) FROM lease WHERE lease.until > now())
        )
        """,
    )


def drop_due_functions(name: str) -> None:
    """Drop what `create_due_functions` made."""
    op.execute(f"DROP FUNCTION claim_due_{name}(timestamptz, integer, timestamptz)")
    op.execute(f"DROP FUNCTION next_due_{name}()")
