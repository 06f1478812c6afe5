candidates AS (
    -- Cases that entered a stage in the period.
    SELECT DISTINCT h.instance_id
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.to_stage IS NOT NULL
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
