"""The database roles of the product and the rights each has; none of them can bypass row security."""

from collections.abc import Sequence

OWNER = "bpm_crm_owner"
APP = "bpm_crm_app"
WORKER = "bpm_crm_worker"
SWEEPER = "bpm_crm_sweeper"

LOGINS = (OWNER, APP, WORKER)
"""Roles that connect: migrations, the API, the worker. The sweeper only owns the functions that look across tenants."""

READ_ONLY = (
    "tenant",
    "app_user",
    "user_role",
    "team",
    "team_member",
    "api_key",
)
"""Tables that the owner's tools write; administration through the API will widen this on purpose."""

APPEND_ONLY = ("history", "own_kpi", "review", "review_change", "process_change", "migration_plan", "rollout_case")
ERASABLE = ("history_text", "lease", "idempotency_key", "stored_file", "job_row", "case_change", "replay_case")
PUBLISHED = ("process_definition", "process_version")
"""What publishing writes; a version is never changed, and the worker only ends rollouts."""
COMPACTED = ("case_part", "cell_sheet", "cell", "compaction")
"""Tables that only the worker's compactor writes."""


def rights(table: str, role: str) -> Sequence[str]:
    """The rights of the API or the worker on a table."""
    if table in COMPACTED and role == WORKER:
        return ("SELECT", "INSERT", "UPDATE", "DELETE")
    if table in PUBLISHED:
        changed = table == "process_definition"
        return ("SELECT", *(("INSERT",) if role == APP else ()), *(("UPDATE",) if changed else ()))
    if table in READ_ONLY or table in COMPACTED:
        return ("SELECT",)
    if table in APPEND_ONLY:
        return ("SELECT", "INSERT")
    if table in ERASABLE:
        return ("SELECT", "INSERT", "UPDATE", "DELETE")
    return ("SELECT", "INSERT", "UPDATE")


def wall_statements(table: str, *, owner_sees_all: bool = False) -> list[str]:
    """The SQL that puts a table behind the tenant wall and grants its rights.

    The wall is a RESTRICTIVE policy on the literal that every transaction sets first; without it a statement fails rather than
    seeing nothing. FORCE makes it bind the owner as well.
    """
    walled = ", ".join((APP, WORKER) if owner_sees_all else LOGINS)
    mine = "tenant_id = current_setting('app.tenant_id')::uuid"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant_rows ON {table} TO {', '.join(LOGINS)} USING (true) WITH CHECK (true)",
        f"CREATE POLICY tenant_wall ON {table} AS RESTRICTIVE TO {walled} USING ({mine}) WITH CHECK ({mine})",
        *(f"GRANT {', '.join(rights(table, role))} ON {table} TO {role}" for role in (APP, WORKER)),
    ]
