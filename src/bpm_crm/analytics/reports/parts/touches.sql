touches AS (
    -- Every touch of a step by a counted case, numbered for its unit in the order of happening; equal instants go by sequence.
    SELECT
        c.unit_id, h.instance_id, s.step, h.occurred_at, h.sequence, h.kind = 'forced' AS is_forced, {segment} AS segment,
        c.definition_id, c.version, c.started_at, c.moved_at, c.outcome,
        row_number() OVER (PARTITION BY c.unit_id, s.step ORDER BY h.occurred_at, h.sequence, h.instance_id) AS touch,
        count(*) OVER (PARTITION BY c.unit_id, s.step) AS visits
    FROM units AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    CROSS JOIN LATERAL unnest(h.checkpoints) AS r (checkpoint)
    JOIN steps AS s ON s.checkpoint = r.checkpoint
    WHERE h.checkpoints IS NOT NULL
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
