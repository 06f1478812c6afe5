-- Which cases each week may concern: those to which anything happened, or a clock was due, from before its end on; with `while_open`
-- those, too, that have not ended.
WITH
weeks AS (
    SELECT w.place, w.since, w.until
    FROM unnest(:places::int[], :begins::timestamptz[], :ends::timestamptz[]) AS w (place, since, until)
),
spans AS (
    -- From the first to the last instant that the record of each case tells of.
    SELECT
        h.instance_id,
        least(min(h.occurred_at), min(e.first_at)) AS since,
        CASE
            WHEN :while_open::boolean
                AND (array_agg(h.outcome ORDER BY h.sequence DESC) FILTER (WHERE h.to_stage IS NOT NULL))[1] IS NULL
            THEN 'infinity'
            ELSE greatest(max(h.occurred_at), max(e.last_at))
        END AS until
    FROM history AS h
    LEFT JOIN LATERAL (
        SELECT
            timestamptz 'epoch' + min(least(e.at, e.due)) * interval '1 microsecond' AS first_at,
            timestamptz 'epoch' + max(greatest(e.at, e.due)) * interval '1 microsecond' AS last_at
        FROM jsonb_to_recordset(h.clocks) AS e (at bigint, due bigint)
    ) AS e ON :of_clocks::boolean AND h.clocks IS NOT NULL
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.recorded_at <= :known_at::timestamptz
    GROUP BY h.instance_id
)
SELECT w.place, array_agg(s.instance_id) AS cases
FROM weeks AS w
JOIN spans AS s ON s.since < w.until AND s.until >= w.since
GROUP BY w.place
