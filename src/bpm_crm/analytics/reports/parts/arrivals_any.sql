arrivals AS (
    -- When each case reached each step: its first touch.
    SELECT * FROM touches AS t WHERE t.touch = 1
)
