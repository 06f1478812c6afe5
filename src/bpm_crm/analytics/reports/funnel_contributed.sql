, contributed AS (
    -- What each case adds to the numbers of each step, and how long the way from the step before took it.
    SELECT
        m.instance_id, m.counted_at AS at, m.segment, s.step || ' ' || n.number AS number, n.amount, NULL::numeric AS money,
        CASE WHEN m.seconds IS NOT NULL THEN m.step END AS slot, m.seconds, NULL::int AS axis, NULL::timestamptz AS valid_until
    FROM members AS m
    CROSS JOIN LATERAL generate_series(m.step, m.through) AS s (step)
    CROSS JOIN LATERAL (VALUES (m.number, 1::bigint), (CASE WHEN m.visits IS NOT NULL THEN 'visits' END, m.visits)) AS n (number, amount)
    WHERE n.number IS NOT NULL
)
