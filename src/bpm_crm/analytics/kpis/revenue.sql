-- key: revenue
-- title.en: Revenue
-- title.ru: Выручка
-- meaning.en: The amounts of the purchases of the period: of cases won in it that still stand won at `asOf` and opened their deal. A
--   process that follows on the same deal adds nothing. Those without an amount are left out and said so.
-- meaning.ru: Суммы покупок за период: процессов, выигранных за период, остающихся выигранными на `asOf` и открывших свою сделку.
--   Процесс, продолжающий ту же сделку, ничего не добавляет. Покупки без суммы не входят, и это показано.
-- kind: sum
-- unit: money
-- better: higher
-- period: closed
-- dimensions: case, time
-- instant: c.moved_at
WITH
{closed_cases},
{cases},
{amount_fields},
{sold},
units AS (
    SELECT
        c.instance_id, CASE WHEN c.amount IS NULL THEN 'left_out' ELSE 'numerator' END AS number, c.amount, {segment} AS segment
    FROM sold AS c
    {last_step}
)
