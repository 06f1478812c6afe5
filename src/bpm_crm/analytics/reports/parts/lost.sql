lost AS (
    -- The last loss of each case, unless it was re-opened since.
    SELECT
        c.instance_id, c.deal_id, c.definition_id, c.version, h.sequence, h.version AS version_then, h.occurred_at,
        h.from_stage AS stage, h.reason, {segment} AS segment
    FROM cases AS c
    {last_step}
    WHERE c.outcome = 'lost' AND c.moved_at >= :since::timestamptz AND c.moved_at < :until::timestamptz
)
