"""One kind of cell: packed columns by some dimensions or by whole segments; of all sheets. What was kept is filled anew, packed otherwise."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_tenant_table

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHEET = (["tenant_id", "sheet_id"], ["cell_sheet.tenant_id", "cell_sheet.id"])


def upgrade() -> None:
    op.execute("TRUNCATE cell, cell_day, cell_sheet, case_part, compaction")
    op.drop_table("cell_day")
    op.drop_table("cell")
    op.drop_column("cell_sheet", "is_whole")
    create_tenant_table(
        "cell",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sheet_id", sa.UUID(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(*SHEET, name=op.f("cell_tenant_id_sheet_id_fkey")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "sheet_id", "dimensions", "level", "starts_on", "number", name=op.f("cell_pkey")
        ),
    )


def downgrade() -> None:
    op.execute("TRUNCATE cell, cell_sheet, case_part, compaction")
    op.drop_table("cell")
    op.add_column("cell_sheet", sa.Column("is_whole", sa.Boolean(), nullable=False))
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
        sa.ForeignKeyConstraint(*SHEET, name=op.f("cell_tenant_id_sheet_id_fkey")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "sheet_id", "dimensions", "level", "starts_on", "segment", name=op.f("cell_pkey")
        ),
    )
    create_tenant_table(
        "cell_day",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sheet_id", sa.UUID(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(*SHEET, name=op.f("cell_day_tenant_id_sheet_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "sheet_id", "starts_on", "number", name=op.f("cell_day_pkey")),
    )
