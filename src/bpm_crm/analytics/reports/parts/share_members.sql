members AS (
    SELECT '' AS step, u.segment, n.number, u.instance_id, 1::numeric AS amount, NULL::float8 AS seconds, true AS is_seen
    FROM units AS u
    CROSS JOIN LATERAL (
        VALUES (CASE WHEN u.is_met IS NULL THEN 'left_out' ELSE 'denominator' END), (CASE WHEN u.is_met THEN 'numerator' END)
    ) AS n (number)
    WHERE n.number IS NOT NULL
)
