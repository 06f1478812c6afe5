, spans AS (
    SELECT m.segment, m.seconds, m.is_seen, dense_rank() OVER (ORDER BY m.segment) AS cell
    FROM members AS m
    WHERE m.number = 'denominator'
),
observed AS (
    -- Each length in its segment and (cell 0) in all.
    SELECT 'span' AS measure, 1 AS step, a.cell, s.seconds, s.is_seen
    FROM spans AS s
    CROSS JOIN LATERAL (VALUES (s.cell), (0)) AS a (cell)
),
{kaplan_meier},
counted AS (
    SELECT coalesce(s.cell, 0) AS cell, s.segment, count(*) AS units, count(*) FILTER (WHERE s.is_seen) AS seen
    FROM spans AS s
    GROUP BY GROUPING SETS ((), (s.cell, s.segment))
)
-- Durations in each segment and (segment null) in all: quantiles, null where not seen; the interval of the median by Brookmeyer and Crowley.
SELECT c.segment, c.units, c.seen, e.median, e.p90, e.median_from AS earliest, e.median_to AS latest
FROM counted AS c
JOIN expected AS e ON e.cell = c.cell
