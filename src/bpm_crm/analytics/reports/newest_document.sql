-- The newest version of a process, as far as it was known.
SELECT v.definition_id, v.version, v.document
FROM process_version AS v
WHERE v.tenant_id = $1 AND v.definition_id = :definition::uuid AND v.version = :version::int
