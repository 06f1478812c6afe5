clocked AS (
    -- The steps of all cases that their clocks tell of.
    SELECT h.instance_id, h.sequence, h.definition_id, h.version, h.clocks
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.clocks IS NOT NULL
      AND h.recorded_at <= :known_at::timestamptz
)
