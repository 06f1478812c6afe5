SELECT h.version, h.owner_id, h.team_id, h.channel_id, h.campaign_id, h.region, h.exclusion
FROM history AS h
WHERE h.tenant_id = $1 AND h.instance_id = i.id AND h.recorded_at <= :known_at::timestamptz
ORDER BY h.sequence DESC
LIMIT 1
