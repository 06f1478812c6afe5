page_bound AS (
    -- How far this page looked, whatever of it is counted.
    SELECT (array_agg(p.instance_id ORDER BY p.instance_id DESC))[1] AS last_id, count(*) AS scanned FROM candidates AS p
)
