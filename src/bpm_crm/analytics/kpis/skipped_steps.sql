-- key: skipped_steps
-- title.en: Skipped steps
-- title.ru: Пропущенные шаги
-- meaning.en: Of the funnel steps that lie before the furthest one each case has reached, the share it never touched, over
--   the cases begun in the period. A case counts once for each such step.
-- meaning.ru: Среди шагов воронки перед самым дальним достигнутым шагом процесса — доля тех, которых он не касался; по
--   процессам, начатым за период. Процесс считается по разу за каждый такой шаг.
-- kind: share
-- unit: share
-- better: lower
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
process_steps AS (
    SELECT s.definition_id, s.version, s.checkpoint, s.place
    FROM unnest(:step_definitions::uuid[], :step_versions::int[], :step_checkpoints::text[], :step_places::int[])
        AS s (definition_id, version, checkpoint, place)
),
{begun_cases},
{cases},
climbed AS MATERIALIZED (
    -- The steps that each case touched.
    SELECT c.*, t.places, t.furthest
    FROM cases AS c
    CROSS JOIN LATERAL (
        SELECT array_agg(s.place) AS places, max(s.place) AS furthest
        FROM history AS h
        JOIN process_steps AS s ON s.definition_id = c.definition_id AND s.version = c.version AND s.checkpoint = ANY (h.checkpoints)
        WHERE h.tenant_id = $1 AND h.instance_id = c.instance_id
          AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
    ) AS t
),
units AS (
    SELECT c.instance_id, {standing_segment} AS segment, s.place <> ALL (c.places) AS is_met
    FROM climbed AS c
    JOIN process_steps AS s ON s.definition_id = c.definition_id AND s.version = c.version AND s.place < c.furthest
)
