, observed AS (
    -- The first, the latest and all visits together, each in calendar, business and active seconds.
    SELECT v.visit || '/' || t.unit AS measure, s.stage AS step, s.cell, t.seconds, NOT v.is_open AS is_seen
    FROM stays AS s
    CROSS JOIN LATERAL (VALUES
        ('first', s.is_open, s.calendar, s.business, s.active, s.place = 1),
        ('latest', s.is_open, s.calendar, s.business, s.active, s.place = s.visits),
        ('cumulative', s.is_any_open, s.all_calendar, s.all_business, s.all_active, s.place = 1)
    ) AS v (visit, is_open, calendar, business, active, is_counted)
    CROSS JOIN LATERAL (VALUES ('calendar', v.calendar), ('business', v.business), ('active', v.active)) AS t (unit, seconds)
    WHERE v.is_counted
),
{kaplan_meier},
completed AS (
    SELECT
        o.measure, o.step, o.cell, count(*) AS cases, count(*) FILTER (WHERE NOT o.is_seen) AS open,
        avg(o.seconds) FILTER (WHERE o.is_seen) AS mean
    FROM observed AS o
    GROUP BY o.measure, o.step, o.cell
),
counted AS (
    SELECT m.step, m.cell, m.segment, jsonb_object_agg(m.number, m.cases) AS counts
    FROM (
        SELECT m.step, m.cell, m.segment, m.number, count(*) AS cases
        FROM members AS m
        GROUP BY m.step, m.cell, m.segment, m.number
    ) AS m
    GROUP BY m.step, m.cell, m.segment
)
-- The times of each stage in each segment, by measure, beside its numbers.
SELECT
    n.step AS stage, n.segment, n.counts, e.measure, c.cases, c.open, c.mean,
    e.median, e.median_from, e.median_to, e.p90, e.p90_from, e.p90_to
FROM counted AS n
JOIN completed AS c ON c.step = n.step AND c.cell = n.cell
JOIN expected AS e ON e.measure = c.measure AND e.step = c.step AND e.cell = c.cell
