-- Cohort: the cases that reached step 1 in the period, and which steps each of them reached.
WITH
{steps},
{unmapped},
{touching_cases},
{cases},
{units},
{touches},
{arrivals},
paths AS (
    SELECT
        a.*,
        first_value(a.step) OVER path AS first_step,
        first_value(a.occurred_at) OVER path AS entered_at
    FROM arrivals AS a
    WINDOW path AS (PARTITION BY a.unit_id ORDER BY a.step)
),
entries AS (
    -- The steps each case of the cohort reached, each beside those it reached before and after it.
    SELECT
        p.*,
        lag(p.step) OVER path AS last_step,
        lag(p.occurred_at) OVER path AS last_at,
        lag(p.segment) OVER path AS from_segment,
        coalesce(lead(p.step) OVER path, cardinality(:checkpoints::text[]) + 1) AS next_step,
        CASE
            WHEN p.outcome IN ('lost', 'cancelled') THEN 'lost'
            WHEN p.outcome IS NOT NULL OR p.entered_at + :window::interval < :as_of::timestamptz THEN 'missed'
            ELSE 'open'
        END AS standing,
        least(CASE WHEN p.outcome IS NULL THEN :as_of::timestamptz ELSE p.moved_at END, p.entered_at + :window::interval)
            AS seen_until
    FROM paths AS p
    WHERE p.first_step = 1 AND p.entered_at >= :since::timestamptz AND p.entered_at < :until::timestamptz
      AND (:window::interval IS NULL OR p.occurred_at <= p.entered_at + :window::interval)
    WINDOW path AS (PARTITION BY p.unit_id ORDER BY p.step)
),
members AS (
    -- Each number of the funnel as the cases it counts, at the steps from `step` to `through`; `seconds` from the step before,
    -- `waited` from step 1 until the step was reached, or as long as the case was seen without it.
    SELECT
        e.step, e.step AS through, e.segment, 'reached' AS number, e.instance_id, e.visits, NULL::float8 AS seconds,
        greatest(extract(epoch FROM e.occurred_at - e.entered_at), 0)::float8 AS waited,
        e.entered_at AS counted_at
    FROM entries AS e
    UNION ALL
    SELECT
        e.step + 1, e.next_step - 1, e.segment, e.standing, e.instance_id, NULL, NULL,
        greatest(extract(epoch FROM e.seen_until - e.entered_at), 0)::float8, e.entered_at
    FROM entries AS e WHERE e.next_step > e.step + 1
    UNION ALL
    SELECT e.step + 1, e.next_step - 1, e.segment, 'cancelled', e.instance_id, NULL, NULL, NULL, e.entered_at
    FROM entries AS e WHERE e.next_step > e.step + 1 AND e.outcome = 'cancelled'
    UNION ALL
    SELECT e.step + 1, e.step + 1, e.segment, n.number, e.instance_id, NULL, NULL, NULL, e.entered_at
    FROM entries AS e
    CROSS JOIN LATERAL (VALUES ('dropped'), (CASE WHEN e.standing = 'open' THEN 'pending' ELSE 'failed' END)) AS n (number)
    WHERE e.next_step > e.step + 1
    UNION ALL
    SELECT
        e.step, e.step, e.from_segment, 'advanced', e.instance_id, NULL,
        CASE WHEN e.last_step = e.step - 1 AND e.last_at <= e.occurred_at
            THEN extract(epoch FROM e.occurred_at - e.last_at)::float8 END,
        NULL, e.entered_at
    FROM entries AS e WHERE e.step > 1
    UNION ALL
    SELECT e.step, e.step, e.segment, 'forced', e.instance_id, NULL, NULL, NULL, e.entered_at
    FROM entries AS e WHERE e.is_forced
    UNION ALL
    SELECT e.step, e.step, e.segment, 'reworked', e.instance_id, NULL, NULL, NULL, e.entered_at
    FROM entries AS e WHERE e.visits > 1
    UNION ALL
    SELECT u.step, u.step, e.segment, 'unmapped', e.instance_id, NULL, NULL, NULL, e.entered_at
    FROM entries AS e
    JOIN unmapped AS u
      ON u.definition_id = e.definition_id AND u.version = e.version AND u.step >= e.step AND u.step < e.next_step
)
