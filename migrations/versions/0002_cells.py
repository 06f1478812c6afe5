"""Cells: figures kept ready, and the queue of the cases that changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_sweeping_function, create_tenant_table
from bpm_crm.records.roles import APP, WORKER

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

QUEUE_OPTIONS = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0"
)
"""Rows live for seconds: what they leave behind is cleared early."""


def upgrade() -> None:
    create_tenant_table(
        "case_change",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
    )
    op.execute(f"ALTER TABLE case_change SET ({QUEUE_OPTIONS})")
    create_tenant_table(
        "compaction",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("folded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("compaction_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("compaction_pkey")),
    )
    create_tenant_table(
        "cell_sheet",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("checkpoints", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("definitions", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("filled_to", sa.UUID(), nullable=False),
        sa.Column("is_filled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("cell_sheet_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("cell_sheet_pkey")),
    )
    create_tenant_table(
        "case_part",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("case_part_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", name=op.f("case_part_pkey")),
    )
    op.create_index(
        "case_part_valid_idx",
        "case_part",
        ["valid_until", "tenant_id", "instance_id"],
        unique=False,
        postgresql_where=sa.text("valid_until IS NOT NULL"),
    )
    create_tenant_table(
        "cell",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sheet_id", sa.UUID(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("spreads", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sheet_id"],
            ["cell_sheet.tenant_id", "cell_sheet.id"],
            name=op.f("cell_tenant_id_sheet_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "sheet_id", "dimensions", "level", "starts_on", "segment", name=op.f("cell_pkey")
        ),
    )
    op.execute("CREATE POLICY sweeping ON case_change TO bpm_crm_sweeper USING (true)")
    op.execute("CREATE POLICY sweeping ON case_part TO bpm_crm_sweeper USING (true)")
    op.execute("GRANT SELECT ON case_change TO bpm_crm_sweeper")
    op.execute("GRANT SELECT (tenant_id, valid_until) ON case_part TO bpm_crm_sweeper")
    create_sweeping_function(
        "changed_tenants",
        "",
        "TABLE (tenant_id uuid, changes bigint)",
        """
        SELECT c.tenant_id, count(*)
        FROM (
            SELECT change.tenant_id FROM case_change AS change
            UNION ALL
            SELECT part.tenant_id FROM case_part AS part WHERE part.valid_until <= now()
        ) AS c
        GROUP BY c.tenant_id
        ORDER BY count(*) DESC
        """,
    )
    create_sweeping_function(
        "count_changes", "", "bigint", "SELECT count(*) FROM case_change", callers=f"{APP}, {WORKER}"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION count_changes()")
    op.execute("DROP FUNCTION changed_tenants()")
    op.drop_table("cell")
    op.drop_index("case_part_valid_idx", table_name="case_part", postgresql_where=sa.text("valid_until IS NOT NULL"))
    op.drop_table("case_part")
    op.drop_table("cell_sheet")
    op.drop_table("compaction")
    op.drop_table("case_change")
