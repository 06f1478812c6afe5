-- Cases for a table: what each is about, where it stood at the instant asked for, and how it ended.
WITH
candidates AS (
    SELECT w.instance_id FROM unnest(:instances::uuid[]) AS w (instance_id)
),
{cases},
{amount_fields}
SELECT
    c.instance_id, c.definition_id, c.version, c.channel_id, c.campaign_id, c.region, c.owner_id, c.team_id,
    c.stage, c.outcome, c.started_at, c.moved_at, h.reason, p.external_id, d.key AS deal_key, d.title, a.amount, d.currency,
    cu.name AS customer_name, cu.phone AS customer_phone, cu.email AS customer_email
FROM cases AS c
JOIN process_instance AS p ON p.tenant_id = $1 AND p.id = c.instance_id
{last_step}
LEFT JOIN LATERAL (
    {known_amount}
) AS a (amount) ON true
LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = p.deal_id
LEFT JOIN customer AS cu ON cu.tenant_id = $1 AND cu.id = p.customer_id
ORDER BY c.started_at, c.instance_id
