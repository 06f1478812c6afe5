SELECT
    m.instance_id, {at} AS at, m.segment, {place} || ' ' || m.number AS number, 1::bigint AS amount, NULL::numeric AS money,
    NULL::int AS slot, NULL::float8 AS seconds, NULL::int AS axis, NULL::timestamptz AS valid_until
FROM members AS m
