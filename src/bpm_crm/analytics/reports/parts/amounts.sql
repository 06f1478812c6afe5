amounts AS (
    -- The amount of the deal of each case, as known by then.
    SELECT
        c.instance_id,
        (
            {known_amount}
        ) AS amount
    FROM cases AS c
)
