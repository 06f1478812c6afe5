starting AS (
    -- The cases begun in the period, found by their first step.
    {begun}
)
