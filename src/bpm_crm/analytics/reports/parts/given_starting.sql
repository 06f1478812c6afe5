starting AS (
    -- Cases by id, in place of those that a period chooses.
    SELECT g.instance_id FROM unnest(:cases::uuid[]) AS g (instance_id)
)
