, contributed AS (
    -- What each lost case adds: itself by stage and reason, and its money by currency. A name is a JSON list.
    SELECT
        m.instance_id, m.occurred_at AS at, m.segment, n.number, n.amount, n.money,
        NULL::int AS slot, NULL::float8 AS seconds, NULL::int AS axis, NULL::timestamptz AS valid_until
    FROM members AS m
    CROSS JOIN LATERAL (VALUES
        (jsonb_build_array('cases', m.stage, m.reason)::text, 1::bigint, NULL::numeric),
        (CASE WHEN m.amount IS NOT NULL AND m.currency IS NOT NULL THEN jsonb_build_array('priced', m.stage, m.reason, m.currency)::text END, 1, NULL),
        (CASE WHEN m.amount IS NOT NULL AND m.currency IS NOT NULL THEN jsonb_build_array('amount', m.stage, m.reason, m.currency)::text END, 0, m.amount)
    ) AS n (number, amount, money)
    WHERE n.number IS NOT NULL
)
