-- Event log: one page of the cases begun in the period, in the order of their ids, with their events in the order of happening.
WITH
candidates AS (
    SELECT i.id AS instance_id
    FROM process_instance AS i
    WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[])
      AND i.started_at >= :since::timestamptz AND i.started_at < :until::timestamptz
      AND (:after::uuid IS NULL OR i.id > :after::uuid)
    ORDER BY i.id
    LIMIT :most::int
),
{page_bound},
{cases},
{recorded},
{happenings}
SELECT
    b.last_id, b.scanned,
    c.instance_id, c.version, c.deal_id, c.started_at, coalesce(c.outcome, 'running') AS status,
    c.owner_id, c.channel_id, c.campaign_id, c.region,
    i.external_id, i.customer_id, d.key AS deal_key,
    f.data AS first_data,
    p.sequence, p.event, p.occurred_at, p.performer, p.reason, p.kind, p.data, p.team_id
FROM page_bound AS b
LEFT JOIN cases AS c ON true
LEFT JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = c.instance_id
LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = c.deal_id
LEFT JOIN history AS f ON f.tenant_id = $1 AND f.instance_id = c.instance_id AND f.sequence = 1
LEFT JOIN happenings AS p ON p.instance_id = c.instance_id
ORDER BY c.instance_id, p.occurred_at, p.sequence, p.position
