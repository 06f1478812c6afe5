-- Checkpoints: of the cases begun in the period, which reached each checkpoint and when; and the clocks due in the period.
WITH
{steps},
bound_clocks AS (
    -- Which SLA policy measures which checkpoint, by version.
    SELECT b.definition_id, b.version, b.policy, b.step
    FROM unnest(:bound_definitions::uuid[], :bound_versions::int[], :bound_policies::text[], :bound_steps::int[])
        AS b (definition_id, version, policy, step)
),
{clocked_due},
{cycles},
{due_cycles},
{starting_cases},
bound_cycles AS (
    SELECT y.*, b.step
    FROM due_cycles AS y
    JOIN bound_clocks AS b ON b.definition_id = y.definition_id AND b.version = y.version AND b.policy = y.clock
),
candidates AS (
    -- Cases begun in the period, and those with cycles due in it; with these cycles side by side.
    SELECT
        p.instance_id,
        array_agg(p.step) FILTER (WHERE p.step IS NOT NULL) AS due_steps,
        array_agg(p.sequence) FILTER (WHERE p.step IS NOT NULL) AS due_sequences,
        array_agg(p.verdict) FILTER (WHERE p.step IS NOT NULL) AS verdicts,
        array_agg(p.is_open) FILTER (WHERE p.step IS NOT NULL) AS are_open,
        array_agg(p.worked) FILTER (WHERE p.step IS NOT NULL) AS worked,
        array_agg(p.due_at) FILTER (WHERE p.step IS NOT NULL) AS due_instants,
        array_agg(p.valid_until) FILTER (WHERE p.step IS NOT NULL) AS valid_until
    FROM (
        SELECT
            s.instance_id, NULL::int AS step, NULL::int AS sequence, NULL::text AS verdict, NULL::boolean AS is_open,
            NULL::float8 AS worked, NULL::timestamptz AS due_at, NULL::timestamptz AS valid_until
        FROM starting AS s
        UNION ALL
        SELECT y.instance_id, y.step, y.sequence, y.verdict, y.is_open, y.worked, y.due_at, y.valid_until FROM bound_cycles AS y
    ) AS p
    GROUP BY p.instance_id
),
{cases},
{units},
{touches},
{arrivals},
visited AS (
    -- The business seconds a case had spent when a move ended a visit of a stage: none at its start.
    SELECT
        h.instance_id, h.sequence,
        coalesce(sum(h.business) OVER (PARTITION BY h.instance_id ORDER BY h.sequence), 0) / 1e6::float8 AS worked
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    WHERE h.to_stage IS NOT NULL
),
seen AS (
    -- The cases begun in the period, with how long each was seen, and what each of them reached; `cell` numbers the segments.
    SELECT p.*, dense_rank() OVER (ORDER BY p.segment) AS cell
    FROM (
        SELECT
            c.instance_id, c.started_at, c.outcome, NULL::int AS step, NULL::bigint AS visits, {standing_segment} AS segment,
            extract(epoch FROM CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END - c.started_at)::float8
                AS seconds,
            NULL::float8 AS worked
        FROM cases AS c
        WHERE c.started_at >= :since::timestamptz AND c.started_at < :until::timestamptz
        UNION ALL
        SELECT
            a.instance_id, a.started_at, a.outcome, a.step, a.visits, a.segment,
            extract(epoch FROM a.occurred_at - a.started_at)::float8, v.worked
        FROM arrivals AS a
        LEFT JOIN visited AS v ON v.instance_id = a.instance_id AND v.sequence = a.sequence
        WHERE a.started_at >= :since::timestamptz AND a.started_at < :until::timestamptz
    ) AS p
),
cells AS (
    SELECT DISTINCT e.cell, e.segment FROM seen AS e
),
begun AS (
    SELECT
        e.instance_id,
        max(e.cell) FILTER (WHERE e.step IS NULL) AS cell,
        max(e.seconds) FILTER (WHERE e.step IS NULL) AS seconds,
        max(e.segment) FILTER (WHERE e.step IS NULL) AS segment,
        max(e.started_at) AS started_at, max(e.outcome) AS outcome,
        array_agg(e.step) AS reached
    FROM seen AS e
    GROUP BY e.instance_id
),
waits AS (
    -- How long each case waited for each checkpoint: until it was reached, or as long as the case was seen.
    SELECT e.step, e.cell, e.instance_id, true AS is_reached, e.visits, e.seconds, e.worked, e.segment, e.started_at, e.outcome
    FROM seen AS e
    WHERE e.step IS NOT NULL
    UNION ALL
    SELECT s.step, b.cell, b.instance_id, false, 0, b.seconds, NULL, b.segment, b.started_at, b.outcome
    FROM begun AS b
    JOIN steps AS s ON array_position(b.reached, s.step) IS NULL
),
lasted AS (
    SELECT
        w.step, w.cell, avg(w.seconds) AS mean,
        percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY w.seconds) AS seconds,
        percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY w.worked) AS worked
    FROM waits AS w
    WHERE w.is_reached
    GROUP BY w.step, w.cell
),
measured AS (
    SELECT
        w.step, w.cell,
        count(*) AS started, count(*) FILTER (WHERE w.is_reached) AS reached, sum(w.visits)::bigint AS actions
    FROM waits AS w
    GROUP BY w.step, w.cell
),
judged AS (
    -- Verdicts by segment: of a closed cycle as of the step that closed it, of an open one as its case was last known.
    SELECT p.*, dense_rank() OVER (ORDER BY p.segment) AS cell
    FROM (
        SELECT
            c.instance_id, y.step, y.verdict, y.is_open, y.worked, y.due_at, y.valid_until,
            CASE WHEN y.is_open THEN {standing_segment} ELSE {segment} END AS segment
        FROM cases AS c
        CROSS JOIN LATERAL unnest(
            c.due_steps, c.due_sequences, c.verdicts, c.are_open, c.worked, c.due_instants, c.valid_until
        ) AS y (step, sequence, verdict, is_open, worked, due_at, valid_until)
        JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id AND h.sequence = y.sequence
    ) AS p
),
observed AS (
    -- How long cases waited for checkpoints, and the business time of judged clocks: an overdue one is seen as far as its target.
    SELECT 'wait' AS measure, w.step, w.cell, w.seconds, w.is_reached AS is_seen
    FROM waits AS w
    UNION ALL
    SELECT 'clock', j.step, j.cell, j.worked, NOT j.is_open
    FROM judged AS j
    WHERE j.verdict IN ('met', 'breached') AND j.worked IS NOT NULL
),
{kaplan_meier},
attained AS (
    SELECT
        v.step, v.cell, v.segment,
        count(*) FILTER (WHERE v.verdict = 'met') AS met,
        count(*) FILTER (WHERE v.verdict = 'breached') AS breached,
        count(*) FILTER (WHERE v.verdict = 'breached' AND v.is_open) AS overdue,
        count(*) FILTER (WHERE v.verdict = 'not_yet_due') AS not_yet_due,
        count(*) FILTER (WHERE v.verdict = 'cancelled') AS cancelled
    FROM judged AS v
    GROUP BY v.step, v.cell, v.segment
),
members AS (
    -- The cases behind the numbers, at the steps from `step` to `through`.
    SELECT w.step, w.step AS through, l.segment, n.number, w.instance_id
    FROM waits AS w
    JOIN cells AS l ON l.cell = w.cell
    CROSS JOIN LATERAL (VALUES ('started'), (CASE WHEN w.is_reached THEN 'reached' ELSE 'unreached' END)) AS n (number)
)
