SELECT h.*
FROM history AS h
WHERE h.tenant_id = $1 AND h.instance_id = i.id AND h.to_stage IS NOT NULL
  AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
ORDER BY h.sequence DESC
LIMIT 1
