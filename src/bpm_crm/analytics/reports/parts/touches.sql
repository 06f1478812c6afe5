touches AS MATERIALIZED (
    -- Every touch of a step by a counted case; `visits` says how often the case touched the step.
    SELECT
        h.instance_id, s.step, h.occurred_at, h.sequence,
        h.kind = 'forced' AS is_forced,
        count(*) OVER (PARTITION BY h.instance_id, s.step) AS visits,
        {segment} AS segment
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    JOIN steps AS s ON s.checkpoint = ANY (h.checkpoints)
    WHERE h.checkpoints IS NOT NULL
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
