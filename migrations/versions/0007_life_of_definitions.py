"""Drafts of process documents, the journal of what is done to processes, retirement, and rollouts; the API may publish."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_due_functions, create_tenant_table, drop_due_functions, forbid_changes
from bpm_crm.records.roles import APP, WORKER

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IMMUTABLE = (
    "tenant_id, definition_id, version, document, source, checksum, changelog, published_at, published_by, origin"
)


def upgrade() -> None:
    _definitions()
    _drafts()
    _changes()
    _rollouts()


def downgrade() -> None:
    drop_due_functions("rollouts")
    op.drop_table("process_rollout")
    op.drop_table("process_change")
    op.execute("DROP FUNCTION process_change_is_append_only()")
    op.drop_table("process_draft")
    op.execute("DROP TRIGGER process_version_immutable ON process_version")
    op.execute("DROP FUNCTION process_version_is_immutable()")
    op.execute(f"REVOKE UPDATE ON process_definition FROM {WORKER}")
    op.execute(f"REVOKE INSERT ON process_version FROM {APP}")
    op.execute(f"REVOKE INSERT, UPDATE ON process_definition FROM {APP}")
    op.drop_column("process_version", "origin")
    op.drop_constraint(op.f("process_definition_tenant_id_retired_by_fkey"), "process_definition", type_="foreignkey")
    for column in ("retired_by", "retired_at", "current_version"):
        op.drop_column("process_definition", column)


def _definitions() -> None:
    op.add_column("process_definition", sa.Column("current_version", sa.Integer(), nullable=True))
    op.add_column("process_definition", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("process_definition", sa.Column("retired_by", sa.UUID(), nullable=True))
    op.create_foreign_key(
        op.f("process_definition_tenant_id_retired_by_fkey"),
        "process_definition",
        "app_user",
        ["tenant_id", "retired_by"],
        ["tenant_id", "id"],
        postgresql_not_valid=True,  # nobody has retired anything yet, and the wall would hide the rows from the check
    )
    op.add_column("process_version", sa.Column("origin", sa.Text(), nullable=True))
    op.execute(f"GRANT INSERT, UPDATE ON process_definition TO {APP}")
    op.execute(f"GRANT INSERT ON process_version TO {APP}")
    op.execute(f"GRANT UPDATE ON process_definition TO {WORKER}")
    op.execute(
        """
        CREATE FUNCTION process_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a published version is immutable' USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER process_version_immutable BEFORE UPDATE OF {_IMMUTABLE} OR DELETE ON process_version "
        "FOR EACH STATEMENT EXECUTE FUNCTION process_version_is_immutable()"
    )


def _drafts() -> None:
    create_tenant_table(
        "process_draft",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("process_draft_tenant_id_fkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "saved_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("process_draft_tenant_id_saved_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "process", name=op.f("process_draft_pkey")),
    )


def _changes() -> None:
    create_tenant_table(
        "process_change",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.UUID(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("process_change_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("process_change_pkey")),
    )
    op.create_index("process_change_process_idx", "process_change", ["tenant_id", "process", "id"])
    op.create_index(
        "process_change_key",
        "process_change",
        ["tenant_id", "actor_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    forbid_changes("process_change")


def _rollouts() -> None:
    create_tenant_table(
        "process_rollout",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("version_a", sa.Integer(), nullable=False),
        sa.Column("version_b", sa.Integer(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("guard_clock", sa.Text(), nullable=True),
        sa.Column("guard_drop", sa.Numeric(6, 4), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.UUID(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "definition_id"],
            ["process_definition.tenant_id", "process_definition.id"],
            name=op.f("process_rollout_tenant_id_definition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "started_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("process_rollout_tenant_id_started_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("process_rollout_pkey")),
    )
    op.create_index(
        "process_rollout_running",
        "process_rollout",
        ["tenant_id", "definition_id"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "process_rollout_check_idx",
        "process_rollout",
        ["check_at", "tenant_id", "id"],
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.execute("CREATE POLICY sweeping ON process_rollout TO bpm_crm_sweeper USING (true)")
    op.execute("GRANT SELECT (tenant_id, id, check_at) ON process_rollout TO bpm_crm_sweeper")
    create_due_functions("rollouts", "process_rollout", "check_at")
