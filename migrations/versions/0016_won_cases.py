"""The won are found by customer and by time, each told by the index alone; so is the step that ended a case."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_WON = "WHERE outcome = 'won' AND exclusion IS NULL"
_ENDED = "CREATE INDEX history_ended_idx ON history (tenant_id, definition_id, occurred_at"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX process_instance_won_idx ON process_instance (tenant_id, customer_id, entered_at, id) INCLUDE (definition_id, "
        f"version, deal_id, owner_id, team_id, channel_id, campaign_id, region, stage, reason, started_at) {_WON}"
    )
    op.execute(
        f"CREATE INDEX process_instance_won_at_idx ON process_instance (tenant_id, entered_at) INCLUDE (customer_id) {_WON}"
    )
    op.execute("DROP INDEX history_ended_idx")
    op.execute(
        f"{_ENDED}, instance_id, sequence) INCLUDE (recorded_at, outcome, version, owner_id, team_id) WHERE outcome IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX history_ended_idx")
    op.execute(f"{_ENDED}) INCLUDE (instance_id, recorded_at, outcome) WHERE outcome IS NOT NULL")
    op.execute("DROP INDEX process_instance_won_at_idx, process_instance_won_idx")
