-- Objects of an event log: one page of the deals, or customers, of the cases begun in the period, in the order of their ids.
WITH
page AS (
    SELECT o.id
    FROM {object} AS o
    WHERE o.tenant_id = $1 AND (:after::uuid IS NULL OR o.id > :after::uuid)
      AND EXISTS (
        SELECT FROM process_instance AS i
        WHERE i.tenant_id = $1 AND i.{link} = o.id AND i.definition_id = ANY (:definitions::uuid[])
          AND i.started_at >= :since::timestamptz AND i.started_at < :until::timestamptz
      )
    ORDER BY o.id
    LIMIT :most::int
),
candidates AS (
    SELECT i.id AS instance_id
    FROM page AS p
    JOIN process_instance AS i ON i.tenant_id = $1 AND i.{link} = p.id
    WHERE i.started_at >= :since::timestamptz AND i.started_at < :until::timestamptz
),
{cases},
page_bound AS (
    SELECT (array_agg(p.id ORDER BY p.id DESC))[1] AS last_id, count(*) AS scanned FROM page AS p
)
SELECT b.last_id, b.scanned, o.*
FROM page_bound AS b
LEFT JOIN (
    SELECT o.* FROM {object} AS o
    WHERE o.tenant_id = $1 AND o.id IN (
        SELECT i.{link} FROM cases AS c JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = c.instance_id
    )
) AS o ON true
ORDER BY o.id
