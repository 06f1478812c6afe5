candidates AS (
    -- The cases that may have been open at the instant looked at: begun by then, and open now, ended later, or with an end that was
    -- recorded since.
    SELECT o.instance_id
    FROM (
        {open_then}
    ) AS o
)
