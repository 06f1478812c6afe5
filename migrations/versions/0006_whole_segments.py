"""Cells of more figures, and whole segments of which any cut is made. What was kept is filled anew: it is packed otherwise."""

import sqlalchemy as sa
from alembic import op

from bpm_crm.records.ddl import create_sweeping_function, create_tenant_table
from bpm_crm.records.roles import SWEEPER, WORKER

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UNFILLED = """
    SELECT v.tenant_id
    FROM process_version AS v
    LEFT JOIN compaction AS c ON c.tenant_id = v.tenant_id
    WHERE c.folded_at IS NULL OR v.published_at > c.folded_at
    UNION
    SELECT s.tenant_id FROM cell_sheet AS s WHERE NOT s.is_filled
"""
LOOKED_AT = {
    "compaction": "tenant_id, folded_at",
    "cell_sheet": "tenant_id, is_filled",
    "process_version": "tenant_id, published_at",
}


def upgrade() -> None:
    op.execute("TRUNCATE cell, cell_sheet, case_part, compaction")
    op.add_column("cell_sheet", sa.Column("is_whole", sa.Boolean(), nullable=False))
    create_tenant_table(
        "cell_day",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sheet_id", sa.UUID(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sheet_id"],
            ["cell_sheet.tenant_id", "cell_sheet.id"],
            name=op.f("cell_day_tenant_id_sheet_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sheet_id", "starts_on", "number", name=op.f("cell_day_pkey")),
    )
    for table, columns in LOOKED_AT.items():
        op.execute(f"CREATE POLICY sweeping ON {table} TO {SWEEPER} USING (true)")
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO {SWEEPER}")
    create_sweeping_function(
        "unfilled_tenants",
        "",
        "TABLE (tenant_id uuid)",
        f"SELECT DISTINCT u.tenant_id FROM ({UNFILLED}) AS u",
        callers=WORKER,
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION unfilled_tenants()")
    for table, columns in LOOKED_AT.items():
        op.execute(f"REVOKE SELECT ({columns}) ON {table} FROM {SWEEPER}")
        op.execute(f"DROP POLICY sweeping ON {table}")
    op.drop_table("cell_day")
    op.execute("TRUNCATE cell, cell_sheet, case_part, compaction")
    op.drop_column("cell_sheet", "is_whole")
