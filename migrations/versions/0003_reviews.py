"""The review cycle: schedules, frozen reviews, corrective actions, and their changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import create_due_functions, create_tenant_table, drop_due_functions, forbid_changes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FROZEN = ("review", "review_change")


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"{table}_tenant_id_{column}_fkey")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{to}.tenant_id", f"{to}.id"], name=name)


def _id(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.UUID(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    create_tenant_table(
        "review_schedule",
        _id("tenant_id"),
        _id("id"),
        _id("definition_id"),
        _text("rhythm"),
        sa.Column("starts_on", sa.Date(), nullable=False),
        _id("owner_id"),
        _time("set_at"),
        sa.Column("next_from", sa.Date(), nullable=False),
        _time("due_at", nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        _refers("review_schedule", "definition_id", "process_definition"),
        _refers("review_schedule", "owner_id", "app_user"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("review_schedule_pkey")),
        sa.UniqueConstraint("tenant_id", "definition_id", name=op.f("review_schedule_tenant_id_definition_id_key")),
    )
    op.create_index(
        "review_schedule_due_idx",
        "review_schedule",
        ["due_at", "tenant_id", "id"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    create_tenant_table(
        "review",
        _id("tenant_id"),
        _id("id"),
        _id("definition_id"),
        _text("rhythm"),
        _time("since"),
        _time("until"),
        _id("owner_id"),
        _time("as_of"),
        _time("known_at"),
        _time("frozen_at"),
        sa.Column("versions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _refers("review", "definition_id", "process_definition"),
        _refers("review", "owner_id", "app_user"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("review_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "definition_id", "since", name=op.f("review_tenant_id_definition_id_since_key")
        ),
    )
    create_tenant_table(
        "corrective_action",
        _id("tenant_id"),
        _id("id"),
        _id("definition_id"),
        _id("review_id", nullable=True),
        _text("title"),
        _text("description", nullable=True),
        _text("stage", nullable=True),
        _text("checkpoint", nullable=True),
        _id("team_id", nullable=True),
        _id("channel_id", nullable=True),
        _id("campaign_id", nullable=True),
        _id("case_owner_id", nullable=True),
        _text("region", nullable=True),
        _id("owner_id"),
        _text("kpi"),
        _text("expected_direction"),
        sa.Column("expected_size", sa.Numeric(24, 6), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        _text("status"),
        _time("created_at"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _refers("corrective_action", "definition_id", "process_definition"),
        _refers("corrective_action", "review_id", "review"),
        _refers("corrective_action", "owner_id", "app_user"),
        _refers("corrective_action", "case_owner_id", "app_user"),
        _refers("corrective_action", "team_id", "team"),
        _refers("corrective_action", "channel_id", "channel"),
        _refers("corrective_action", "campaign_id", "campaign"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("corrective_action_pkey")),
    )
    op.create_index(
        op.f("corrective_action_tenant_id_definition_id_id_idx"),
        "corrective_action",
        ["tenant_id", "definition_id", "id"],
    )
    create_tenant_table(
        "review_change",
        _id("tenant_id"),
        _id("subject_id"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _text("kind"),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _text("comment", nullable=True),
        _id("actor_id"),
        _time("recorded_at"),
        _text("idempotency_key", nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("review_change_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "subject_id", "revision", name=op.f("review_change_pkey")),
    )
    op.create_index(
        "review_change_key",
        "review_change",
        ["tenant_id", "actor_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    for table in FROZEN:
        forbid_changes(table)
    op.execute("CREATE POLICY sweeping ON review_schedule TO bpm_crm_sweeper USING (true)")
    op.execute("GRANT SELECT (tenant_id, id, due_at) ON review_schedule TO bpm_crm_sweeper")
    create_due_functions("reviews", "review_schedule", "due_at")


def downgrade() -> None:
    drop_due_functions("reviews")
    op.drop_table("review_change")
    op.drop_table("corrective_action")
    op.drop_table("review")
    op.drop_table("review_schedule")
    for table in FROZEN:
        op.execute(f"DROP FUNCTION {table}_is_append_only()")
