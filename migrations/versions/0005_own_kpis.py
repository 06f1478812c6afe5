"""KPIs that companies define themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_tenant_table, forbid_changes

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        "own_kpi",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("changelog", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.UUID(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("own_kpi_tenant_id_fkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "published_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("own_kpi_tenant_id_published_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", "version", name=op.f("own_kpi_pkey")),
    )
    op.create_index("own_kpi_idempotency_key", "own_kpi", ["tenant_id", "published_by", "idempotency_key"], unique=True)
    forbid_changes("own_kpi")


def downgrade() -> None:
    op.drop_table("own_kpi")
    op.execute("DROP FUNCTION own_kpi_is_append_only()")
