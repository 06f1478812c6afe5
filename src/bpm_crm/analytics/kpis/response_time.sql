-- key: response_time
-- title.en: Response time
-- title.ru: Время первого ответа
-- meaning.en: From the start of a case to the first outbound contact by a human, or to what the process itself counts as the response
--   (the checkpoint of its clock `response`, for example an answered call). Automatic replies and notes do not count. Cases without a
--   response are censored at their end or at `asOf`, not left out.
-- meaning.ru: От начала процесса до первого исходящего контакта человека или до того, что сам процесс считает ответом (контрольная точка
--   часов `response`, например принятый звонок). Автоответы и заметки не считаются. Процессы без ответа цензурируются, а не выпадают.
-- kind: duration
-- unit: seconds
-- better: lower
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
response_checkpoints AS (
    SELECT r.definition_id, r.version, r.checkpoint
    FROM unnest(:response_definitions::uuid[], :response_versions::int[], :response_checkpoints::text[])
        AS r (definition_id, version, checkpoint)
),
{begun_cases},
{cases},
units AS (
    SELECT
        c.instance_id, h.instance_id IS NOT NULL AS is_seen, h.instance_id IS NULL AND c.outcome IS NULL AS is_growing,
        CASE WHEN h.instance_id IS NULL THEN {standing_segment} ELSE {segment} END AS segment,
        greatest(extract(epoch FROM
            coalesce(h.occurred_at, CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END) - c.started_at
        ), 0)::float8 AS seconds
    FROM cases AS c
    LEFT JOIN LATERAL (
        SELECT s.*
        FROM history AS s
        WHERE s.tenant_id = $1 AND s.instance_id = c.instance_id
          AND s.occurred_at <= :as_of::timestamptz AND s.recorded_at <= :known_at::timestamptz
          AND (
              s.activity ->> 'direction' = 'outbound' AND NOT (s.activity ->> 'automated')::boolean
              OR s.checkpoints && ARRAY(
                  SELECT r.checkpoint
                  FROM response_checkpoints AS r
                  WHERE r.definition_id = s.definition_id AND r.version = s.version
              )
          )
        ORDER BY s.occurred_at, s.sequence
        LIMIT 1
    ) AS h ON true
)
