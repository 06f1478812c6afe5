-- The numbers of each step in each segment.
SELECT m.step, m.segment, m.number, count(*) AS cases, sum(m.visits)::bigint AS visits
FROM members AS m
GROUP BY m.step, m.segment, m.number
