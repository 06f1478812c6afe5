candidates AS (
    -- Of the cases that may have been open at the instant looked at those that may have a clock due before its day ends. Now a case tells
    -- the first instant at which any of its clocks does something.
    SELECT i.id AS instance_id
    FROM process_instance AS i
    WHERE :is_current::bool AND i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[]) AND i.ended_at IS NULL
      AND i.next_due_at < :day_ends::timestamptz
    UNION ALL
    SELECT o.instance_id
    FROM (
        {open_then}
    ) AS o
    WHERE NOT :is_current::bool
)
