-- The cases begun in each week.
SELECT w.place, array_agg(i.id) AS cases
FROM unnest(:places::int[], :begins::timestamptz[], :ends::timestamptz[]) AS w (place, since, until)
JOIN process_instance AS i ON i.started_at >= w.since AND i.started_at < w.until
WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[])
GROUP BY w.place
