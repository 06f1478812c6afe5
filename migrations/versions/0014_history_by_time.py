"""History is found by time: every step, those that begin a case, and those that end one."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BY_TIME = "ON history (tenant_id, definition_id, occurred_at)"


def upgrade() -> None:
    op.execute(f"CREATE INDEX history_occurred_idx {_BY_TIME} INCLUDE (instance_id, recorded_at)")
    op.execute(f"CREATE INDEX history_begun_idx {_BY_TIME} INCLUDE (instance_id) WHERE sequence = 1")
    op.execute(
        f"CREATE INDEX history_ended_idx {_BY_TIME} INCLUDE (instance_id, recorded_at, outcome) WHERE outcome IS NOT NULL"
    )
    op.execute("DROP INDEX history_checkpoint_idx")
    # A sample of a large table shows each case once or twice: it is taken for ten times as long as it is, and history is read as a whole.
    op.execute("ALTER TABLE history ALTER COLUMN instance_id SET (n_distinct = -0.12)")


def downgrade() -> None:
    op.execute("ALTER TABLE history ALTER COLUMN instance_id RESET (n_distinct)")
    op.execute(f"CREATE INDEX history_checkpoint_idx {_BY_TIME} WHERE checkpoints IS NOT NULL")
    op.execute("DROP INDEX history_occurred_idx, history_begun_idx, history_ended_idx")
