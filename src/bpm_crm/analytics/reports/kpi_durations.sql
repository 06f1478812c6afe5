, moments AS (
    -- After each length, in each segment and (segment null) in all: how many ended just then, how many were seen to last so long.
    SELECT
        m.segment, m.seconds, count(*) FILTER (WHERE m.is_seen)::float8 AS events, count(*)::float8 AS lasting
    FROM members AS m
    WHERE m.number = 'denominator'
    GROUP BY GROUPING SETS ((m.seconds), (m.segment, m.seconds))
),
risks AS (
    SELECT m.*, sum(m.lasting) OVER (PARTITION BY m.segment ORDER BY m.seconds DESC) AS at_risk FROM moments AS m
),
survival AS (
    -- Kaplan-Meier: the share that lasts longer than each length, with the sum of Greenwood's formula.
    SELECT
        r.segment, r.seconds, r.events, r.lasting,
        exp(sum(CASE WHEN r.events = r.at_risk THEN '-Infinity'::float8 ELSE ln(1 - r.events / r.at_risk) END) OVER spell) AS lasts,
        sum(CASE WHEN r.events < r.at_risk THEN r.events / (r.at_risk * (r.at_risk - r.events)) END) OVER spell AS spread
    FROM risks AS r
    WINDOW spell AS (PARTITION BY r.segment ORDER BY r.seconds)
),
bounded AS (
    -- The 95 % band of the survival on the scale log(-log): none before the first event, nor after the last survivor.
    SELECT
        s.*,
        CASE WHEN b.is_inner THEN exp(ln(s.lasts) * exp(1.959963984540054 * sqrt(s.spread) / -ln(s.lasts))) END AS lower,
        CASE WHEN b.is_inner THEN exp(ln(s.lasts) * exp(-1.959963984540054 * sqrt(s.spread) / -ln(s.lasts))) END AS upper
    FROM survival AS s
    CROSS JOIN LATERAL (SELECT s.lasts > 1e-12 AND s.lasts < 1 - 1e-12 AND s.spread > 0 AS is_inner) AS b
)
-- Durations in each segment and (segment null) in all: quantiles, null where not seen; the interval of the median by Brookmeyer and Crowley.
SELECT
    v.segment,
    sum(v.lasting)::bigint AS units, sum(v.events)::bigint AS seen,
    min(v.seconds) FILTER (WHERE v.lasts <= 0.5 + 1e-9) AS median,
    min(v.seconds) FILTER (WHERE v.lasts <= 0.1 + 1e-9) AS p90,
    min(v.seconds) FILTER (WHERE v.lower <= 0.5 OR v.lasts <= 1e-12) AS earliest,
    min(v.seconds) FILTER (WHERE v.upper <= 0.5) AS latest
FROM bounded AS v
GROUP BY v.segment
