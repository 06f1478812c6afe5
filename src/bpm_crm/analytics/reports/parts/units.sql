units AS (
    -- What is counted once: a case.
    SELECT c.*, c.instance_id AS unit_id FROM cases AS c
)
