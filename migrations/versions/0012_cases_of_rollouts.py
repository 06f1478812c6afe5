"""Which cases took a turn in a rollout; of rollouts that ended before, nobody knows any more."""

import sqlalchemy as sa
from alembic import op

from bpm_crm.records.ddl import create_tenant_table, forbid_changes

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        "rollout_case",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("rollout_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("rollout_case_tenant_id_instance_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "rollout_id"],
            ["process_rollout.tenant_id", "process_rollout.id"],
            name=op.f("rollout_case_tenant_id_rollout_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", name=op.f("rollout_case_pkey")),
    )
    forbid_changes("rollout_case")


def downgrade() -> None:
    op.drop_table("rollout_case")
    op.execute("DROP FUNCTION rollout_case_is_append_only()")
