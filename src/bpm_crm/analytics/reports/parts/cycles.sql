cycles AS MATERIALIZED (
    -- Each cycle of each clock as its last event left it; events are told by when they happened and were recorded. `begun` is the
    -- step that began it, `worked` the business seconds that a closed one took, and the target of an open one. Case by case: to sort the
    -- events of all cases together takes three times as long.
    SELECT y.*
    FROM clocked AS w
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (e.clock, e.cycle)
            h.instance_id, h.sequence, h.definition_id, h.version, e.clock, e.state, e.open AS is_open,
            timestamptz 'epoch' + e.due * interval '1 microsecond' AS due_at,
            min(h.sequence) OVER (PARTITION BY e.clock, e.cycle) AS begun,
            CASE WHEN e.open THEN first_value(e.budget) OVER budgets ELSE e.elapsed END / 1e6::float8 AS worked
        FROM history AS h
        CROSS JOIN LATERAL ROWS FROM (
            jsonb_to_recordset(h.clocks) AS
                (clock text, cycle int, at bigint, state text, open boolean, due bigint, budget bigint, elapsed bigint)
        ) WITH ORDINALITY AS e (clock, cycle, at, state, open, due, budget, elapsed, position)
        WHERE h.tenant_id = $1 AND h.instance_id = w.instance_id AND h.clocks IS NOT NULL AND h.recorded_at <= :known_at::timestamptz
          AND timestamptz 'epoch' + e.at * interval '1 microsecond' <= :as_of::timestamptz
        WINDOW budgets AS (PARTITION BY e.clock, e.cycle ORDER BY e.budget IS NULL, h.sequence DESC, e.position DESC)
        ORDER BY e.clock, e.cycle, h.sequence DESC, e.position DESC
    ) AS y
)
