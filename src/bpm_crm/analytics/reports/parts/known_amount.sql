SELECT (v.data ->> f.field)::numeric
FROM amount_fields AS f
JOIN history AS v ON v.tenant_id = $1 AND v.instance_id = c.instance_id AND v.data ? f.field
WHERE f.definition_id = c.definition_id AND f.version = c.version
  AND v.occurred_at <= :as_of::timestamptz AND v.recorded_at <= :known_at::timestamptz
ORDER BY v.sequence DESC
LIMIT 1
