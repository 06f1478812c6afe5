clocked AS (
    -- The cases whose clocks are looked at: those that count.
    SELECT c.instance_id FROM cases AS c
)
