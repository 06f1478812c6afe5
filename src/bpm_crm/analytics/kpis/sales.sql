-- key: sales
-- title.en: Sales
-- title.ru: Продажи
-- meaning.en: Cases won in the period that still stand won at `asOf`.
-- meaning.ru: Процессы, выигранные за период и остающиеся выигранными на `asOf`.
-- kind: count
-- unit: count
-- better: higher
-- period: closed
-- dimensions: case, time
-- instant: c.moved_at
WITH
{closed_cases},
{cases},
units AS (
    SELECT c.instance_id, {segment} AS segment
    FROM cases AS c
    {last_step}
    WHERE c.outcome = 'won' AND c.moved_at >= :since::timestamptz AND c.moved_at < :until::timestamptz
)
