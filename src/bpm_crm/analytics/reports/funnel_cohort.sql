-- Cohort: the cases that reached step 1 in the period, and which steps each of them reached.
WITH RECURSIVE
{steps},
{mapped},
candidates AS (
    -- Cases that touched an entrance in the period: no others can have reached step 1 in it.
    SELECT DISTINCT h.instance_id
    FROM history AS h
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[])
      AND h.checkpoints IS NOT NULL AND h.checkpoints && :entrances::text[]
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
),
{cases},
{touches},
chained AS (
    -- Order mode `all`: touches that come after touches of all earlier steps in their order; equal instants go by sequence.
    SELECT t.instance_id, t.step, t.occurred_at, t.sequence, t.is_forced, t.visits, t.segment
    FROM touches AS t
    WHERE t.step = 1 AND :order_mode::text = 'all'
    UNION
    SELECT t.instance_id, t.step, t.occurred_at, t.sequence, t.is_forced, t.visits, t.segment
    FROM chained AS e
    JOIN touches AS t
      ON t.instance_id = e.instance_id AND t.step = e.step + 1
     AND (t.occurred_at, t.sequence) >= (e.occurred_at, e.sequence)
),
counted AS (
    -- The touches by which a step can be reached; under `implied` those of later steps as well.
    SELECT
        t.instance_id, s.step, t.occurred_at, t.sequence, t.is_forced, t.segment,
        CASE WHEN s.step = t.step THEN t.visits ELSE 0 END AS visits
    FROM touches AS t
    JOIN steps AS s ON s.step = t.step OR (s.step < t.step AND :order_mode::text = 'implied')
    WHERE :order_mode::text <> 'all'
    UNION ALL
    SELECT e.instance_id, e.step, e.occurred_at, e.sequence, e.is_forced, e.segment, e.visits
    FROM chained AS e
),
arrivals AS (
    -- When each case reached each step: the earliest of those touches.
    SELECT DISTINCT ON (t.instance_id, t.step)
        t.instance_id, t.step, t.occurred_at, t.is_forced, t.segment,
        max(t.visits) OVER (PARTITION BY t.instance_id, t.step) AS visits
    FROM counted AS t
    ORDER BY t.instance_id, t.step, t.occurred_at, t.sequence
),
cohort AS (
    SELECT
        a.instance_id, a.occurred_at AS entered_at, c.definition_id, c.version, c.outcome,
        coalesce(:as_of::timestamptz > a.occurred_at + :window::interval, false) AS is_over
    FROM arrivals AS a
    JOIN cases AS c ON c.instance_id = a.instance_id
    WHERE a.step = 1 AND a.occurred_at >= :since::timestamptz AND a.occurred_at < :until::timestamptz
),
grid AS (
    -- Every case of the cohort at every step; `rank` numbers the steps it has reached so far.
    SELECT
        e.instance_id, e.definition_id, e.version, e.outcome, e.is_over,
        s.step, a.occurred_at AS reached_at, a.is_forced, a.visits, a.segment,
        count(a.step) OVER (PARTITION BY e.instance_id ORDER BY s.step) AS rank
    FROM cohort AS e
    CROSS JOIN steps AS s
    LEFT JOIN arrivals AS a
      ON a.instance_id = e.instance_id AND a.step = s.step
     AND (:window::interval IS NULL OR a.occurred_at <= e.entered_at + :window::interval)
),
held AS (
    -- Whose the case was at each step: the segment in which it reached the step, else the last one before it.
    SELECT
        g.instance_id, g.definition_id, g.version, g.outcome, g.is_over, g.step, g.reached_at, g.is_forced, g.visits,
        first_value(g.segment) OVER (PARTITION BY g.instance_id, g.rank ORDER BY g.step) AS segment
    FROM grid AS g
),
placed AS (
    -- Each case at each step beside the step before.
    SELECT
        e.*,
        lag(e.segment) OVER path AS from_segment,
        lag(e.reached_at) OVER path AS previous_at,
        CASE
            WHEN e.reached_at IS NOT NULL THEN 'reached'
            WHEN e.outcome IN ('lost', 'cancelled') THEN 'lost'
            WHEN e.outcome IS NOT NULL OR e.is_over THEN 'missed'
            ELSE 'open'
        END AS status
    FROM held AS e
    WINDOW path AS (PARTITION BY e.instance_id ORDER BY e.step)
),
members AS (
    -- Each number of the funnel as the cases it counts.
    SELECT p.step, p.segment, p.status AS number, p.instance_id, p.visits, NULL::float8 AS seconds
    FROM placed AS p
    UNION ALL
    SELECT p.step, p.segment, 'cancelled', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.status = 'lost' AND p.outcome = 'cancelled'
    UNION ALL
    SELECT p.step, p.segment, 'forced', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.is_forced
    UNION ALL
    SELECT p.step, p.segment, 'reworked', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.visits > 1
    UNION ALL
    SELECT p.step, p.segment, 'unmapped', p.instance_id, NULL, NULL
    FROM placed AS p
    LEFT JOIN mapped AS v ON v.definition_id = p.definition_id AND v.version = p.version AND v.step = p.step
    WHERE v.step IS NULL
    UNION ALL
    SELECT p.step, p.from_segment, 'advanced', p.instance_id, NULL, extract(epoch FROM p.reached_at - p.previous_at)::float8
    FROM placed AS p WHERE p.step > 1 AND p.status = 'reached'
    UNION ALL
    SELECT p.step, p.from_segment, 'dropped', p.instance_id, NULL, NULL
    FROM placed AS p WHERE p.previous_at IS NOT NULL AND p.status <> 'reached'
)
