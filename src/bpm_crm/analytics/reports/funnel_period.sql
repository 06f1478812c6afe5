-- Period: the first entries into each step that fell into the period, whenever the case began.
WITH
{steps},
{mapped},
candidates AS (
    -- Cases that touched a step in the period: no others can have entered one for the first time in it.
    SELECT DISTINCT h.instance_id
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[])
      AND h.checkpoints IS NOT NULL AND h.checkpoints && :checkpoints::text[]
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
),
{cases},
{touches},
{arrivals},
placed AS (
    -- Each case at each step beside the step before; `is_entry`: first entered in the period.
    SELECT
        c.instance_id, c.definition_id, c.version, c.outcome, s.step, a.occurred_at AS reached_at, a.is_forced, a.visits, a.segment,
        a.occurred_at >= :since::timestamptz AND a.occurred_at < :until::timestamptz AS is_entry,
        lag(a.occurred_at) OVER path AS previous_at,
        lag(a.segment) OVER path AS from_segment,
        lag(a.occurred_at >= :since::timestamptz AND a.occurred_at < :until::timestamptz) OVER path AS is_entry_before
    FROM cases AS c
    CROSS JOIN steps AS s
    LEFT JOIN arrivals AS a ON a.instance_id = c.instance_id AND a.step = s.step
    WINDOW path AS (PARTITION BY c.instance_id ORDER BY s.step)
),
members AS (
    -- Each number of the funnel as the cases it counts.
    SELECT p.step, p.segment, 'reached' AS number, p.instance_id, p.visits, NULL::float8 AS seconds
    FROM placed AS p WHERE p.is_entry
    UNION ALL
    SELECT p.step, p.segment, 'forced', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_entry AND p.is_forced
    UNION ALL
    SELECT p.step, p.segment, 'reworked', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_entry AND p.visits > 1
    UNION ALL
    SELECT p.step, p.segment, 'advanced', p.instance_id, NULL, extract(epoch FROM p.reached_at - p.previous_at)::float8
    FROM placed AS p WHERE p.is_entry AND p.step > 1
    UNION ALL
    SELECT
        p.step, p.from_segment,
        CASE WHEN p.outcome IN ('lost', 'cancelled') THEN 'lost' WHEN p.outcome IS NULL THEN 'open' ELSE 'missed' END,
        p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_entry_before AND p.reached_at IS NULL
    UNION ALL
    SELECT p.step, p.from_segment, 'dropped', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_entry_before AND p.reached_at IS NULL
    UNION ALL
    SELECT p.step, p.from_segment, 'cancelled', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_entry_before AND p.reached_at IS NULL AND p.outcome = 'cancelled'
    UNION ALL
    SELECT p.step, p.from_segment, 'unmapped', p.instance_id, NULL, NULL
    FROM placed AS p
    LEFT JOIN mapped AS v ON v.definition_id = p.definition_id AND v.version = p.version AND v.step = p.step
    WHERE p.is_entry_before AND v.step IS NULL
)
