, observed AS (
    -- How long each case took, or was seen to run.
    SELECT 'case' AS measure, 1 AS step, 1 AS cell, t.is_ended AS is_seen, coalesce(t.seconds, t.age)::float8 AS seconds
    FROM traces AS t
    WHERE 'case' = ANY (:sections::text[])
),
{kaplan_meier},
spans AS (
    SELECT ARRAY['case'] AS parts, t.seconds
    FROM traces AS t
    WHERE t.is_ended AND 'case' = ANY (:sections::text[])
    UNION ALL
    SELECT ARRAY['edge', p.activity, p.next_activity], extract(epoch FROM p.next_at - p.occurred_at)
    FROM places AS p
    WHERE p.next_activity IS NOT NULL AND 'edge' = ANY (:sections::text[])
    UNION ALL
    SELECT ARRAY['handover', w.giver, w.taker], w.seconds
    FROM handovers AS w
    WHERE 'handover' = ANY (:sections::text[])
)
-- The numbers of the map; `seconds` are mean, median, 90th percentile, least and greatest.
SELECT m.parts, m.step, m.number, count(*) AS cases, sum(m.events)::bigint AS events, NULL::numeric AS mean, NULL::float8[] AS seconds
FROM members AS m
GROUP BY m.parts, m.step, m.number
UNION ALL
SELECT
    s.parts, s.parts::text, 'seconds', 0, 0, avg(s.seconds),
    percentile_cont(ARRAY[0.5, 0.9, 0, 1]) WITHIN GROUP (ORDER BY s.seconds::float8)
FROM spans AS s
GROUP BY s.parts
UNION ALL
SELECT ARRAY['case'], ARRAY['case']::text, 'expected', 0, 0, NULL, ARRAY[e.median, e.p90]
FROM expected AS e
