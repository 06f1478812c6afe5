-- Losses: the cases that stood lost, by the stage they left and the reason, when the loss happened in the period.
WITH
{lost_cases},
{cases},
amount_fields AS (
    -- The data field that holds the amount of the deal, by version.
    SELECT f.definition_id, f.version, f.field
    FROM unnest(:amount_definitions::uuid[], :amount_versions::int[], :amount_fields::text[])
        AS f (definition_id, version, field)
),
losses AS (
    -- The last loss of each case, unless it was re-opened since.
    SELECT
        c.instance_id, c.deal_id, h.from_stage AS stage, h.reason, {segment} AS segment,
        (
            SELECT (v.data ->> f.field)::numeric
            FROM amount_fields AS f
            JOIN history AS v
              ON v.tenant_id = $1 AND v.instance_id = c.instance_id AND v.sequence <= h.sequence AND v.data ? f.field
            WHERE f.definition_id = c.definition_id AND f.version = c.version
            ORDER BY v.sequence DESC
            LIMIT 1
        ) AS amount
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.sequence = c.moved_sequence
    WHERE c.outcome = 'lost' AND c.moved_at >= :since::timestamptz AND c.moved_at < :until::timestamptz
),
members AS (
    SELECT
        l.stage || '/' || coalesce(l.reason, '') AS step, l.segment, 'lost' AS number, l.instance_id,
        l.stage, l.reason, l.amount, d.currency
    FROM losses AS l
    LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = l.deal_id
)
