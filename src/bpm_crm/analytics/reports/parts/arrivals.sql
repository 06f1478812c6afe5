arrivals AS (
    -- The first touch of each step by each case.
    SELECT DISTINCT ON (t.instance_id, t.step) t.instance_id, t.step, t.occurred_at, t.is_forced, t.visits, t.segment
    FROM touches AS t
    ORDER BY t.instance_id, t.step, t.occurred_at, t.sequence
)
