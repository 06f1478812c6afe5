SELECT
    m.instance_id, {at} AS at, m.segment, {place} || ' units' AS number, 1::bigint AS amount, NULL::numeric AS money,
    ({place} - 1) * 2 + (NOT m.is_seen)::int AS slot, m.seconds, CASE WHEN m.is_growing THEN 0 END AS axis, NULL::timestamptz AS valid_until
FROM units AS m
