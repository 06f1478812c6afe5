asked AS (
    -- The instants asked for, for filters and segments.
    SELECT :as_of::timestamptz AS as_of, :known_at::timestamptz AS known_at
),
product_fields AS (
    -- The data field that holds the product of the deal, by version, for the same.
    SELECT f.definition_id, f.version, f.field
    FROM unnest(:product_definitions::uuid[], :product_versions::int[], :product_fields::text[])
        AS f (definition_id, version, field)
),
cases AS MATERIALIZED (
    -- The candidates inside the filter that figures count: as last known, with the step that brought them where they stood.
    -- In the order of their ids: cases of the same time lie near each other.
    SELECT
        candidate.*, i.definition_id, i.deal_id, i.customer_id, i.started_at,
        k.version, k.owner_id, k.team_id, k.channel_id, k.campaign_id, k.region,
        m.sequence AS moved_sequence, m.occurred_at AS moved_at, m.to_stage AS stage, m.outcome, m.reason AS moved_reason
    FROM (SELECT * FROM candidates ORDER BY instance_id) AS candidate
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = candidate.instance_id
    {standing}
    WHERE i.definition_id = ANY (:definitions::uuid[]) AND k.exclusion IS NULL AND ({filter})
)
