silent AS (
    -- Stages of which no event tells, by version.
    SELECT s.version, s.stage FROM unnest(:silent_versions::int[], :silent_stages::text[]) AS s (version, stage)
),
performer_fields AS (
    -- The data field that names who did a step, by version.
    SELECT f.version, f.field FROM unnest(:performer_versions::int[], :performer_fields::text[]) AS f (version, field)
),
named AS (
    -- Whom that field named after each step: history tells only changes.
    SELECT
        n.instance_id, n.sequence,
        first_value(n.performer) OVER (PARTITION BY n.instance_id, n.change ORDER BY n.sequence) AS performer
    FROM (
        SELECT
            h.instance_id, h.sequence, h.data ->> f.field AS performer,
            count(*) FILTER (WHERE h.data ? f.field) OVER (PARTITION BY h.instance_id ORDER BY h.sequence) AS change
        FROM cases AS c
        JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
        JOIN performer_fields AS f ON f.version = h.version
        WHERE h.recorded_at <= :known_at::timestamptz
    ) AS n
),
happenings AS (
    -- The events of the cases by the classifier asked for. `performer` is the user who did it, else whom a data field names.
    SELECT
        c.instance_id, h.sequence, a.position, a.activity, h.occurred_at,
        CASE WHEN h.actor_kind = 'user' THEN 'user:' || h.actor_id ELSE 'name:' || n.performer END AS performer
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    CROSS JOIN LATERAL unnest(
        CASE :classifier::text
            WHEN 'stage' THEN ARRAY[h.to_stage]
            WHEN 'transition' THEN ARRAY[h.transition]
            WHEN 'checkpoint' THEN h.checkpoints
            WHEN 'activity' THEN ARRAY[h.activity ->> 'kind']
        END
    ) WITH ORDINALITY AS a (activity, position)
    LEFT JOIN silent AS s ON s.version = h.version AND s.stage = h.to_stage
    LEFT JOIN named AS n ON n.instance_id = h.instance_id AND n.sequence = h.sequence
    WHERE a.activity IS NOT NULL AND s.stage IS NULL
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
