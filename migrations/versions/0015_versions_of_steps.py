"""Cells tell the version under which a step was taken, beside that of the case as it is; what was kept is filled anew."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

EMPTIED = "TRUNCATE cell, cell_sheet, case_part, compaction"


def upgrade() -> None:
    op.execute(EMPTIED)


def downgrade() -> None:
    op.execute(EMPTIED)
