clocked AS (
    -- The steps of the cases that their clocks tell of.
    SELECT h.instance_id, h.sequence, h.definition_id, h.version, h.clocks
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    WHERE h.clocks IS NOT NULL AND h.recorded_at <= :known_at::timestamptz
)
