buyers AS (
    -- The customers with a case that was won in the period.
    SELECT DISTINCT i.customer_id
    FROM history AS h
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = h.instance_id
    WHERE h.tenant_id = $1 AND h.outcome = 'won' AND i.customer_id IS NOT NULL
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
