"""The certificate of soundness of a published version; versions from before have none and are proved when asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("process_version", sa.Column("certificate", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("process_version", "certificate")
