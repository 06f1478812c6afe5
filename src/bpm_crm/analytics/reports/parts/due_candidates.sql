candidates AS (
    -- Each case with its due cycles side by side: put beside the cases again, they might be searched for each of them.
    SELECT
        y.instance_id, array_agg(y.sequence) AS sequences, array_agg(y.clock) AS clocks, array_agg(y.verdict) AS verdicts,
        array_agg(y.is_open) AS are_open, array_agg(y.worked) AS worked, array_agg(y.due_at) AS due_instants
    FROM due_cycles AS y
    GROUP BY y.instance_id
)
