CROSS JOIN LATERAL (
    -- A case that nothing was recorded of since, and that did not move since, stands as its row says.
    SELECT i.recorded_at <= :known_at::timestamptz AND i.entered_at <= :as_of::timestamptz AS is_told
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
    SELECT i.entered_at AS occurred_at, i.stage AS to_stage, i.outcome, i.reason
    WHERE of_row.is_told
    UNION ALL
    SELECT moved.occurred_at, moved.to_stage, moved.outcome, moved.reason
    FROM (SELECT WHERE NOT of_row.is_told) AS changed
    CROSS JOIN LATERAL (
        {last_move}
    ) AS moved
) AS m
