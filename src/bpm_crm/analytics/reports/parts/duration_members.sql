members AS (
    SELECT '' AS step, u.segment, n.number, u.instance_id, 1::numeric AS amount, u.seconds, u.is_seen
    FROM units AS u
    CROSS JOIN LATERAL (VALUES ('denominator'), (CASE WHEN u.is_seen THEN 'numerator' END)) AS n (number)
    WHERE n.number IS NOT NULL
)
