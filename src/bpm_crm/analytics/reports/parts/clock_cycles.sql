cycles AS (
    -- Each cycle of each clock as its last event left it; events are told by when they happened and were recorded. `worked`: the
    -- business seconds that a closed one took, and the target of an open one.
    SELECT DISTINCT ON (h.instance_id, e.clock, e.cycle)
        h.instance_id, h.sequence, h.version, e.clock, e.state, e.open AS is_open,
        timestamptz 'epoch' + e.due * interval '1 microsecond' AS due_at,
        CASE WHEN e.open THEN max(e.budget) OVER (PARTITION BY h.instance_id, e.clock, e.cycle) ELSE e.elapsed END / 1e6::float8
            AS worked
    FROM history AS h
    CROSS JOIN LATERAL ROWS FROM (
        jsonb_to_recordset(h.clocks) AS
            (clock text, cycle int, at bigint, state text, open boolean, due bigint, budget bigint, elapsed bigint)
    ) WITH ORDINALITY AS e (clock, cycle, at, state, open, due, budget, elapsed, position)
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.clocks IS NOT NULL
      AND h.recorded_at <= :known_at::timestamptz
      AND timestamptz 'epoch' + e.at * interval '1 microsecond' <= :as_of::timestamptz
    ORDER BY h.instance_id, e.clock, e.cycle, h.sequence DESC, e.position DESC
)
