asked AS (
    -- The instants asked for, for filters and segments.
    SELECT :as_of::timestamptz AS as_of, :known_at::timestamptz AS known_at
),
product_fields AS (
    -- The data field that holds the product of the deal, by version, for the same.
    SELECT f.definition_id, f.version, f.field
    FROM unnest(:product_definitions::uuid[], :product_versions::int[], :product_fields::text[])
        AS f (definition_id, version, field)
)
