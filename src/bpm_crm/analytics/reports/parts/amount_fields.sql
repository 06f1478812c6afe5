amount_fields AS (
    -- The data field that holds the amount of the deal, by version.
    SELECT f.definition_id, f.version, f.field
    FROM unnest(:amount_definitions::uuid[], :amount_versions::int[], :amount_fields::text[])
        AS f (definition_id, version, field)
)
