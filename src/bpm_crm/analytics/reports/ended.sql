-- How many cases stood in each end of their process.
WITH
{present_cases},
{cases}
SELECT c.stage, count(*) AS cases
FROM cases AS c
WHERE c.outcome IS NOT NULL
GROUP BY c.stage
