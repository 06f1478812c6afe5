key_stages AS (
    -- The stage on which each version turns.
    SELECT k.definition_id, k.version, k.stage
    FROM unnest(:key_stage_definitions::uuid[], :key_stage_versions::int[], :key_stage_stages::text[])
        AS k (definition_id, version, stage)
)
