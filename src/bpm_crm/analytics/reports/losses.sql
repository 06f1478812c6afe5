-- Losses: the cases that stood lost, by the stage they left and the reason, when the loss happened in the period.
WITH
{losing_cases},
{cases},
{lost},
{amount_fields},
losses AS (
    SELECT
        l.*,
        (
            SELECT (v.data ->> f.field)::numeric
            FROM amount_fields AS f
            JOIN history AS v
              ON v.tenant_id = $1 AND v.instance_id = l.instance_id AND v.sequence <= l.sequence AND v.data ? f.field
            WHERE f.definition_id = l.definition_id AND f.version = l.version
            ORDER BY v.sequence DESC
            LIMIT 1
        ) AS amount
    FROM lost AS l
),
members AS (
    SELECT
        l.stage || '/' || coalesce(l.reason, '') AS step, l.segment, 'lost' AS number, l.instance_id,
        l.stage, l.reason, l.amount, d.currency, l.occurred_at
    FROM losses AS l
    LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.id = l.deal_id
)
