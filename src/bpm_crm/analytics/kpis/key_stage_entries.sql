-- key: key_stage_entries
-- title.en: Entries into the key stage
-- title.ru: Входы в ключевой этап
-- meaning.en: How many times cases entered the key stage of their process in the period, re-entries included.
-- meaning.ru: Сколько раз процессы входили в свой ключевой этап за период, повторные входы считаются.
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
    JOIN key_stages AS k ON k.definition_id = h.definition_id AND k.version = h.version AND k.stage = h.to_stage
    WHERE h.kind NOT IN ('migration', 'migration_undone') AND h.occurred_at >= :since::timestamptz AND h.occurred_at < :until::timestamptz
      AND h.occurred_at <= :as_of::timestamptz AND h.recorded_at <= :known_at::timestamptz
)
