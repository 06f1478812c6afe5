-- Snapshot: at which step each case begun in the period stood, that is, which it had touched last.
WITH
{steps},
{begun_cases},
{cases},
{units},
{touches},
positions AS (
    SELECT DISTINCT ON (t.unit_id)
        t.*,
        CASE WHEN t.outcome IN ('lost', 'cancelled') THEN 'lost' WHEN t.outcome IS NULL THEN 'open' ELSE 'missed' END
            AS standing
    FROM touches AS t
    ORDER BY t.unit_id, t.occurred_at DESC, t.sequence DESC, t.instance_id DESC, t.step DESC
),
members AS (
    -- Each number of the snapshot as the cases it counts, at the steps from `step` to `through`.
    SELECT p.step, p.step AS through, p.segment, 'reached' AS number, p.instance_id, p.visits, NULL::float8 AS seconds
    FROM positions AS p
    UNION ALL
    SELECT p.step, p.step, p.segment, n.number, p.instance_id, NULL, NULL
    FROM positions AS p
    CROSS JOIN LATERAL (VALUES
        (p.standing),
        (CASE WHEN p.outcome = 'cancelled' THEN 'cancelled' END),
        (CASE WHEN p.is_forced THEN 'forced' END),
        (CASE WHEN p.visits > 1 THEN 'reworked' END)
    ) AS n (number)
    WHERE n.number IS NOT NULL
)
