clocked AS (
    -- The steps that their clocks tell of, of all cases whose clocks may have said something in the period: it was told then, or later
    -- of a case that was still open.
    SELECT s.*
    FROM (
        SELECT h.instance_id
        FROM history AS h
        WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[])
          AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
        UNION
        {open_then}
    ) AS w
    CROSS JOIN LATERAL (
        {clocked_steps}
    ) AS s
)
