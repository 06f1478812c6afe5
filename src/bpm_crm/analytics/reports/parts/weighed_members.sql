members AS (
    SELECT '' AS step, u.segment, u.number, u.instance_id, u.amount::numeric AS amount, NULL::float8 AS seconds, true AS is_seen
    FROM units AS u
)
