"""Replays of histories through another definition, and the cases they found differences in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_tenant_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        "replay",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.UUID(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"], ["job.tenant_id", "job.id"], name=op.f("replay_tenant_id_job_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "definition_id"],
            ["process_definition.tenant_id", "process_definition.id"],
            name=op.f("replay_tenant_id_definition_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", name=op.f("replay_pkey")),
    )
    create_tenant_table(
        "replay_case",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("figures", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"],
            ["replay.tenant_id", "replay.job_id"],
            name=op.f("replay_case_tenant_id_job_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("replay_case_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "instance_id", name=op.f("replay_case_pkey")),
    )


def downgrade() -> None:
    op.drop_table("replay_case")
    op.drop_table("replay")
