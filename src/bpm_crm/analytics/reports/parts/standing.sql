CROSS JOIN LATERAL (
    -- A case that nothing was recorded of since stands as its row says: what happened is never recorded before it does.
    SELECT i.recorded_at <= least(:known_at::timestamptz, :as_of::timestamptz) AS is_told
) AS of_row
CROSS JOIN LATERAL (
    SELECT i.version, i.owner_id, i.team_id, i.channel_id, i.campaign_id, i.region, i.exclusion
    WHERE of_row.is_told
    UNION ALL
    SELECT known.*
    FROM (SELECT WHERE NOT of_row.is_told) AS changed
    CROSS JOIN LATERAL (
        {last_known}
    ) AS known
) AS k
CROSS JOIN LATERAL (
    -- Who goes back to where they were before a migration is there since they came there at first.
    SELECT i.entered_at AS occurred_at, i.stage AS to_stage, i.outcome, i.reason
    WHERE of_row.is_told
    UNION ALL
    SELECT
        CASE
            WHEN moved.kind = 'migration_undone'
            THEN timestamptz 'epoch' + (moved.migration #>> ARRAY['before', 'entered_at'])::bigint * interval '1 microsecond'
            ELSE moved.occurred_at
        END,
        moved.to_stage, moved.outcome, CASE WHEN moved.outcome IS NOT NULL THEN moved.reason END
    FROM (SELECT WHERE NOT of_row.is_told) AS changed
    CROSS JOIN LATERAL (
        {last_move}
    ) AS moved
) AS m
