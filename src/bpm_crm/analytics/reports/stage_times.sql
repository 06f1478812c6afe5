-- Stage times: of the cases that entered a stage first in the period, how long they were in it, and whether in time.
WITH
calendars AS MATERIALIZED (
    -- The openings of each calendar, and the working microseconds from some origin to each of them; read from text but once.
    SELECT k.definition_id, k.version, k.starts::bigint[] AS starts, k.totals::bigint[] AS totals
    FROM unnest(:calendar_definitions::uuid[], :calendar_versions::int[], :calendar_starts::text[], :calendar_totals::text[])
        AS k (definition_id, version, starts, totals)
),
stage_clocks AS (
    -- Which SLA policy measures a stay in which stage, by version.
    SELECT b.definition_id, b.version, b.policy, b.stage
    FROM unnest(:bound_definitions::uuid[], :bound_versions::int[], :bound_policies::text[], :bound_stages::text[])
        AS b (definition_id, version, policy, stage)
),
holding AS (
    -- Stages in which every case is paused.
    SELECT p.definition_id, p.version, p.stage
    FROM unnest(:paused_definitions::uuid[], :paused_versions::int[], :paused_stages::text[]) AS p (definition_id, version, stage)
),
held AS (
    -- How long cases had been paused in the stage in which they stood, in business microseconds, where conditions pause them, and
    -- whether they were just then.
    SELECT p.instance_id, p.paused, p.is_paused
    FROM unnest(:held_instances::uuid[], :held_paused::bigint[], :held_now::boolean[]) AS p (instance_id, paused, is_paused)
),
{entering_cases},
{cases},
recorded AS (
    SELECT
        h.instance_id, h.sequence, h.kind, h.to_stage AS stage, h.outcome, h.occurred_at, h.business, h.active, {segment} AS segment,
        c.definition_id, c.version, lead(h.kind) OVER moves AS next_kind
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    WHERE h.to_stage IS NOT NULL AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
    WINDOW moves AS (PARTITION BY h.instance_id ORDER BY h.sequence)
),
moves AS (
    -- The moves of each case, each beside what the next one closed: the visit of the stage that it entered. A migration that was taken
    -- back, which only the very next step can do, was none: the case has been where it was all the time.
    SELECT
        r.instance_id, r.sequence, r.stage, r.outcome, r.occurred_at, r.segment, r.definition_id, r.version,
        lead(r.occurred_at) OVER moves AS left_at, lead(r.business) OVER moves AS business, lead(r.active) OVER moves AS active
    FROM recorded AS r
    WHERE r.kind <> 'migration_undone' AND NOT (r.kind = 'migration' AND r.next_kind IS NOT DISTINCT FROM 'migration_undone')
    WINDOW moves AS (PARTITION BY r.instance_id ORDER BY r.sequence)
),
visits AS (
    -- Every visit of a stage in which work goes on, in seconds; an open one as far as it was seen. Its business time is the working
    -- time until now less that until it was entered; `is_active`: its active time passes.
    SELECT
        m.instance_id, m.sequence, m.stage, m.occurred_at, m.segment,
        m.left_at IS NULL AS is_open, m.definition_id, m.version,
        m.left_at IS NULL AND p.stage IS NULL AND NOT coalesce(d.is_paused, false) AS is_active,
        greatest(extract(epoch FROM coalesce(m.left_at, :as_of::timestamptz) - m.occurred_at), 0)::float8 AS calendar,
        coalesce(m.business, w.business) / 1e6::float8 AS business,
        CASE
            WHEN m.left_at IS NOT NULL THEN m.active
            WHEN p.stage IS NOT NULL THEN 0
            ELSE greatest(w.business - coalesce(d.paused, 0), 0)
        END / 1e6::float8 AS active
    FROM moves AS m
    LEFT JOIN calendars AS k ON k.definition_id = m.definition_id AND k.version = m.version AND m.left_at IS NULL
    LEFT JOIN holding AS p ON p.definition_id = m.definition_id AND p.version = m.version AND p.stage = m.stage
    LEFT JOIN held AS d ON d.instance_id = m.instance_id
    CROSS JOIN LATERAL (
        SELECT
            (extract(epoch FROM m.occurred_at) * 1000000)::bigint AS since,
            (extract(epoch FROM :as_of::timestamptz) * 1000000)::bigint AS until
    ) AS u
    CROSS JOIN LATERAL (SELECT width_bucket(u.since, k.starts) AS since, width_bucket(u.until, k.starts) AS until) AS n
    CROSS JOIN LATERAL (
        SELECT greatest(
            least(k.totals[n.until] + u.until - k.starts[n.until], k.totals[n.until + 1])
                - least(k.totals[n.since] + u.since - k.starts[n.since], k.totals[n.since + 1]),
            0
        ) AS business
    ) AS w
    WHERE m.outcome IS NULL
),
numbered AS (
    -- The visits of each case in each stage from the first one on, beside what all of them come to.
    SELECT
        v.*,
        row_number() OVER stays AS place,
        count(*) OVER stage AS visits,
        first_value(v.occurred_at) OVER stays AS first_at,
        first_value(v.segment) OVER stays AS first_segment,
        bool_or(v.is_open) OVER stage AS is_any_open,
        bool_or(v.is_active) OVER stage AS is_any_active,
        sum(v.calendar) OVER stage AS all_calendar,
        sum(v.business) OVER stage AS all_business,
        sum(v.active) OVER stage AS all_active
    FROM visits AS v
    WINDOW
        stays AS (PARTITION BY v.instance_id, v.stage ORDER BY v.sequence),
        stage AS (PARTITION BY v.instance_id, v.stage)
),
stays AS (
    -- Those first entered in the period; `cell` numbers the segments.
    SELECT n.*, dense_rank() OVER (ORDER BY n.first_segment) AS cell
    FROM numbered AS n
    WHERE n.first_at >= :since::timestamptz AND n.first_at < :until::timestamptz
),
{clocked_cases},
{cycles},
targets AS MATERIALIZED (
    -- Which clock of which version sets the target of which stage, to be looked up.
    SELECT coalesce(jsonb_object_agg(t.definition_id || '/' || t.version || '/' || t.policy || '/' || t.stage, true), '{}') AS known
    FROM stage_clocks AS t
),
verdicts AS (
    -- What became of each clock once it is due: those that end sooner are not due earlier. And until when that holds if nothing happens.
    SELECT
        y.instance_id, y.begun AS sequence, y.definition_id || '/' || y.version || '/' || y.clock AS clock,
        CASE
            WHEN y.state = 'breached' OR (y.state = 'running' AND y.due_at < :as_of::timestamptz) THEN 'late'
            WHEN y.state = 'met' AND y.due_at <= :as_of::timestamptz THEN 'within'
            WHEN y.state IN ('met', 'running', 'paused') THEN 'not_yet_due'
        END AS verdict,
        CASE WHEN y.state IN ('met', 'running') AND y.due_at >= :as_of::timestamptz THEN y.due_at END AS valid_until
    FROM cycles AS y
),
begun AS (
    -- Each first stay with the clocks that began with it; put together by grouping, which no estimate of rows can slow down.
    SELECT
        g.instance_id, max(g.stage) AS stage, max(g.cell) AS cell, max(g.segment) AS segment, max(g.first_at) AS first_at,
        max(g.place) AS place, bool_or(g.is_any_open) AS is_any_open, max(g.visits) AS visits,
        array_agg(g.clock) AS clocks, array_agg(g.verdict) AS verdicts, array_agg(g.valid_until) AS valid_until
    FROM (
        SELECT
            s.instance_id, s.sequence, s.stage, s.cell, s.first_segment AS segment, s.first_at, s.definition_id || '/' || s.stage AS place,
            s.is_any_open, s.visits, NULL AS clock, NULL AS verdict, NULL::timestamptz AS valid_until
        FROM stays AS s
        WHERE s.place = 1
        UNION ALL
        SELECT v.instance_id, v.sequence, NULL, NULL, NULL, NULL, NULL, NULL, NULL, v.clock, v.verdict, v.valid_until
        FROM verdicts AS v
    ) AS g
    GROUP BY g.instance_id, g.sequence
    HAVING max(g.cell) IS NOT NULL
),
judged AS (
    -- Each first stay with the verdict of the clock that sets the target of its stage.
    SELECT
        b.stage, b.cell, b.segment, b.first_at, b.place, b.instance_id, b.is_any_open, b.visits,
        coalesce(v.verdict, 'untargeted') AS verdict, v.valid_until
    FROM begun AS b
    CROSS JOIN targets AS t
    CROSS JOIN LATERAL (
        SELECT max(c.verdict) AS verdict, max(c.valid_until) AS valid_until
        FROM unnest(b.clocks, b.verdicts, b.valid_until) AS c (clock, verdict, valid_until)
        WHERE t.known ? (c.clock || '/' || b.stage)
    ) AS v
),
members AS (
    -- The cases behind the numbers of each stage.
    SELECT j.stage AS step, j.cell, j.segment, n.number, j.instance_id, j.first_at, j.place, j.valid_until
    FROM judged AS j
    CROSS JOIN LATERAL (VALUES
        ('entered'),
        (CASE WHEN j.is_any_open THEN 'open' END),
        (CASE WHEN j.visits > 1 THEN 'reworked' END),
        (j.verdict)
    ) AS n (number)
    WHERE n.number IS NOT NULL
)
