SELECT h.instance_id, h.sequence, h.definition_id, h.version, h.clocks
FROM history AS h
WHERE h.tenant_id = $1 AND h.instance_id = w.instance_id AND h.clocks IS NOT NULL AND h.recorded_at <= :known_at::timestamptz
OFFSET 0  -- case by case: the planner takes a case for longer than it is, and would read all of history
