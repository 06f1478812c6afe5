key_stage_arrivals AS (
    -- The first entry of each case into the key stage.
    SELECT DISTINCT ON (h.instance_id) h.*
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    JOIN key_stages AS k ON k.definition_id = h.definition_id AND k.version = h.version AND k.stage = h.to_stage
    WHERE h.kind NOT IN ('migration', 'migration_undone') AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
    ORDER BY h.instance_id, h.occurred_at, h.sequence
)
