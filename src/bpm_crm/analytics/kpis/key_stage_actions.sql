-- key: key_stage_actions
-- title.en: Actions at the key stage
-- title.ru: Действия на ключевом этапе
-- meaning.en: Acts of people (calls, letters, meetings, notes and the like; nothing automatic) in the period on cases that
--   stood in the key stage of their process just then.
-- meaning.ru: Действия людей (звонки, письма, встречи, заметки и прочее; не автоматические) за период по процессам, стоявшим
--   в этот момент на своём ключевом этапе.
-- kind: count
-- unit: count
-- better: higher
-- period: happened
-- dimensions: case, time
-- instant: h.occurred_at
WITH
{key_stages},
{moving_cases},
{cases},
units AS (
    SELECT c.instance_id, {segment} AS segment
    FROM cases AS c
    JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = c.instance_id
    CROSS JOIN LATERAL (
        SELECT s.to_stage, s.version
        FROM history AS s
        WHERE s.tenant_id = $1 AND s.instance_id = c.instance_id AND s.to_stage IS NOT NULL
          AND (s.occurred_at, s.sequence) < (h.occurred_at, h.sequence) AND s.recorded_at <= :known_at::timestamptz
        ORDER BY s.occurred_at DESC, s.sequence DESC
        LIMIT 1
    ) AS stood
    JOIN key_stages AS k ON k.definition_id = c.definition_id AND k.version = stood.version AND k.stage = stood.to_stage
    WHERE h.activity IS NOT NULL AND NOT (h.activity ->> 'automated')::boolean
      AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
