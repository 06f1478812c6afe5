{asked},
cases AS MATERIALIZED (
    -- The candidates inside the filter that figures count: as last known, with when and how they came where they stood.
    -- In the order of their ids: cases of the same time lie near each other.
    SELECT
        candidate.*, i.definition_id, i.deal_id, i.customer_id, i.started_at,
        k.version, k.owner_id, k.team_id, k.channel_id, k.campaign_id, k.region,
        m.occurred_at AS moved_at, m.to_stage AS stage, m.outcome, m.reason AS moved_reason
    FROM (SELECT * FROM candidates ORDER BY instance_id) AS candidate
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = candidate.instance_id
    {standing}
    WHERE i.definition_id = ANY (:definitions::uuid[]) AND k.exclusion IS NULL AND ({filter})
)
