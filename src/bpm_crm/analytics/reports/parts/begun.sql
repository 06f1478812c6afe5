SELECT h.instance_id
FROM history AS h
WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.sequence = 1
  AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
