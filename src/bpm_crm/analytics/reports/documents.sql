-- Published documents of processes.
SELECT v.definition_id, v.version, v.document
FROM unnest(:definitions::uuid[], :versions::int[]) AS w (definition_id, version)
JOIN process_version AS v ON v.tenant_id = $1 AND v.definition_id = w.definition_id AND v.version = w.version
