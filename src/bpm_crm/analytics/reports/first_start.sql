-- When the first case of these processes began.
SELECT min(i.started_at) AS started_at FROM process_instance AS i WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[])
