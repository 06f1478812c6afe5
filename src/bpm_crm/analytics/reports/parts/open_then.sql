SELECT i.id AS instance_id
FROM process_instance AS i
WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[]) AND i.ended_at IS NULL
  AND i.started_at <= least(:until::timestamptz, :as_of::timestamptz)
UNION
SELECT i.id
FROM history AS h
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = h.instance_id
WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.outcome IS NOT NULL
  AND (h.occurred_at > least(:until::timestamptz, :as_of::timestamptz) OR h.recorded_at > :known_at::timestamptz)
  AND i.started_at <= least(:until::timestamptz, :as_of::timestamptz)
