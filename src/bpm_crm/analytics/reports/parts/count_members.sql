members AS (
    SELECT '' AS step, u.segment, 'numerator' AS number, u.instance_id, 1::numeric AS amount, NULL::float8 AS seconds, true AS is_seen
    FROM units AS u
)
