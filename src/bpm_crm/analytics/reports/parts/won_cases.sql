SELECT i.customer_id, i.entered_at AS won_at
FROM process_instance AS i
WHERE :is_current::bool AND i.tenant_id = $1 AND i.outcome = 'won' AND i.exclusion IS NULL AND i.customer_id IS NOT NULL
UNION ALL
SELECT i.customer_id, h.occurred_at
FROM history AS h
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = h.instance_id
WHERE NOT :is_current::bool AND h.tenant_id = $1 AND h.outcome = 'won' AND i.customer_id IS NOT NULL
  AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
