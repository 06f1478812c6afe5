cases AS MATERIALIZED (
    -- The candidates inside the filter that figures count: as last known, with the step that brought them where they stood.
    SELECT
        candidate.*, i.definition_id, i.deal_id, i.customer_id, i.started_at,
        k.version, k.owner_id, k.team_id, k.channel_id, k.campaign_id, k.region,
        m.sequence AS moved_sequence, m.occurred_at AS moved_at, m.to_stage AS stage, m.outcome, m.reason AS moved_reason
    FROM candidates AS candidate
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = candidate.instance_id
    CROSS JOIN LATERAL (
        SELECT h.version, h.owner_id, h.team_id, h.channel_id, h.campaign_id, h.region, h.exclusion
        FROM history AS h
        WHERE h.tenant_id = $1 AND h.instance_id = i.id AND h.recorded_at <= :known_at::timestamptz
        ORDER BY h.sequence DESC
        LIMIT 1
    ) AS k
    CROSS JOIN LATERAL (
        SELECT h.sequence, h.occurred_at, h.to_stage, h.outcome, h.reason
        FROM history AS h
        WHERE h.tenant_id = $1 AND h.instance_id = i.id AND h.to_stage IS NOT NULL
          AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
        ORDER BY h.sequence DESC
        LIMIT 1
    ) AS m
    WHERE i.definition_id = ANY (:definitions::uuid[]) AND k.exclusion IS NULL AND ({filter})
)
