purchases AS MATERIALIZED (
    -- Every purchase of these customers in the order of time, in whatever process and whoever may see it (`sold` says what a purchase
    -- is), each with the instant of the next one. Now the index of the won tells all of it.
    SELECT
        s.*, CASE WHEN :is_current::bool THEN d.amount END AS amount_now,
        row_number() OVER bought AS place, lead(s.bought_at) OVER bought AS next_at
    FROM buyers AS b
    CROSS JOIN LATERAL (
        SELECT
            i.id AS instance_id, i.definition_id, i.deal_id, i.customer_id, i.started_at, i.version, i.owner_id, i.team_id, i.channel_id,
            i.campaign_id, i.region, i.stage, i.reason, i.entered_at AS bought_at, i.owner_id AS owner_now, i.team_id AS team_now
        FROM process_instance AS i
        WHERE :is_current::bool AND i.tenant_id = $1 AND i.customer_id = b.customer_id AND i.outcome = 'won' AND i.exclusion IS NULL
        UNION ALL
        SELECT
            i.id, i.definition_id, i.deal_id, i.customer_id, i.started_at, k.version, k.owner_id, k.team_id, k.channel_id,
            k.campaign_id, k.region, m.to_stage, m.reason, m.occurred_at, i.owner_id, i.team_id
        FROM process_instance AS i
        {standing}
        WHERE NOT :is_current::bool AND i.tenant_id = $1 AND i.customer_id = b.customer_id
          AND k.exclusion IS NULL AND m.outcome = 'won'
    ) AS s
    LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = s.deal_id
    WHERE s.deal_id IS NULL OR d.instance_id = s.instance_id
    WINDOW bought AS (PARTITION BY s.customer_id ORDER BY s.bought_at, s.instance_id)
)
