-- key: time_to_key_stage
-- title.en: Time from lead to the key stage
-- title.ru: Время от обращения до ключевого этапа
-- meaning.en: From the start of a case begun in the period to its first entry into the key stage. Cases that did not get
--   there are censored at their end or at `asOf`.
-- meaning.ru: От начала процесса, начатого за период, до первого входа в ключевой этап. Не дошедшие цензурируются концом
--   процесса или `asOf`.
-- kind: duration
-- unit: seconds
-- better: lower
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{key_stages},
{begun_cases},
{cases},
{key_stage_arrivals},
units AS (
    SELECT
        c.instance_id, h.instance_id IS NOT NULL AS is_seen, h.instance_id IS NULL AND c.outcome IS NULL AS is_growing,
        CASE WHEN h.instance_id IS NULL THEN {standing_segment} ELSE {segment} END AS segment,
        greatest(extract(epoch FROM
            coalesce(h.occurred_at, CASE WHEN c.outcome IS NULL THEN :as_of::timestamptz ELSE c.moved_at END) - c.started_at
        ), 0)::float8 AS seconds
    FROM cases AS c
    JOIN key_stages AS k ON k.definition_id = c.definition_id AND k.version = c.version
    LEFT JOIN key_stage_arrivals AS h ON h.instance_id = c.instance_id
)
