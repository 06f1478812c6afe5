silent AS (
    -- Stages of which no event tells, by version.
    SELECT s.version, s.stage FROM unnest(:silent_versions::int[], :silent_stages::text[]) AS s (version, stage)
),
happenings AS (
    -- The events of the cases by the classifier asked for.
    SELECT r.*, a.position, a.activity AS event
    FROM recorded AS r
    CROSS JOIN LATERAL unnest(
        CASE :classifier::text
            WHEN 'stage' THEN ARRAY[r.to_stage]
            WHEN 'transition' THEN ARRAY[r.transition]
            WHEN 'checkpoint' THEN r.checkpoints
            WHEN 'activity' THEN ARRAY[r.activity ->> 'kind']
        END
    ) WITH ORDINALITY AS a (activity, position)
    LEFT JOIN silent AS s ON s.version = r.version AND s.stage = r.to_stage
    WHERE a.activity IS NOT NULL AND s.stage IS NULL AND r.kind NOT IN ('migration', 'migration_undone') AND r.occurred_at <= :as_of::timestamptz
)
