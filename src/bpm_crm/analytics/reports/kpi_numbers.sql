-- The numbers of a KPI in each segment and (segment null) in all: how many units each counts, and what they add up to.
SELECT
    n.segment, n.number, count(*) AS units, coalesce(sum(n.amount), 0) AS amount,
    coalesce(sum(1 / nullif(n.amount, 0)), 0) AS inverse, min(n.amount) AS least, max(n.amount) AS most
FROM members AS n
GROUP BY GROUPING SETS ((n.number), (n.segment, n.number))
