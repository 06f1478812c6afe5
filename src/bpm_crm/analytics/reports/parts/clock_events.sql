clock_events AS (
    -- Each warning, breach and escalation that fell into the period and was not withdrawn: the last word on it counts.
    SELECT l.*
    FROM clocked AS w
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (e.clock, e.cycle, coalesce(e.withdrawn, e.event), coalesce(e.step, 0))
            h.instance_id, h.sequence, e.clock, e.event, timestamptz 'epoch' + e.at * interval '1 microsecond' AS happened_at
        FROM history AS h
        CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(h.clocks) AS (clock text, cycle int, at bigint, event text, withdrawn text, step int)
        ) WITH ORDINALITY AS e (clock, cycle, at, event, withdrawn, step, position)
        WHERE h.tenant_id = $1 AND h.instance_id = w.instance_id AND h.clocks IS NOT NULL AND h.recorded_at <= :known_at::timestamptz
          AND coalesce(e.withdrawn, e.event) IN ('warned', 'breached', 'escalated')
          AND timestamptz 'epoch' + e.at * interval '1 microsecond' <= :as_of::timestamptz
        ORDER BY e.clock, e.cycle, coalesce(e.withdrawn, e.event), coalesce(e.step, 0), h.sequence DESC, e.position DESC
    ) AS l
    WHERE l.event <> 'withdrawn' AND l.happened_at >= :since::timestamptz AND l.happened_at < :until::timestamptz
),
candidates AS (
    -- Each case with its events side by side: put beside the cases again, they might be searched for each of them.
    SELECT
        e.instance_id, array_agg(e.sequence) AS sequences, array_agg(e.clock) AS clocks, array_agg(e.event) AS events,
        array_agg(e.happened_at) AS instants
    FROM clock_events AS e
    GROUP BY e.instance_id
)
