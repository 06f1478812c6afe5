"""Plans of migrations between versions of a process, what became of each case, and how a history row says it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_tenant_table, forbid_changes

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("history", sa.Column("migration", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    create_tenant_table(
        "migration_plan",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "definition_id"],
            ["process_definition.tenant_id", "process_definition.id"],
            name=op.f("migration_plan_tenant_id_definition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("migration_plan_tenant_id_created_by_fkey"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "definition_id",
            "from_version",
            "to_version",
            "revision",
            name=op.f("migration_plan_revision_key"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("migration_plan_pkey")),
    )
    op.create_index(
        "migration_plan_idempotency_key",
        "migration_plan",
        ["tenant_id", "created_by", "idempotency_key"],
        unique=True,
    )
    forbid_changes("migration_plan")
    create_tenant_table(
        "migration_case",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("obstacles", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"], ["job.tenant_id", "job.id"], name=op.f("migration_case_tenant_id_job_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("migration_case_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "row", name=op.f("migration_case_pkey")),
    )
    op.create_index(
        "migration_case_verdict_idx", "migration_case", ["tenant_id", "job_id", "verdict", "row"], unique=False
    )


def downgrade() -> None:
    op.drop_index("migration_case_verdict_idx", table_name="migration_case")
    op.drop_table("migration_case")
    op.drop_table("migration_plan")
    op.execute("DROP FUNCTION migration_plan_is_append_only()")
    op.drop_column("history", "migration")
