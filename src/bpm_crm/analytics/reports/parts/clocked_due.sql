clocked AS (
    -- The steps that their clocks tell of, of all cases whose cycles may be due in the period: no cycle due in it was given that
    -- instant before `due_since`.
    SELECT s.*
    FROM (
        SELECT DISTINCT h.instance_id
        FROM history AS h
        WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[])
          AND h.occurred_at >= :due_since::timestamptz AND h.occurred_at < :until::timestamptz
    ) AS w
    CROSS JOIN LATERAL (
        {clocked_steps}
    ) AS s
)
