-- The parts of published versions that figures read.
SELECT
    d.id AS definition_id,
    d.key AS process,
    v.version,
    (v.document -> 'checkpoints')::jsonb AS checkpoints,
    (v.document -> 'stages')::jsonb AS stages,
    (v.document -> 'clocks')::jsonb AS clocks,
    (v.document -> 'reasons')::jsonb AS reasons,
    (v.document -> 'fields')::jsonb AS fields,
    (v.document -> 'transitions')::jsonb AS transitions,
    (v.document -> 'activities')::jsonb AS activities,
    v.document ->> 'key_stage' AS key_stage
FROM unnest(:definitions::uuid[], :versions::int[]) AS w (definition_id, version)
JOIN process_definition AS d ON d.tenant_id = $1 AND d.id = w.definition_id
JOIN process_version AS v ON v.tenant_id = $1 AND v.definition_id = w.definition_id AND v.version = w.version
