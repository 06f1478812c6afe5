clocked AS (
    -- The cases whose clocks are looked at: those given.
    SELECT g.instance_id FROM unnest(:cases::uuid[]) AS g (instance_id)
)
