clocked AS (
    -- The steps of the given cases that their clocks tell of.
    SELECT h.instance_id, h.sequence, h.definition_id, h.version, h.clocks
    FROM unnest(:cases::uuid[]) AS g (instance_id)
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = g.instance_id
    WHERE h.clocks IS NOT NULL AND h.recorded_at <= :known_at::timestamptz
)
