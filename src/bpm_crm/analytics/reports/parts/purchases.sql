purchases AS MATERIALIZED (
    -- Every purchase of these customers in the order of time, in whatever process and whoever may see it (`sold` says what a purchase
    -- is), each with the instant of the next one. A case that nothing was recorded of since stands as its row says.
    SELECT
        i.id AS instance_id, i.customer_id, i.definition_id, s.version, s.won_at AS bought_at,
        row_number() OVER bought AS place, lead(s.won_at) OVER bought AS next_at
    FROM buyers AS b
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.customer_id = b.customer_id
    CROSS JOIN LATERAL (SELECT i.recorded_at <= :known_at::timestamptz AND i.entered_at <= :as_of::timestamptz AS is_as_then) AS t
    CROSS JOIN LATERAL (
        SELECT i.version, i.entered_at AS won_at WHERE t.is_as_then AND i.exclusion IS NULL AND i.outcome = 'won'
        UNION ALL
        SELECT k.version, m.occurred_at
        FROM (SELECT WHERE NOT t.is_as_then) AS changed
        {standing}
        WHERE k.exclusion IS NULL AND m.outcome = 'won'
    ) AS s
    LEFT JOIN LATERAL (SELECT d.instance_id FROM deal AS d WHERE d.tenant_id = $1 AND d.id = i.deal_id LIMIT 1) AS d ON true
    WHERE i.deal_id IS NULL OR d.instance_id = i.id
    WINDOW bought AS (PARTITION BY i.customer_id ORDER BY s.won_at, i.id)
)
