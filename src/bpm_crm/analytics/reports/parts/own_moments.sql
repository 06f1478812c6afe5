own_moments AS (
    -- When each case first touched the checkpoint that puts it into the period; without one, when it began.
    SELECT c.instance_id, c.started_at AS at, NULL::int AS sequence
    FROM cases AS c
    WHERE :own_begins::text IS NULL
    UNION ALL
    (
        SELECT DISTINCT ON (s.instance_id) s.instance_id, s.occurred_at, s.sequence
        FROM cases AS c
        JOIN history AS s ON s.tenant_id = $1 AND s.instance_id = c.instance_id
        WHERE :own_begins::text = ANY (s.checkpoints)
          AND s.occurred_at <= :as_of::timestamptz AND s.recorded_at <= :known_at::timestamptz
        ORDER BY s.instance_id, s.occurred_at, s.sequence
    )
)
