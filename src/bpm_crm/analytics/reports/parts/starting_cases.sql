starting AS (
    -- The cases begun in the period.
    SELECT i.id AS instance_id
    FROM process_instance AS i
    WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[])
      AND i.started_at >= :since::timestamptz AND i.started_at < :until::timestamptz
)
