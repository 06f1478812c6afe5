SELECT
    m.instance_id, {at} AS at, m.segment, n.number, n.amount, n.money,
    NULL::int AS slot, NULL::float8 AS seconds, NULL::int AS axis, NULL::timestamptz AS valid_until
FROM members AS m
CROSS JOIN LATERAL (VALUES
    ({place} || ' ' || m.number, 1::bigint, NULL::numeric),
    (CASE WHEN m.amount IS NOT NULL THEN jsonb_build_array({place}, m.number)::text END, 0, m.amount)
) AS n (number, amount, money)
WHERE n.number IS NOT NULL
