unmapped AS (
    -- Steps that a version does not have.
    SELECT u.definition_id, u.version, u.step
    FROM unnest(:unmapped_definitions::uuid[], :unmapped_versions::int[], :unmapped_steps::int[])
        AS u (definition_id, version, step)
)
