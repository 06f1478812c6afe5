-- key: new_cases
-- title.en: New cases
-- title.ru: Новые обращения
-- meaning.en: Cases begun in the period.
-- meaning.ru: Процессы, начатые за период.
-- kind: count
-- unit: count
-- better: neither
-- period: begun
-- dimensions: case, time
-- instant: c.started_at
WITH
{begun_cases},
{cases},
units AS (
    SELECT c.instance_id, {standing_segment} AS segment FROM cases AS c
)
