-- Snapshot: at which step each case stood, that is, which it had touched last.
WITH
{steps},
candidates AS (
    SELECT i.id AS instance_id
    FROM process_instance AS i
    WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[])
),
{cases},
{touches},
positions AS (
    SELECT DISTINCT ON (t.instance_id) t.instance_id, t.step, t.is_forced, t.visits, t.segment
    FROM touches AS t
    ORDER BY t.instance_id, t.occurred_at DESC, t.sequence DESC, t.step DESC
),
placed AS (
    SELECT
        p.instance_id, p.step, p.is_forced, p.visits, p.segment, c.outcome,
        CASE WHEN c.outcome IN ('lost', 'cancelled') THEN 'lost' WHEN c.outcome IS NULL THEN 'open' ELSE 'missed' END AS status
    FROM positions AS p
    JOIN cases AS c ON c.instance_id = p.instance_id
),
members AS (
    -- Each number of the snapshot as the cases it counts.
    SELECT p.step, p.segment, 'reached' AS number, p.instance_id, p.visits, NULL::float8 AS seconds
    FROM placed AS p
    UNION ALL
    SELECT p.step, p.segment, p.status, p.instance_id, NULL, NULL
    FROM placed AS p
    UNION ALL
    SELECT p.step, p.segment, 'cancelled', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.outcome = 'cancelled'
    UNION ALL
    SELECT p.step, p.segment, 'forced', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_forced
    UNION ALL
    SELECT p.step, p.segment, 'reworked', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.visits > 1
)
