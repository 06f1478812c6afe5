-- Cases for a table: what each is about, where it stood at the instant asked for, and how it ended.
WITH
candidates AS (
    SELECT w.instance_id FROM unnest(:instances::uuid[]) AS w (instance_id)
),
{cases},
{amount_fields}
SELECT
    c.instance_id, c.definition_id, c.version, c.channel_id, c.campaign_id, c.region, c.owner_id, c.team_id,
    c.stage, c.outcome, c.started_at, c.moved_at, h.reason, i.external_id, d.key AS deal_key, d.title, a.amount, d.currency,
    cu.name AS customer_name, cu.phone AS customer_phone, cu.email AS customer_email
FROM cases AS c
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = c.instance_id
JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.sequence = c.moved_sequence
LEFT JOIN LATERAL (
    {known_amount}
) AS a (amount) ON true
LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = i.deal_id
LEFT JOIN customer AS cu ON cu.tenant_id = $1 AND cu.id = i.customer_id
ORDER BY c.started_at, c.instance_id
