candidates AS (
    -- Cases that touched an entrance in the period: no others can have entered in it.
    {touched}
)
