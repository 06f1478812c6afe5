performer_fields AS (
    -- The data field that names who did a step, by version.
    SELECT f.version, f.field FROM unnest(:performer_versions::int[], :performer_fields::text[]) AS f (version, field)
),
recorded AS (
    -- The steps of the cases, each with the user who did it, else whom the data field named then: history tells only its changes.
    SELECT
        n.*,
        CASE WHEN n.actor_kind = 'user' THEN 'user:' || n.actor_id
            ELSE 'name:' || first_value(n.named) OVER (PARTITION BY n.instance_id, n.change ORDER BY n.sequence) END AS performer
    FROM (
        SELECT
            c.outcome AS case_outcome, h.instance_id, h.sequence, h.version, h.occurred_at, h.kind, h.transition, h.to_stage,
            h.checkpoints, h.activity, h.reason, h.data, h.team_id, h.actor_kind, h.actor_id, h.data ->> f.field AS named,
            count(*) FILTER (WHERE h.data ? f.field) OVER (PARTITION BY h.instance_id ORDER BY h.sequence) AS change
        FROM cases AS c
        JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
        LEFT JOIN performer_fields AS f ON f.version = h.version
        WHERE h.recorded_at <= :known_at::timestamptz
    ) AS n
)
