purchases AS MATERIALIZED (
    -- Every purchase of these customers in the order of time, in whatever process and whoever may see it (`sold` says what a purchase
    -- is), each with the instant of the next one.
    SELECT
        i.id AS instance_id, i.customer_id, i.definition_id, k.version, m.occurred_at AS bought_at,
        row_number() OVER bought AS place, lead(m.occurred_at) OVER bought AS next_at
    FROM buyers AS b
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.customer_id = b.customer_id
    {standing}
    LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = i.deal_id
    WHERE k.exclusion IS NULL AND m.outcome = 'won' AND (i.deal_id IS NULL OR d.instance_id = i.id)
    WINDOW bought AS (PARTITION BY i.customer_id ORDER BY m.occurred_at, i.id)
)
