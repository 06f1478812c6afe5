buyers AS (
    -- The customers with a case that was won in the period before.
    SELECT DISTINCT w.customer_id
    FROM (
        {won_cases}
    ) AS w
    WHERE w.won_at >= :before::timestamptz AND w.won_at < :since::timestamptz
    ORDER BY w.customer_id
)
