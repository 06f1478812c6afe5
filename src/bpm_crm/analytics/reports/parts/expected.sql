moments AS (
    -- After each length of waiting: to how many the awaited happened just then, how many were seen to wait so long.
    SELECT
        w.step, w.cell, w.seconds,
        count(*) FILTER (WHERE w.is_reached) AS events,
        sum(count(*)) OVER (PARTITION BY w.step, w.cell)
            - sum(count(*)) OVER (PARTITION BY w.step, w.cell ORDER BY w.seconds) + count(*) AS at_risk
    FROM waits AS w
    GROUP BY w.step, w.cell, w.seconds
),
survival AS (
    -- Kaplan-Meier: the share still waiting after each length.
    SELECT
        m.step, m.cell, m.seconds,
        exp(sum(CASE WHEN m.events = m.at_risk THEN '-Infinity'::float8 ELSE ln((1 - m.events / m.at_risk)::float8) END)
            OVER (PARTITION BY m.step, m.cell ORDER BY m.seconds)) AS waiting
    FROM moments AS m
),
expected AS (
    -- The lengths after which half, and nine tenths, have seen the awaited happen; null where that was not seen.
    SELECT
        v.step, v.cell,
        min(v.seconds) FILTER (WHERE v.waiting <= 0.5 + 1e-9) AS median,
        min(v.seconds) FILTER (WHERE v.waiting <= 0.1 + 1e-9) AS p90
    FROM survival AS v
    GROUP BY v.step, v.cell
)
