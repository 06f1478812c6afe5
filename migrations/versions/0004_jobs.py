"""Jobs, their rows and files: imports and exports of workbooks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_due_functions, create_sweeping_function, create_tenant_table, drop_due_functions

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        "stored_file",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("stored_file_tenant_id_fkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("stored_file_tenant_id_created_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("stored_file_pkey")),
    )
    op.create_index("stored_file_expires_idx", "stored_file", ["expires_at"], unique=False)
    create_tenant_table(
        "job",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("target_id", sa.UUID(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("file_id", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("job_tenant_id_fkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("job_tenant_id_created_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "target_id"], ["job.tenant_id", "job.id"], name=op.f("job_tenant_id_target_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("job_pkey")),
    )
    op.create_index(
        "job_due_idx",
        "job",
        ["run_at", "tenant_id", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(
        "job_idempotency_key",
        "job",
        ["tenant_id", "created_by", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    create_tenant_table(
        "job_row",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"], ["job.tenant_id", "job.id"], name=op.f("job_row_tenant_id_job_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("job_row_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "row", name=op.f("job_row_pkey")),
    )
    op.create_index("job_row_recorded_idx", "job_row", ["recorded_at"], unique=False, postgresql_using="brin")
    create_sweeping()


def create_sweeping() -> None:
    for table in ("stored_file", "job", "job_row"):
        op.execute(f"CREATE POLICY sweeping ON {table} TO bpm_crm_sweeper USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT (tenant_id, id, run_at, done_at) ON job TO bpm_crm_sweeper")
    op.execute("GRANT SELECT (expires_at), DELETE ON stored_file TO bpm_crm_sweeper")
    op.execute("GRANT SELECT (problems, recorded_at), DELETE ON job_row TO bpm_crm_sweeper")
    create_due_functions("jobs", "job", "run_at", "done_at IS NULL")
    create_sweeping_function(
        "forget_files",
        "expired timestamptz, refused timestamptz",
        "bigint",
        """
        WITH rows AS (DELETE FROM job_row WHERE problems IS NOT NULL AND recorded_at < refused),
        files AS (DELETE FROM stored_file WHERE expires_at < expired RETURNING expires_at)
        SELECT count(*) FROM files
        """,
    )


def downgrade() -> None:
    drop_due_functions("jobs")
    op.execute("DROP FUNCTION forget_files(timestamptz, timestamptz)")
    op.drop_index("job_row_recorded_idx", table_name="job_row", postgresql_using="brin")
    op.drop_table("job_row")
    op.drop_index("job_idempotency_key", table_name="job", postgresql_where=sa.text("idempotency_key IS NOT NULL"))
    op.drop_index("job_due_idx", table_name="job", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("job")
    op.drop_index("stored_file_expires_idx", table_name="stored_file")
    op.drop_table("stored_file")
