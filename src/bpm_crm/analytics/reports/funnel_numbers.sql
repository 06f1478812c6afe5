-- The numbers of a funnel, for each segment and in total (segment null).
SELECT
    n.step, n.segment, n.number,
    count(*) AS cases,
    coalesce(sum(n.visits), 0)::bigint AS visits,
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY n.seconds) AS seconds
FROM members AS n
GROUP BY GROUPING SETS ((n.step, n.number), (n.step, n.segment, n.number))
