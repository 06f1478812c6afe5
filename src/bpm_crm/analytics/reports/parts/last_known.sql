-- Where a case belongs and whether it counts, as last known; whose it was, and of which version, at the instant looked at.
SELECT at_that_time.version, at_that_time.owner_id, at_that_time.team_id, latest.channel_id, latest.campaign_id, latest.region, latest.exclusion
FROM (
    SELECT h.occurred_at, h.version, h.owner_id, h.team_id, h.channel_id, h.campaign_id, h.region, h.exclusion
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.instance_id = i.id AND h.recorded_at <= :known_at::timestamptz
    ORDER BY h.sequence DESC
    LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    SELECT latest.version, latest.owner_id, latest.team_id
    WHERE latest.occurred_at <= :as_of::timestamptz
    UNION ALL
    SELECT earlier.*
    FROM (SELECT WHERE latest.occurred_at > :as_of::timestamptz) AS happened_since
    CROSS JOIN LATERAL (
        SELECT h.version, h.owner_id, h.team_id
        FROM history AS h
        WHERE h.tenant_id = $1 AND h.instance_id = i.id
          AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
        ORDER BY h.sequence DESC
        LIMIT 1
    ) AS earlier
) AS at_that_time
