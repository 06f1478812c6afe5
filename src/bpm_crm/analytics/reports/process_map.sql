-- Process map: the cases begun in the period as sequences of events, what follows what, and where they leave their definition.
WITH
{begun_cases},
{cases},
{recorded},
{happenings},
places AS MATERIALIZED (
    -- Each event between those around it; equal instants go by sequence.
    SELECT
        p.instance_id, p.event AS activity, p.occurred_at, p.performer, p.case_outcome IS NOT NULL AS is_ended,
        row_number() OVER path AS place,
        lead(p.event) OVER path AS next_activity,
        lead(p.occurred_at) OVER path AS next_at,
        lead(p.event, 2) OVER path AS activity_after
    FROM happenings AS p
    WINDOW path AS (PARTITION BY p.instance_id ORDER BY p.occurred_at, p.sequence, p.position)
),
traces AS MATERIALIZED (
    -- Each case as one sequence of activities; `seconds` from its start to its end, null while it runs.
    SELECT
        t.instance_id, max(t.seconds) AS seconds, max(t.age) AS age, bool_or(t.is_ended) AS is_ended,
        coalesce(array_agg(t.activity ORDER BY t.place) FILTER (WHERE t.activity IS NOT NULL), '{}') AS activities,
        count(t.activity) AS events, count(DISTINCT t.activity) AS different
    FROM (
        SELECT
            c.instance_id, c.outcome IS NOT NULL AS is_ended, NULL::text AS activity, NULL::bigint AS place,
            CASE WHEN c.outcome IS NOT NULL THEN extract(epoch FROM c.moved_at - c.started_at) END AS seconds,
            extract(epoch FROM :as_of::timestamptz - c.started_at) AS age
        FROM cases AS c
        UNION ALL
        SELECT p.instance_id, p.is_ended, p.activity, p.place, NULL, NULL FROM places AS p
    ) AS t
    GROUP BY t.instance_id
),
done AS (
    -- How often each case saw each activity, and whether it began or stands with it.
    SELECT
        p.instance_id, p.activity, count(*) AS times, bool_or(p.is_ended) AS is_ended,
        bool_or(p.place = 1) AS is_first, bool_or(p.next_activity IS NULL) AS is_last
    FROM places AS p
    GROUP BY p.instance_id, p.activity
),
handovers AS (
    -- Work that went from one person to another: events next to each other among those that people did.
    SELECT w.* FROM (
        SELECT
            p.instance_id, p.performer AS giver, lead(p.performer) OVER path AS taker,
            extract(epoch FROM lead(p.occurred_at) OVER path - p.occurred_at) AS seconds
        FROM places AS p
        WHERE p.performer IS NOT NULL
        WINDOW path AS (PARTITION BY p.instance_id ORDER BY p.place)
    ) AS w
    WHERE w.taker <> w.giver
),
legal_moves AS (
    -- From which stage to which one each version has a transition.
    SELECT l.version, l.source, l.target
    FROM unnest(:legal_versions::int[], :legal_sources::text[], :legal_targets::text[]) AS l (version, source, target)
),
ordered_steps AS (
    -- The steps of the funnel of each version, in their order.
    SELECT s.version, s.checkpoint, s.place
    FROM unnest(:step_versions::int[], :step_checkpoints::text[], :step_places::int[]) AS s (version, checkpoint, place)
),
touched AS (
    SELECT DISTINCT c.instance_id, c.version, s.checkpoint, s.place
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    CROSS JOIN LATERAL unnest(h.checkpoints) AS r (checkpoint)
    JOIN ordered_steps AS s ON s.version = c.version AND s.checkpoint = r.checkpoint
    WHERE h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
),
deviations AS (
    -- Where cases left the definition they ran under: how, from where, to where.
    SELECT h.instance_id, d.kind, h.from_stage AS source, h.to_stage AS target
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    LEFT JOIN legal_moves AS l ON l.version = h.version AND l.source = h.from_stage AND l.target = h.to_stage
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN h.kind = 'forced' THEN 'forced_move' END),
        (CASE WHEN l.version IS NULL THEN 'undefined_move' END)
    ) AS d (kind)
    WHERE h.from_stage IS NOT NULL AND h.to_stage IS NOT NULL AND d.kind IS NOT NULL AND h.kind NOT IN ('migration', 'migration_undone')
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
    UNION ALL
    SELECT f.instance_id, 'skipped_step', NULL, s.checkpoint
    FROM (
        SELECT t.instance_id, t.version, max(t.place) AS place, array_agg(t.checkpoint) AS checkpoints
        FROM touched AS t
        GROUP BY t.instance_id, t.version
    ) AS f
    JOIN ordered_steps AS s ON s.version = f.version AND s.place < f.place AND s.checkpoint <> ALL (f.checkpoints)
),
members AS (
    -- The cases behind each number of a part of the map; `events` is how often the case counts in it.
    SELECT n.parts::text AS step, n.parts, '{}'::text[] AS segment, n.number, n.instance_id, n.events
    FROM (
        SELECT ARRAY['case'] AS parts, x.number, t.instance_id, t.events - CASE WHEN x.number = 'reworked' THEN t.different ELSE 0 END AS events
        FROM traces AS t
        CROSS JOIN LATERAL (VALUES
            ('cases'), (CASE WHEN t.is_ended THEN 'ended' ELSE 'open' END),
            (CASE WHEN t.events = 0 THEN 'eventless' END), (CASE WHEN t.events > t.different THEN 'reworked' END)
        ) AS x (number)
        WHERE x.number IS NOT NULL AND 'case' = ANY (:sections::text[])
        UNION ALL
        SELECT ARRAY['activity', d.activity], x.number, d.instance_id, d.times - CASE WHEN x.number = 'reworked' THEN 1 ELSE 0 END
        FROM done AS d
        CROSS JOIN LATERAL (VALUES
            ('cases'), (CASE WHEN d.is_first THEN 'starts' END), (CASE WHEN d.times > 1 THEN 'reworked' END),
            (CASE WHEN d.is_last THEN CASE WHEN d.is_ended THEN 'ends' ELSE 'standing' END END)
        ) AS x (number)
        WHERE x.number IS NOT NULL AND 'activity' = ANY (:sections::text[])
        UNION ALL
        SELECT ARRAY['edge', p.activity, p.next_activity], 'cases', p.instance_id, count(*)
        FROM places AS p
        WHERE p.next_activity IS NOT NULL AND 'edge' = ANY (:sections::text[])
        GROUP BY p.activity, p.next_activity, p.instance_id
        UNION ALL
        SELECT
            CASE WHEN p.activity = p.next_activity THEN ARRAY['loop', p.activity] ELSE ARRAY['loop', p.activity, p.next_activity] END,
            'cases', p.instance_id, count(*)
        FROM places AS p
        WHERE (p.activity = p.next_activity OR p.activity = p.activity_after) AND 'loop' = ANY (:sections::text[])
        GROUP BY 1, p.instance_id
        UNION ALL
        SELECT ARRAY['variant', md5(t.activities::text)], 'cases', t.instance_id, 1
        FROM traces AS t
        WHERE 'variant' = ANY (:sections::text[])
        UNION ALL
        SELECT ARRAY['handover', w.giver, w.taker], 'cases', w.instance_id, count(*)
        FROM handovers AS w
        WHERE 'handover' = ANY (:sections::text[])
        GROUP BY w.giver, w.taker, w.instance_id
        UNION ALL
        SELECT
            CASE WHEN GROUPING(d.target) = 1 THEN ARRAY['deviation', d.kind] ELSE ARRAY['deviation', d.kind, d.source, d.target] END,
            'cases', d.instance_id, count(*)
        FROM deviations AS d
        WHERE 'deviation' = ANY (:sections::text[])
        GROUP BY GROUPING SETS ((d.kind, d.instance_id), (d.kind, d.source, d.target, d.instance_id))
        UNION ALL
        SELECT ARRAY['conformance'], CASE WHEN bool_or(f.deviates) THEN 'deviating' ELSE 'conforming' END, f.instance_id, 1
        FROM (
            SELECT c.instance_id, false AS deviates FROM cases AS c
            UNION ALL
            SELECT d.instance_id, true FROM deviations AS d
        ) AS f
        WHERE 'deviation' = ANY (:sections::text[])
        GROUP BY f.instance_id
    ) AS n
)
