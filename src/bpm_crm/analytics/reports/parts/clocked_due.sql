clocked AS (
    -- The cases whose clocks are looked at: all that may have a cycle due in the period, since none due in it was given that instant
    -- before `due_since`.
    SELECT DISTINCT h.instance_id
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[])
      AND h.occurred_at >= :due_since::timestamptz AND h.occurred_at < :until::timestamptz
)
