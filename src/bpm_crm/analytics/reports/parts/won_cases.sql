SELECT i.customer_id, h.occurred_at AS won_at
FROM history AS h
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = h.instance_id
WHERE h.tenant_id = $1 AND h.outcome = 'won' AND i.customer_id IS NOT NULL
  AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
