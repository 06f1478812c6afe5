, spells AS (
    -- How long each case of a row was seen on its way to the step, and how that ended: there, somewhere else for good, or not yet.
    SELECT s.step, m.segment, m.waited, m.number = 'reached' AS is_reached, m.number <> 'open' AS is_settled
    FROM members AS m
    JOIN steps AS s ON s.step BETWEEN m.step AND m.through
    WHERE m.number IN ('reached', 'lost', 'missed', 'open')
),
moments AS (
    -- After each length of waiting, in each segment and (segment null) in all: how many got there just then, were settled, were last seen.
    SELECT
        w.step, w.segment, w.waited,
        count(*) FILTER (WHERE w.is_reached)::float8 AS reached,
        count(*) FILTER (WHERE w.is_settled)::float8 AS settled,
        count(*)::float8 AS seen
    FROM spells AS w
    GROUP BY GROUPING SETS ((w.step, w.waited), (w.step, w.segment, w.waited))
),
risks AS (
    SELECT m.*, sum(m.seen) OVER (PARTITION BY m.step, m.segment ORDER BY m.waited DESC) AS at_risk
    FROM moments AS m
),
survival AS (
    -- The share that is not settled just before each length.
    SELECT
        r.*,
        coalesce(exp(sum(CASE WHEN r.settled < r.at_risk THEN ln(1 - r.settled / r.at_risk) END) OVER (
            PARTITION BY r.step, r.segment ORDER BY r.waited ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )), 1) AS waiting
    FROM risks AS r
),
incidence AS (
    -- Aalen-Johansen: the share that got there by each length, where those settled otherwise compete and those not seen on are censored.
    SELECT
        v.*, sum(v.waiting * v.reached / v.at_risk) OVER (PARTITION BY v.step, v.segment ORDER BY v.waited) AS share
    FROM survival AS v
),
totals AS (
    SELECT i.*, max(i.share) OVER (PARTITION BY i.step, i.segment) AS eventual FROM incidence AS i
)
-- The eventual rate of each step in each segment and (segment null) in all, with its variance by the delta method.
SELECT
    t.step, t.segment, max(t.share) AS rate,
    sum(
        CASE WHEN t.settled < t.at_risk
            THEN (t.eventual - t.share) ^ 2 * t.settled / (t.at_risk * (t.at_risk - t.settled)) ELSE 0 END
        + t.waiting ^ 2 * t.reached * (t.at_risk - t.reached) / t.at_risk ^ 3
        - 2 * (t.eventual - t.share) * t.waiting * t.reached / t.at_risk ^ 2
    ) AS variance,
    sum(t.seen)::bigint AS cases, sum(t.settled)::bigint AS settled
FROM totals AS t
GROUP BY t.step, t.segment
