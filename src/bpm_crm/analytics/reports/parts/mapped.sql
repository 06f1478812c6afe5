mapped AS (
    -- Which versions have which steps.
    SELECT v.definition_id, v.version, v.step
    FROM unnest(:mapped_definitions::uuid[], :mapped_versions::int[], :mapped_steps::int[])
        AS v (definition_id, version, step)
)
