"""Sheets of cells keep the name under which cases feed them, so that they can get more steps."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_STEPS = "CASE WHEN cardinality(checkpoints) > 0 THEN array_to_string(checkpoints, E'\\n') END"
_DIGEST = f"left(encode(sha256(convert_to(concat_ws(E'\\n', report, zone, {_STEPS}), 'UTF8')), 'hex'), 12)"


def upgrade() -> None:
    op.add_column("cell_sheet", sa.Column("evaluation", sa.Text(), nullable=False, server_default=""))
    # Whose rows they are does not matter to a change of type, as it would to an update.
    op.alter_column("cell_sheet", "evaluation", type_=sa.Text(), postgresql_using=_DIGEST, server_default=None)


def downgrade() -> None:
    op.execute("TRUNCATE cell, cell_sheet, case_part, compaction")
    op.drop_column("cell_sheet", "evaluation")
