arrivals AS (
    -- When each case reached each step: its first touch of the step or of a later one.
    SELECT DISTINCT ON (t.unit_id, s.step)
        t.unit_id, t.instance_id, s.step, t.occurred_at, t.sequence, t.is_forced, t.segment, t.definition_id, t.version, t.started_at, t.moved_at, t.outcome,
        max(CASE WHEN t.step = s.step THEN t.visits ELSE 0 END) OVER (PARTITION BY t.unit_id, s.step) AS visits
    FROM touches AS t
    JOIN steps AS s ON s.step <= t.step
    WHERE t.touch = 1
    ORDER BY t.unit_id, s.step, t.occurred_at, t.sequence, t.instance_id
)
