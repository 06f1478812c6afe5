, counted AS (
    SELECT m.step, m.through, m.segment, m.number, count(*) AS cases, sum(m.visits) AS visits
    FROM members AS m
    GROUP BY m.step, m.through, m.segment, m.number
),
lasted AS (
    -- How long it took from the step before, in each segment and (segment null) in all.
    SELECT m.step, m.segment, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY m.seconds) AS seconds
    FROM members AS m
    WHERE m.seconds IS NOT NULL
    GROUP BY GROUPING SETS ((m.step), (m.step, m.segment))
)
-- The numbers of a funnel in each segment and (segment null) in all.
SELECT s.step, n.segment, n.number, sum(n.cases)::bigint AS cases, coalesce(sum(n.visits), 0)::bigint AS visits, NULL::float8[] AS seconds
FROM counted AS n
JOIN steps AS s ON s.step BETWEEN n.step AND n.through
GROUP BY GROUPING SETS ((s.step, n.number), (s.step, n.segment, n.number))
UNION ALL
SELECT l.step, l.segment, 'seconds', 0, 0, l.seconds
FROM lasted AS l
