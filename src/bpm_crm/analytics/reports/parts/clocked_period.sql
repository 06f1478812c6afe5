clocked AS (
    -- The cases whose clocks are looked at: all of which something may have been told in the period, then or later while they were open.
    SELECT h.instance_id
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[])
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
    UNION
    {open_then}
)
