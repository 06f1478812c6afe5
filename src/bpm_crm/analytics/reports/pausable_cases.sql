-- Those of the given cases that run under some versions.
SELECT i.id
FROM unnest(:cases::uuid[]) AS g (instance_id)
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = g.instance_id
WHERE (i.ended_at IS NULL OR i.ended_at > :as_of::timestamptz) AND (i.definition_id, i.version) IN (
    SELECT d.definition_id, d.version
    FROM unnest(:wanted_definitions::uuid[], :wanted_versions::int[]) AS d (definition_id, version)
)
