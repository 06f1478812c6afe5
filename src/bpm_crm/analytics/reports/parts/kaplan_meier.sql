moments AS (
    -- After each length, of each measure in each step and cell: how many were seen to end just then, how many were seen so long.
    SELECT
        o.measure, o.step, o.cell, o.seconds,
        count(*) FILTER (WHERE o.is_seen)::float8 AS events,
        (sum(count(*)) OVER (PARTITION BY o.measure, o.step, o.cell)
            - sum(count(*)) OVER (PARTITION BY o.measure, o.step, o.cell ORDER BY o.seconds) + count(*))::float8 AS at_risk
    FROM observed AS o
    GROUP BY o.measure, o.step, o.cell, o.seconds
),
survival AS (
    -- Kaplan-Meier: the share that goes on after each length, and the sum of Greenwood's formula for its variance.
    SELECT
        m.measure, m.step, m.cell, m.seconds, m.at_risk,
        exp(sum(CASE WHEN m.events = m.at_risk THEN '-Infinity'::float8 ELSE ln(1 - m.events / m.at_risk) END) OVER lengths)
            AS waiting,
        sum(CASE WHEN m.events = m.at_risk THEN 'Infinity'::float8 ELSE m.events / (m.at_risk * (m.at_risk - m.events)) END)
            OVER lengths AS greenwood
    FROM moments AS m
    WINDOW lengths AS (PARTITION BY m.measure, m.step, m.cell ORDER BY m.seconds)
),
bands AS (
    -- The share with its 95 % interval on the log-log scale; where nothing is left, the exact end for none of those at risk.
    SELECT
        v.*,
        CASE WHEN v.waiting = 0 THEN 0 WHEN v.greenwood = 0 THEN 1
            ELSE exp(ln(v.waiting) * exp(least(-1.959963984540054 * sqrt(v.greenwood) / ln(v.waiting), 700))) END AS lower,
        CASE
            WHEN v.waiting = 0
                THEN coalesce(lag(v.waiting) OVER (PARTITION BY v.measure, v.step, v.cell ORDER BY v.seconds), 1)
                    * (1 - 0.025::float8 ^ (1 / v.at_risk))
            WHEN v.greenwood = 0 THEN 1
            ELSE exp(ln(v.waiting) * exp(1.959963984540054 * sqrt(v.greenwood) / ln(v.waiting))) END AS upper
    FROM survival AS v
),
expected AS (
    -- The lengths after which half, and nine tenths, have ended, each with its interval (Brookmeyer and Crowley); null: not seen.
    SELECT
        b.measure, b.step, b.cell,
        min(b.seconds) FILTER (WHERE b.waiting <= 0.5 + 1e-9) AS median,
        min(b.seconds) FILTER (WHERE b.lower <= 0.5 + 1e-9) AS median_from,
        min(b.seconds) FILTER (WHERE b.upper <= 0.5 + 1e-9) AS median_to,
        min(b.seconds) FILTER (WHERE b.waiting <= 0.1 + 1e-9) AS p90,
        min(b.seconds) FILTER (WHERE b.lower <= 0.1 + 1e-9) AS p90_from,
        min(b.seconds) FILTER (WHERE b.upper <= 0.1 + 1e-9) AS p90_to
    FROM bands AS b
    GROUP BY b.measure, b.step, b.cell
)
