, contributed AS (
    -- What each lost case adds: itself by stage and reason, and its money by currency. A name is a JSON list.
    SELECT
        m.instance_id, c.moved_at AS at, m.segment, n.number, n.amount, n.is_count, NULL::int AS slot, NULL::float8 AS seconds
    FROM members AS m
    JOIN cases AS c ON c.instance_id = m.instance_id
    CROSS JOIN LATERAL (VALUES
        (jsonb_build_array('cases', m.stage, m.reason)::text, 1::numeric, true),
        (CASE WHEN m.amount IS NOT NULL AND m.currency IS NOT NULL THEN jsonb_build_array('priced', m.stage, m.reason, m.currency)::text END, 1, true),
        (CASE WHEN m.amount IS NOT NULL AND m.currency IS NOT NULL THEN jsonb_build_array('amount', m.stage, m.reason, m.currency)::text END, m.amount, false)
    ) AS n (number, amount, is_count)
    WHERE n.number IS NOT NULL
)
