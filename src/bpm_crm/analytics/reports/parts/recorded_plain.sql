recorded AS (
    -- The steps of the cases, each with the user who did it.
    SELECT
        c.outcome AS case_outcome, h.instance_id, h.sequence, h.version, h.occurred_at, h.kind, h.transition, h.to_stage, h.checkpoints,
        h.activity, h.reason, h.data, h.team_id,
        CASE WHEN h.actor_kind = 'user' THEN 'user:' || h.actor_id END AS performer
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    WHERE h.recorded_at <= :known_at::timestamptz
)
