-- The figures of each checkpoint and segment.
SELECT
    coalesce(m.step, a.step) AS step, coalesce(m.segment, a.segment) AS segment,
    m.started, m.reached, m.actions, m.mean, m.seconds, m.worked, m.median, m.p90,
    a.met, a.breached, a.overdue, a.not_yet_due, a.cancelled, a.clock_median, a.clock_p90
FROM (
    SELECT n.step, c.segment, n.started, n.reached, n.actions, l.mean, l.seconds, l.worked, e.median, e.p90
    FROM measured AS n
    JOIN cells AS c ON c.cell = n.cell
    LEFT JOIN expected AS e ON e.measure = 'wait' AND e.step = n.step AND e.cell = n.cell
    LEFT JOIN lasted AS l ON l.step = n.step AND l.cell = n.cell
) AS m
FULL JOIN (
    SELECT t.*, e.median AS clock_median, e.p90 AS clock_p90
    FROM attained AS t
    LEFT JOIN expected AS e ON e.measure = 'clock' AND e.step = t.step AND e.cell = t.cell
) AS a ON a.step = m.step AND a.segment = m.segment
