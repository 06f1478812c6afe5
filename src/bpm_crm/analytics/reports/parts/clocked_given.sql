clocked AS (
    -- The steps of the given cases that their clocks tell of.
    SELECT s.*
    FROM unnest(:cases::uuid[]) AS w (instance_id)
    CROSS JOIN LATERAL (
        {clocked_steps}
    ) AS s
)
