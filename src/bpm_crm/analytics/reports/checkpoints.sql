-- Checkpoints: of the cases begun in the period, which reached each checkpoint and when; and the clocks due in the period.
WITH
{steps},
bound_clocks AS (
    -- Which SLA policy measures which checkpoint, by version.
    SELECT b.version, b.policy, b.step
    FROM unnest(:bound_versions::int[], :bound_policies::text[], :bound_steps::int[]) AS b (version, policy, step)
),
cycles AS (
    -- Each cycle of a bound clock as its last event left it; events are told by when they happened and were recorded.
    SELECT DISTINCT ON (h.instance_id, b.policy, e.cycle)
        h.instance_id, h.sequence, b.step, e.state, e.open AS is_open,
        timestamptz 'epoch' + e.due * interval '1 microsecond' AS due_at
    FROM history AS h
    CROSS JOIN LATERAL ROWS FROM (
        jsonb_to_recordset(h.clocks) AS (clock text, cycle int, at bigint, state text, open boolean, due bigint)
    ) WITH ORDINALITY AS e (clock, cycle, at, state, open, due, position)
    JOIN bound_clocks AS b ON b.version = h.version AND b.policy = e.clock
    WHERE h.tenant_id = $1 AND h.definition_id = ANY (:definitions::uuid[]) AND h.clocks IS NOT NULL
      AND h.recorded_at <= :known_at::timestamptz
      AND timestamptz 'epoch' + e.at * interval '1 microsecond' <= :as_of::timestamptz
    ORDER BY h.instance_id, b.policy, e.cycle, h.sequence DESC, e.position DESC
),
due_cycles AS (
    SELECT
        y.instance_id, y.sequence, y.step, y.is_open,
        CASE
            WHEN y.state IN ('met', 'breached', 'cancelled') THEN y.state
            WHEN y.state = 'running' AND y.due_at < :as_of::timestamptz THEN 'breached'
            ELSE 'not_yet_due'
        END AS verdict
    FROM cycles AS y
    WHERE y.due_at >= :since::timestamptz AND y.due_at < :until::timestamptz
),
candidates AS (
    SELECT i.id AS instance_id
    FROM process_instance AS i
    WHERE i.tenant_id = $1 AND i.definition_id = ANY (:definitions::uuid[])
      AND i.started_at >= :since::timestamptz AND i.started_at < :until::timestamptz
    UNION
    SELECT y.instance_id FROM due_cycles AS y
),
{cases},
{touches},
{arrivals},
waits AS (
    -- How long each case begun in the period waited for each checkpoint: until it was reached, ended, or seen last.
    SELECT
        s.step, c.instance_id,
        a.step IS NOT NULL AS is_reached,
        coalesce(a.visits, 0) AS visits,
        CASE WHEN a.step IS NULL THEN {standing_segment} ELSE a.segment END AS segment,
        extract(epoch FROM coalesce(
            a.occurred_at, CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END
        ) - c.started_at)::float8 AS seconds
    FROM cases AS c
    CROSS JOIN steps AS s
    LEFT JOIN arrivals AS a ON a.instance_id = c.instance_id AND a.step = s.step
    WHERE c.started_at >= :since::timestamptz AND c.started_at < :until::timestamptz
),
moments AS (
    -- At each length of waiting: how many reached the checkpoint after just that long, how many had waited at least that long.
    SELECT
        w.step, w.segment, w.seconds,
        count(*) FILTER (WHERE w.is_reached) AS events,
        sum(count(*)) OVER (PARTITION BY w.step, w.segment ORDER BY w.seconds DESC) AS at_risk
    FROM waits AS w
    GROUP BY w.step, w.segment, w.seconds
),
survival AS (
    -- Kaplan-Meier: the share still waiting after each length.
    SELECT
        m.step, m.segment, m.seconds,
        exp(sum(CASE WHEN m.events = m.at_risk THEN '-Infinity'::float8 ELSE ln((1 - m.events / m.at_risk)::float8) END)
            OVER (PARTITION BY m.step, m.segment ORDER BY m.seconds)) AS waiting
    FROM moments AS m
),
expected AS (
    -- The lengths after which half, and nine tenths, have reached the checkpoint; null where that was not seen.
    SELECT
        v.step, v.segment,
        min(v.seconds) FILTER (WHERE v.waiting <= 0.5 + 1e-9) AS median,
        min(v.seconds) FILTER (WHERE v.waiting <= 0.1 + 1e-9) AS p90
    FROM survival AS v
    GROUP BY v.step, v.segment
),
measured AS (
    SELECT
        w.step, w.segment,
        count(*) AS started,
        count(*) FILTER (WHERE w.is_reached) AS reached,
        sum(w.visits)::bigint AS actions,
        avg(w.seconds) FILTER (WHERE w.is_reached) AS mean,
        percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY w.seconds) FILTER (WHERE w.is_reached) AS seconds
    FROM waits AS w
    GROUP BY w.step, w.segment
),
attained AS (
    -- Verdicts by segment: of a closed cycle as of the step that closed it, of an open one as its case was last known.
    SELECT
        v.step, v.segment,
        count(*) FILTER (WHERE v.verdict = 'met') AS met,
        count(*) FILTER (WHERE v.verdict = 'breached') AS breached,
        count(*) FILTER (WHERE v.verdict = 'breached' AND v.is_open) AS overdue,
        count(*) FILTER (WHERE v.verdict = 'not_yet_due') AS not_yet_due,
        count(*) FILTER (WHERE v.verdict = 'cancelled') AS cancelled
    FROM (
        SELECT y.step, y.verdict, y.is_open, CASE WHEN y.is_open THEN {standing_segment} ELSE {segment} END AS segment
        FROM due_cycles AS y
        JOIN cases AS c ON c.instance_id = y.instance_id
        JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = y.instance_id AND h.sequence = y.sequence
    ) AS v
    GROUP BY v.step, v.segment
),
members AS (
    SELECT w.step, w.segment, n.number, w.instance_id
    FROM waits AS w
    CROSS JOIN LATERAL (VALUES ('started'), (CASE WHEN w.is_reached THEN 'reached' ELSE 'unreached' END)) AS n (number)
)
