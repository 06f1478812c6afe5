-- What a figure is asked of: the instants it is asked for (never later than now), and the versions published by then.
WITH clock AS MATERIALIZED (
    -- Read after the snapshot was taken, so that all it shows has been recorded by now.
    SELECT clock_timestamp() AS now
),
instants AS (
    SELECT
        least(coalesce(:as_of::timestamptz, c.now), c.now) AS as_of,
        least(coalesce(:known_at::timestamptz, :as_of::timestamptz, c.now), c.now) AS known_at,
        coalesce(:as_of::timestamptz >= c.now, true) AND coalesce(:known_at::timestamptz, :as_of::timestamptz, c.now) >= c.now AS is_current
    FROM clock AS c
)
SELECT n.as_of, n.known_at, n.is_current, p.definition_id, p.process, p.version
FROM instants AS n
LEFT JOIN LATERAL (
    SELECT d.id AS definition_id, d.key AS process, v.version
    FROM process_definition AS d
    JOIN process_version AS v ON v.tenant_id = $1 AND v.tenant_id = d.tenant_id AND v.definition_id = d.id
    WHERE d.tenant_id = $1
      AND (:process::text IS NULL OR d.key = :process::text)
      AND (v.published_at <= n.known_at OR v.version = 1)
) AS p ON true
ORDER BY p.process, p.version
