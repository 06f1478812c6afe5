-- When the first of the given cases began.
SELECT min(i.started_at) AS started_at
FROM unnest(:cases::uuid[]) AS g (instance_id)
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = g.instance_id
