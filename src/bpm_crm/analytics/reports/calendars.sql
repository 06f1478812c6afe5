-- The business calendar of each process, of its newest version among those asked about.
SELECT DISTINCT ON (v.definition_id) v.definition_id, v.document -> 'calendar' AS calendar
FROM process_version AS v
JOIN unnest(:definitions::uuid[], :versions::int[]) AS w (definition_id, version)
  ON w.definition_id = v.definition_id AND w.version = v.version
WHERE v.tenant_id = $1
ORDER BY v.definition_id, v.version DESC
