-- The figures of each checkpoint and segment.
SELECT
    coalesce(m.step, a.step) AS step, coalesce(m.segment, a.segment) AS segment,
    m.started, m.reached, m.actions, m.mean, m.seconds, e.median, e.p90,
    a.met, a.breached, a.overdue, a.not_yet_due, a.cancelled
FROM measured AS m
LEFT JOIN expected AS e ON e.step = m.step AND e.segment = m.segment
FULL JOIN attained AS a ON a.step = m.step AND a.segment = m.segment
