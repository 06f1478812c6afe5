walks AS (
    -- The touches of each unit in the order of happening, side by side.
    SELECT
        t.unit_id,
        array_agg(t.step ORDER BY t.occurred_at, t.sequence, t.instance_id, t.step) AS steps,
        array_agg(t.instance_id ORDER BY t.occurred_at, t.sequence, t.instance_id, t.step) AS instances,
        array_agg(t.occurred_at ORDER BY t.occurred_at, t.sequence, t.instance_id, t.step) AS instants,
        array_agg(t.is_forced ORDER BY t.occurred_at, t.sequence, t.instance_id, t.step) AS are_forced,
        array_agg(t.visits ORDER BY t.occurred_at, t.sequence, t.instance_id, t.step) AS visits,
        array_agg(t.segment::text ORDER BY t.occurred_at, t.sequence, t.instance_id, t.step) AS segments
    FROM touches AS t
    GROUP BY t.unit_id
),
arrivals AS (
    -- When each unit reached each step: its first touch of the step after it had reached the step before.
    SELECT
        w.unit_id, c.instance_id, p.step, w.instants[p.place] AS occurred_at, w.are_forced[p.place] AS is_forced,
        w.segments[p.place]::text[] AS segment, c.definition_id, c.version, c.started_at, c.moved_at, c.outcome,
        w.visits[p.place] AS visits
    FROM walks AS w
    CROSS JOIN LATERAL (
        WITH RECURSIVE climb (step, place) AS (
            SELECT 1, array_position(w.steps, 1)
            UNION ALL
            SELECT c.step + 1, array_position(w.steps, c.step + 1, c.place)
            FROM climb AS c
            WHERE c.place IS NOT NULL
        )
        SELECT c.step, c.place FROM climb AS c WHERE c.place IS NOT NULL
    ) AS p
    JOIN units AS c ON c.instance_id = w.instances[p.place]
)
