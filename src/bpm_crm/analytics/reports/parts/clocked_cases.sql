clocked AS (
    -- The steps of the cases that their clocks tell of.
    SELECT s.*
    FROM cases AS w
    CROSS JOIN LATERAL (
        {clocked_steps}
    ) AS s
)
