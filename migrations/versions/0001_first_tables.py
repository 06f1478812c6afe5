"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bpm_crm.records.ddl import (
    create_claiming_functions,
    create_sweeping_function,
    create_tenant_table,
    forbid_changes,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        "lease",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("subject_id", sa.UUID(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "subject_id", name=op.f("lease_pkey")),
        prefixes=["UNLOGGED"],
    )
    create_tenant_table(
        "tenant",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("tenant_pkey")),
        owner_sees_all=True,
    )
    create_tenant_table(
        "api_key",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("channel_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("api_key_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("api_key_pkey")),
    )
    create_tenant_table(
        "app_user",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("app_user_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("app_user_pkey")),
        sa.UniqueConstraint("tenant_id", "email", name=op.f("app_user_tenant_id_email_key")),
        sa.UniqueConstraint("tenant_id", "subject", name=op.f("app_user_tenant_id_subject_key")),
    )
    create_tenant_table(
        "campaign",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("campaign_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("campaign_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("campaign_tenant_id_key_key")),
    )
    create_tenant_table(
        "counter",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("counter_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("counter_pkey")),
    )
    create_tenant_table(
        "customer",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("customer_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("customer_pkey")),
    )
    create_tenant_table(
        "outbox",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("unique_key", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("outbox_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("outbox_pkey")),
    )
    op.create_index(
        "outbox_due_idx",
        "outbox",
        ["run_at", "tenant_id", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("outbox_unique_key", "outbox", ["tenant_id", "unique_key"], unique=True)
    create_tenant_table(
        "process_definition",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("title_ru", sa.Text(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("process_definition_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("process_definition_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("process_definition_tenant_id_key_key")),
    )
    create_tenant_table(
        "channel",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("title_ru", sa.Text(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "definition_id"],
            ["process_definition.tenant_id", "process_definition.id"],
            name=op.f("channel_tenant_id_definition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("channel_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("channel_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("channel_tenant_id_key_key")),
    )
    create_tenant_table(
        "customer_contact",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("customer_contact_tenant_id_customer_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "value", name=op.f("customer_contact_pkey")),
    )
    op.create_index(
        op.f("customer_contact_tenant_id_customer_id_idx"),
        "customer_contact",
        ["tenant_id", "customer_id"],
        unique=False,
    )
    create_tenant_table(
        "process_version",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("changelog", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "definition_id"],
            ["process_definition.tenant_id", "process_definition.id"],
            name=op.f("process_version_tenant_id_definition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "published_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("process_version_tenant_id_published_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "definition_id", "version", name=op.f("process_version_pkey")),
    )
    create_tenant_table(
        "team",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "lead_id"], ["app_user.tenant_id", "app_user.id"], name=op.f("team_tenant_id_lead_id_fkey")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("team_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("team_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("team_tenant_id_key_key")),
    )
    create_tenant_table(
        "user_role",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("user_role_tenant_id_user_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "role", name=op.f("user_role_pkey")),
    )
    create_tenant_table(
        "deal",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.UUID(), nullable=True),
        sa.Column("channel_id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("team_id", sa.UUID(), nullable=True),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id"],
            ["campaign.tenant_id", "campaign.id"],
            name=op.f("deal_tenant_id_campaign_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "channel_id"],
            ["channel.tenant_id", "channel.id"],
            name=op.f("deal_tenant_id_channel_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("deal_tenant_id_customer_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_id"], ["app_user.tenant_id", "app_user.id"], name=op.f("deal_tenant_id_owner_id_fkey")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("deal_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("deal_pkey")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("deal_tenant_id_key_key")),
    )
    op.create_index(op.f("deal_tenant_id_customer_id_idx"), "deal", ["tenant_id", "customer_id"], unique=False)
    create_tenant_table(
        "team_member",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("team_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "team_id"], ["team.tenant_id", "team.id"], name=op.f("team_member_tenant_id_team_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("team_member_tenant_id_user_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "team_id", "user_id", name=op.f("team_member_pkey")),
    )
    op.create_index(op.f("team_member_tenant_id_user_id_idx"), "team_member", ["tenant_id", "user_id"], unique=False)
    create_tenant_table(
        "process_instance",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.UUID(), nullable=True),
        sa.Column("customer_id", sa.UUID(), nullable=True),
        sa.Column("channel_id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("team_id", sa.UUID(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("personal", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("clocks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id"],
            ["campaign.tenant_id", "campaign.id"],
            name=op.f("process_instance_tenant_id_campaign_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "channel_id"],
            ["channel.tenant_id", "channel.id"],
            name=op.f("process_instance_tenant_id_channel_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("process_instance_tenant_id_customer_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "deal_id"],
            ["deal.tenant_id", "deal.id"],
            name=op.f("process_instance_tenant_id_deal_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "definition_id"],
            ["process_definition.tenant_id", "process_definition.id"],
            name=op.f("process_instance_tenant_id_definition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("process_instance_tenant_id_owner_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "team_id"],
            ["team.tenant_id", "team.id"],
            name=op.f("process_instance_tenant_id_team_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("process_instance_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("process_instance_pkey")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "process_instance_customer_idx", "process_instance", ["tenant_id", "customer_id", "id"], unique=False
    )
    op.create_index("process_instance_deal_idx", "process_instance", ["tenant_id", "deal_id"], unique=False)
    op.create_index(
        "process_instance_due_idx",
        "process_instance",
        ["next_due_at", "tenant_id", "id"],
        unique=False,
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_index(
        "process_instance_external_key",
        "process_instance",
        ["tenant_id", "channel_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        "process_instance_owner_idx",
        "process_instance",
        ["tenant_id", "owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "process_instance_stage_idx",
        "process_instance",
        ["tenant_id", "definition_id", "stage", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    create_tenant_table(
        "history",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.UUID(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("transition", sa.Text(), nullable=True),
        sa.Column("from_stage", sa.Text(), nullable=True),
        sa.Column("to_stage", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("visit", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("business", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.BigInteger(), nullable=True),
        sa.Column("checkpoints", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("clocks", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("activity", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("owner_id", sa.UUID(), nullable=True),
        sa.Column("team_id", sa.UUID(), nullable=True),
        sa.Column("channel_id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("text_digest", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("history_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "sequence", name=op.f("history_pkey")),
    )
    op.create_index(
        "history_checkpoint_idx",
        "history",
        ["tenant_id", "definition_id", "occurred_at"],
        unique=False,
        postgresql_where=sa.text("checkpoints IS NOT NULL"),
    )
    op.create_index("history_recorded_idx", "history", ["recorded_at"], unique=False, postgresql_using="brin")
    create_tenant_table(
        "history_text",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("personal", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("history_text_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "sequence", name=op.f("history_text_pkey")),
    )
    create_tenant_table(
        "idempotency_key",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("actor_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "instance_id"],
            ["process_instance.tenant_id", "process_instance.id"],
            name=op.f("idempotency_key_tenant_id_instance_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "actor_id", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_index(
        "idempotency_key_recorded_idx", "idempotency_key", ["recorded_at"], unique=False, postgresql_using="brin"
    )

    forbid_changes("history")
    create_sweeping()
    op.execute("GRANT SELECT ON alembic_version TO bpm_crm_app, bpm_crm_worker")


def create_sweeping() -> None:
    for table in ("process_instance", "outbox", "lease", "idempotency_key"):
        op.execute(f"CREATE POLICY sweeping ON {table} TO bpm_crm_sweeper USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT (tenant_id, id, next_due_at) ON process_instance TO bpm_crm_sweeper")
    op.execute("GRANT SELECT (tenant_id, id, run_at, done_at) ON outbox TO bpm_crm_sweeper")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON lease TO bpm_crm_sweeper")
    op.execute("GRANT SELECT (recorded_at), DELETE ON idempotency_key TO bpm_crm_sweeper")
    create_sweeping_function(
        "forget_idempotency_keys",
        "before timestamptz",
        "bigint",
        """
        WITH forgotten AS (DELETE FROM idempotency_key WHERE recorded_at < before RETURNING recorded_at)
        SELECT count(*) FROM forgotten
        """,
    )
    create_claiming_functions("instances", "process_instance", "next_due_at")
    create_claiming_functions("effects", "outbox", "run_at", "AND done_at IS NULL")


def downgrade() -> None:
    for name in ("instances", "effects"):
        op.execute(f"DROP FUNCTION claim_due_{name}(timestamptz, integer, timestamptz)")
        op.execute(f"DROP FUNCTION next_due_{name}()")
    op.execute("DROP FUNCTION forget_idempotency_keys(timestamptz)")
    op.drop_index("idempotency_key_recorded_idx", table_name="idempotency_key", postgresql_using="brin")
    op.drop_table("idempotency_key")
    op.drop_table("history_text")
    op.drop_index("history_recorded_idx", table_name="history", postgresql_using="brin")
    op.drop_index("history_checkpoint_idx", table_name="history", postgresql_where=sa.text("checkpoints IS NOT NULL"))
    op.drop_table("history")
    op.drop_index(
        "process_instance_stage_idx", table_name="process_instance", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(
        "process_instance_owner_idx", table_name="process_instance", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(
        "process_instance_external_key",
        table_name="process_instance",
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.drop_index(
        "process_instance_due_idx", table_name="process_instance", postgresql_where=sa.text("next_due_at IS NOT NULL")
    )
    op.drop_index("process_instance_deal_idx", table_name="process_instance")
    op.drop_index("process_instance_customer_idx", table_name="process_instance")
    op.drop_table("process_instance")
    op.drop_index(op.f("team_member_tenant_id_user_id_idx"), table_name="team_member")
    op.drop_table("team_member")
    op.drop_index(op.f("deal_tenant_id_customer_id_idx"), table_name="deal")
    op.drop_table("deal")
    op.drop_table("user_role")
    op.drop_table("team")
    op.drop_table("process_version")
    op.drop_index(op.f("customer_contact_tenant_id_customer_id_idx"), table_name="customer_contact")
    op.drop_table("customer_contact")
    op.drop_table("channel")
    op.drop_table("process_definition")
    op.drop_index("outbox_unique_key", table_name="outbox")
    op.drop_index("outbox_due_idx", table_name="outbox", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("customer")
    op.drop_table("counter")
    op.drop_table("campaign")
    op.drop_table("app_user")
    op.drop_table("api_key")
    op.drop_table("tenant")
    op.drop_table("lease")
    op.execute("DROP FUNCTION history_is_append_only()")
