-- Period: the first entries into each step that fell into the period, whenever the case began.
WITH
{steps},
{unmapped},
{touching_cases},
{cases},
{units},
{touches},
{arrivals},
paths AS (
    -- The steps each case reached, each beside those it reached before and after it.
    SELECT
        a.*,
        lag(a.step) OVER path AS last_step,
        lag(a.occurred_at) OVER path AS last_at,
        coalesce(lead(a.step) OVER path, cardinality(:checkpoints::text[]) + 1) AS next_step,
        CASE WHEN a.outcome IN ('lost', 'cancelled') THEN 'lost' WHEN a.outcome IS NULL THEN 'open' ELSE 'missed' END
            AS standing
    FROM arrivals AS a
    WINDOW path AS (PARTITION BY a.unit_id ORDER BY a.step)
),
entries AS (
    SELECT * FROM paths AS p WHERE p.occurred_at >= :since::timestamptz AND p.occurred_at < :until::timestamptz
),
members AS (
    -- Each number of the funnel as the cases it counts, at the steps from `step` to `through`.
    SELECT e.step, e.step AS through, e.segment, 'reached' AS number, e.instance_id, e.visits, NULL::float8 AS seconds, e.occurred_at AS counted_at
    FROM entries AS e
    UNION ALL
    SELECT e.step + 1, e.step + 1, e.segment, n.number, e.instance_id, NULL, NULL, e.occurred_at
    FROM entries AS e
    CROSS JOIN LATERAL (VALUES ('dropped'), (e.standing), (CASE WHEN e.outcome = 'cancelled' THEN 'cancelled' END)) AS n (number)
    WHERE e.next_step > e.step + 1 AND n.number IS NOT NULL
    UNION ALL
    SELECT
        e.step, e.step, e.segment, 'advanced', e.instance_id, NULL,
        CASE WHEN e.last_step = e.step - 1 AND e.last_at <= e.occurred_at
            THEN extract(epoch FROM e.occurred_at - e.last_at)::float8 END,
        e.occurred_at
    FROM entries AS e WHERE e.step > 1
    UNION ALL
    SELECT e.step, e.step, e.segment, 'forced', e.instance_id, NULL, NULL, e.occurred_at
    FROM entries AS e WHERE e.is_forced
    UNION ALL
    SELECT e.step, e.step, e.segment, 'reworked', e.instance_id, NULL, NULL, e.occurred_at
    FROM entries AS e WHERE e.visits > 1
    UNION ALL
    SELECT u.step, u.step, e.segment, 'unmapped', e.instance_id, NULL, NULL, e.occurred_at
    FROM entries AS e
    JOIN unmapped AS u ON u.definition_id = e.definition_id AND u.version = e.version AND u.step = e.step + 1
)
